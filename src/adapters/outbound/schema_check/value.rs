//! Equality and hashing of JSON values as JSON Schema defines them: numbers by value, objects whatever the
//! order of their members.

use std::hash::{BuildHasher as _, RandomState};

use serde_json::Value;

use super::number::Exact;

/// Whether two values are the same to JSON Schema. Adds what it looked at to `steps`.
pub(super) fn same(a: &Value, b: &Value, steps: &mut u64) -> bool {
    *steps += 1;
    match (a, b) {
        (Value::Null, Value::Null) => true,
        (Value::Bool(a), Value::Bool(b)) => a == b,
        (Value::Number(a), Value::Number(b)) => Exact::new(a).compare(Exact::new(b)).is_eq(),
        (Value::String(a), Value::String(b)) => {
            *steps += chars_cost(a.len().min(b.len()));
            a == b
        }
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b, steps))
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len()
                && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| same(a, b, steps)))
        }
        _ => false,
    }
}

/// What it costs to go once over so many bytes of text.
pub(super) const fn chars_cost(bytes: usize) -> u64 {
    bytes as u64 / 64
}

/// A hash that is equal for values that are the [`same`]. Adds what it looked at to `steps`.
pub(super) fn hash(value: &Value, keys: &RandomState, steps: &mut u64) -> u64 {
    *steps += 1;
    match value {
        Value::Null => keys.hash_one(0_u8),
        Value::Bool(bool) => keys.hash_one((1_u8, bool)),
        Value::Number(number) => match Exact::new(number) {
            Exact::Int(int) => keys.hash_one((2_u8, int)),
            Exact::Float(float) => keys.hash_one((3_u8, float.to_bits())),
        },
        Value::String(text) => {
            *steps += chars_cost(text.len());
            keys.hash_one((4_u8, text))
        }
        Value::Array(items) => {
            let start = keys.hash_one((5_u8, items.len()));
            items.iter().fold(start, |all, item| keys.hash_one((all, hash(item, keys, steps))))
        }
        Value::Object(members) => {
            let start = keys.hash_one((6_u8, members.len()));
            members.iter().fold(start, |all, (key, member)| {
                *steps += chars_cost(key.len());
                all.wrapping_add(keys.hash_one((key, hash(member, keys, steps))))
            })
        }
    }
}
