//! Words for what a schema expects and for what came instead, short enough to read.

use std::io;

use serde::Serialize as _;
use serde_json::Value;

use super::node::{Arena, Bound, Keyword, Measure, NodeId, Properties};
use super::place::clip;

/// Longest value shown, in bytes.
const MAX_VALUE_BYTES: usize = 120;
/// Longest expectation, in characters.
const MAX_EXPECTED_CHARS: usize = 300;
/// Most alternatives named.
const MAX_ALTERNATIVES: usize = 8;

/// What a failed keyword expects of the value.
pub(super) fn expected(keyword: &Keyword, value: &Value) -> String {
    let words = match keyword {
        Keyword::Type(types) => types.names().join(" or "),
        Keyword::Const(constant) => show(constant),
        Keyword::Enum(members) => {
            let shown: Vec<_> =
                members.values.iter().take(MAX_ALTERNATIVES * 4).map(show).collect();
            format!("one of {}", shown.join(", "))
        }
        Keyword::Bound(Bound::Minimum, limit) => format!("a number of at least {limit}"),
        Keyword::Bound(Bound::ExclusiveMinimum, limit) => format!("a number above {limit}"),
        Keyword::Bound(Bound::Maximum, limit) => format!("a number of at most {limit}"),
        Keyword::Bound(Bound::ExclusiveMaximum, limit) => format!("a number below {limit}"),
        Keyword::MultipleOf(unit, _) => format!("a multiple of {unit}"),
        Keyword::AtLeast(measure, least) => format!("at least {least} {}", unit(*measure)),
        Keyword::AtMost(measure, most) => format!("at most {most} {}", unit(*measure)),
        Keyword::Required(names) => missing(names.iter(), value),
        Keyword::DependentRequired(needs) => {
            let due = needs.iter().filter(|(name, _)| value.get(name).is_some());
            missing(due.flat_map(|(_, needed)| needed), value)
        }
        Keyword::Pattern(pattern) => {
            format!("a string that matches the pattern {}", pattern.source())
        }
        Keyword::UniqueItems(_) => "items that all differ".to_owned(),
        Keyword::Not(_) => "a value that the schema's \"not\" does not describe".to_owned(),
        Keyword::Contains { min, max: None, .. } => {
            format!("at least {min} items that match contains")
        }
        Keyword::Contains { min, max: Some(max), .. } => {
            format!("{min} to {max} items that match contains")
        }
        Keyword::OneOf(nodes) => format!("exactly one of {} alternatives to match", nodes.len()),
        Keyword::PropertyNames(_) => "property names as propertyNames describes them".to_owned(),
        _ => "no value here".to_owned(),
    };
    clip(&words, MAX_EXPECTED_CHARS)
}

fn missing<'a>(names: impl Iterator<Item = &'a String>, value: &Value) -> String {
    let missing: Vec<_> = names
        .filter(|name| value.get(name.as_str()).is_none())
        .take(MAX_ALTERNATIVES)
        .map(|name| format!("{:?}", clip(name, MAX_VALUE_BYTES)))
        .collect();
    format!("the required property {}", missing.join(", "))
}

const fn unit(measure: Measure) -> &'static str {
    match measure {
        Measure::Characters => "characters",
        Measure::Items => "items",
        Measure::Properties => "properties",
    }
}

/// The alternatives of an `anyOf` or `oneOf`, each by its most telling keyword.
pub(super) fn alternatives(arena: &Arena, nodes: &[NodeId]) -> String {
    let mut known: Vec<_> = nodes
        .iter()
        .take(MAX_ALTERNATIVES)
        .map(|node| describe(arena, *node, 8).unwrap_or_else(|| "another schema".to_owned()))
        .collect();
    known.dedup();
    let more = if nodes.len() > MAX_ALTERNATIVES { ", ..." } else { "" };
    clip(&format!("one of these: {}{more}", known.join(", ")), MAX_EXPECTED_CHARS)
}

fn describe(arena: &Arena, node: NodeId, hops: u8) -> Option<String> {
    let keywords = &arena.get(node).keywords;
    keywords
        .iter()
        .find_map(|keyword| match keyword {
            Keyword::Const(constant) => Some(show(constant)),
            Keyword::Ref(target) if hops > 0 => describe(arena, *target, hops - 1),
            Keyword::Properties(properties) => constant_member(arena, properties),
            _ => None,
        })
        .or_else(|| {
            keywords.iter().find_map(|keyword| match keyword {
                Keyword::Type(types) => Some(types.names().join(" or ")),
                Keyword::Enum(members) => {
                    members.values.first().map(|first| format!("{}...", show(first)))
                }
                _ => None,
            })
        })
}

/// The first member, by name, that must be a constant.
fn constant_member(arena: &Arena, properties: &Properties) -> Option<String> {
    let constants = properties.named.iter().filter_map(|(name, node)| {
        arena.get(*node).keywords.iter().find_map(|keyword| match keyword {
            Keyword::Const(constant) => Some((name, constant)),
            _ => None,
        })
    });
    let (name, constant) = constants.min_by_key(|(name, _)| *name)?;
    Some(format!("an object whose {name:?} is {}", show(constant)))
}

/// A value as JSON, clipped; a large one is not written out first.
pub(super) fn show(value: &Value) -> String {
    let mut head = Head(Vec::new());
    let whole = value.serialize(&mut serde_json::Serializer::new(&mut head)).is_ok();
    let text = String::from_utf8_lossy(&head.0);
    // A character cut in two at the end is left out.
    let text = text.trim_end_matches('\u{fffd}');
    if whole { text.to_owned() } else { format!("{text}...") }
}

/// Takes so many bytes and refuses the rest.
struct Head(Vec<u8>);

impl io::Write for Head {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = MAX_VALUE_BYTES.saturating_sub(self.0.len());
        let fits = bytes.get(..room.min(bytes.len())).unwrap_or_default();
        self.0.extend_from_slice(fits);
        if fits.len() < bytes.len() {
            Err(io::ErrorKind::WriteZero.into())
        } else {
            Ok(bytes.len())
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
