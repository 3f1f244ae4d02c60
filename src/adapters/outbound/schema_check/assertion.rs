//! The keywords that look at a value itself: how each is read, and when it holds.

use std::hash::RandomState;

use serde_json::Value;

use super::node::{Bound, Keyword, Measure, Members, Types};
use super::number::{Decimal, Exact};
use super::pattern::Patterns;
use super::value;

/// Reads a keyword; `None` if it is not an assertion (or not a keyword at all). An error says what its
/// value must be.
pub(super) fn parse(
    name: &str,
    value: &Value,
    patterns: &mut Patterns,
) -> Result<Option<Keyword>, String> {
    Ok(Some(match name {
        "type" => Keyword::Type(types(value)?),
        "const" => Keyword::Const(value.clone()),
        "enum" => Keyword::Enum(members(value)?),
        "minimum" => Keyword::Bound(Bound::Minimum, number(value)?),
        "exclusiveMinimum" => Keyword::Bound(Bound::ExclusiveMinimum, number(value)?),
        "maximum" => Keyword::Bound(Bound::Maximum, number(value)?),
        "exclusiveMaximum" => Keyword::Bound(Bound::ExclusiveMaximum, number(value)?),
        "multipleOf" => {
            let number = number(value)?;
            let positive = Exact::new(&number).compare(Exact::Int(0)).is_gt();
            match Decimal::new(&number) {
                Some(decimal) if positive => Keyword::MultipleOf(number, decimal),
                _ => return Err("must be a number above 0".to_owned()),
            }
        }
        "minLength" => Keyword::AtLeast(Measure::Characters, count(value)?),
        "maxLength" => Keyword::AtMost(Measure::Characters, count(value)?),
        "minItems" => Keyword::AtLeast(Measure::Items, count(value)?),
        "maxItems" => Keyword::AtMost(Measure::Items, count(value)?),
        "minProperties" => Keyword::AtLeast(Measure::Properties, count(value)?),
        "maxProperties" => Keyword::AtMost(Measure::Properties, count(value)?),
        "required" => Keyword::Required(strings(value)?),
        "dependentRequired" => Keyword::DependentRequired(
            value
                .as_object()
                .ok_or("must be an object of arrays of strings")?
                .iter()
                .map(|(name, needs)| Ok((name.clone(), strings(needs)?)))
                .collect::<Result<_, String>>()?,
        ),
        "pattern" => Keyword::Pattern(patterns.compile(value.as_str().ok_or("must be a string")?)?),
        "uniqueItems" => match value {
            Value::Bool(true) => Keyword::UniqueItems(RandomState::new()),
            Value::Bool(false) => return Ok(None),
            _ => return Err("must be true or false".to_owned()),
        },
        _ => return Ok(None),
    }))
}

fn types(value: &Value) -> Result<Types, String> {
    let wrong = || format!("must be one of {}, or an array of them", Types::NAMES.join(", "));
    let bit = |name: &Value| name.as_str().and_then(Types::bit);
    let bits = match value {
        Value::Array(names) if !names.is_empty() => {
            names.iter().map(bit).try_fold(0, |all, bit| Some(all | bit?))
        }
        name => bit(name),
    };
    bits.map(Types).ok_or_else(wrong)
}

fn members(value: &Value) -> Result<Members, String> {
    let values = value.as_array().ok_or("must be an array")?.clone();
    let keys = RandomState::new();
    let hashes = values.iter().map(|value| value::hash(value, &keys, &mut 0)).collect();
    Ok(Members { values, hashes, keys })
}

fn number(value: &Value) -> Result<serde_json::Number, String> {
    value.as_number().cloned().ok_or_else(|| "must be a number".to_owned())
}

/// A count: an integer from 0, which may be written as `2.0`.
pub(super) fn count(value: &Value) -> Result<u64, String> {
    match value.as_number().map(Exact::new) {
        Some(Exact::Int(count)) if count >= 0 => Ok(u64::try_from(count).unwrap_or(u64::MAX)),
        Some(Exact::Float(count)) if count >= 1e30 => Ok(u64::MAX),
        _ => Err("must be an integer from 0".to_owned()),
    }
}

fn strings(value: &Value) -> Result<Vec<String>, String> {
    let strings = value.as_array().and_then(|list| {
        list.iter().map(|item| item.as_str().map(str::to_owned)).collect::<Option<Vec<_>>>()
    });
    strings.ok_or_else(|| "must be an array of strings".to_owned())
}

/// Whether an assertion holds. Adds its work to `steps`, but for that of a pattern. Keywords that apply
/// schemas hold here.
pub(super) fn holds(keyword: &Keyword, value: &Value, steps: &mut u64) -> bool {
    match (keyword, value) {
        (Keyword::Never, _) => false,
        (Keyword::Type(types), _) => types.hold(value),
        (Keyword::Const(constant), _) => value::same(constant, value, steps),
        (Keyword::Enum(members), _) => {
            let hash = value::hash(value, &members.keys, steps);
            members.hashes.contains(&hash)
                && members.values.iter().any(|member| value::same(member, value, steps))
        }
        (Keyword::Bound(bound, limit), Value::Number(number)) => {
            let order = Exact::new(number).compare(Exact::new(limit));
            match bound {
                Bound::Minimum => order.is_ge(),
                Bound::ExclusiveMinimum => order.is_gt(),
                Bound::Maximum => order.is_le(),
                Bound::ExclusiveMaximum => order.is_lt(),
            }
        }
        (Keyword::MultipleOf(_, unit), Value::Number(number)) => {
            *steps += 8;
            Decimal::new(number).is_some_and(|number| number.is_multiple_of(*unit))
        }
        (Keyword::AtLeast(measure, least), _) => {
            size(*measure, value, steps).is_none_or(|size| size >= *least)
        }
        (Keyword::AtMost(measure, most), _) => {
            size(*measure, value, steps).is_none_or(|size| size <= *most)
        }
        (Keyword::Required(names), Value::Object(members)) => {
            *steps += names.len() as u64;
            names.iter().all(|name| members.contains_key(name))
        }
        (Keyword::DependentRequired(needs), Value::Object(members)) => {
            *steps += needs.len() as u64;
            needs.iter().filter(|(name, _)| members.contains_key(name)).all(|(_, needed)| {
                *steps += needed.len() as u64;
                needed.iter().all(|name| members.contains_key(name))
            })
        }
        (Keyword::Pattern(pattern), Value::String(text)) => pattern.is_match(text),
        (Keyword::UniqueItems(keys), Value::Array(items)) => unique(items, keys, steps),
        _ => true,
    }
}

/// How large a value is; `None` where the measure is not one of its kind.
fn size(measure: Measure, value: &Value, steps: &mut u64) -> Option<u64> {
    let size = match (measure, value) {
        (Measure::Characters, Value::String(text)) => {
            *steps += value::chars_cost(text.len());
            text.chars().count()
        }
        (Measure::Items, Value::Array(items)) => items.len(),
        (Measure::Properties, Value::Object(members)) => members.len(),
        _ => return None,
    };
    Some(size as u64)
}

fn unique(items: &[Value], keys: &RandomState, steps: &mut u64) -> bool {
    let mut hashed: Vec<_> =
        items.iter().map(|item| (value::hash(item, keys, steps), item)).collect();
    hashed.sort_unstable_by_key(|(hash, _)| *hash);
    // Equal items have equal hashes; the hash is keyed, so that nobody can make others collide.
    hashed.windows(2).all(|pair| match pair {
        [(a, left), (b, right)] => a != b || !value::same(left, right, steps),
        _ => true,
    })
}
