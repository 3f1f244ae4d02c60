//! Where JSON Schema 2020-12 has schemas inside schemas: the keywords that apply or hold subschemas.

/// What the value of a keyword is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Position {
    /// One schema.
    One,
    /// An array of schemas.
    List,
    /// An object whose values are schemas.
    Map,
}

/// What a keyword of 2020-12 holds; `None` for one that holds no schemas. Everything else in a schema,
/// such as the value of `const` or `examples`, is data whatever it looks like.
pub fn position(keyword: &str) -> Option<Position> {
    Some(match keyword {
        "additionalProperties"
        | "contains"
        | "contentSchema"
        | "else"
        | "if"
        | "items"
        | "not"
        | "propertyNames"
        | "then"
        | "unevaluatedItems"
        | "unevaluatedProperties" => Position::One,
        "allOf" | "anyOf" | "oneOf" | "prefixItems" => Position::List,
        "$defs" | "definitions" | "dependentSchemas" | "patternProperties" | "properties" => {
            Position::Map
        }
        _ => return None,
    })
}
