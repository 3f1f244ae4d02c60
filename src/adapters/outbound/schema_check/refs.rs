//! References: which subschema a `$ref` means. Only places inside the schema can be meant; nothing is ever
//! fetched.

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value};
use url::Url;

use super::place::clip;
use crate::domain::tool::schema::positions::{Position, position};

/// The base of a schema that has no `$id`.
const NO_ID: &str = "json-schema:///";
/// Longest `$id` once resolved, in bytes.
const MAX_URI_BYTES: usize = 2_048;

/// A schema resource: 0 is the whole schema, the others are subschemas with an `$id` of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Resource(usize);

impl Resource {
    pub(super) const WHOLE: Self = Self(0);
}

/// Everything in a schema that a reference can name.
pub(super) struct Index<'s> {
    /// The whole schema, and the base of what has no `$id`.
    whole: (Url, &'s Value),
    /// The other resources: each one's URI and its root.
    embedded: Vec<(Url, &'s Value)>,
    by_uri: HashMap<String, Resource>,
    anchors: HashMap<(Resource, &'s str), &'s Value>,
    /// The resources that have a `$dynamicAnchor` of this name.
    dynamic: HashMap<&'s str, HashSet<Resource>>,
    /// The resource that each subschema belongs to, by its address.
    owners: HashMap<usize, Resource>,
}

impl<'s> Index<'s> {
    /// Walks all subschemas once, without recursion.
    pub(super) fn new(root: &'s Value) -> Result<Self, String> {
        let base = Url::parse(NO_ID).map_err(|why| why.to_string())?;
        let mut index = Self {
            whole: (base, root),
            embedded: Vec::new(),
            by_uri: HashMap::new(),
            anchors: HashMap::new(),
            dynamic: HashMap::new(),
            owners: HashMap::new(),
        };
        index.by_uri.insert(NO_ID.to_owned(), Resource::WHOLE);
        let mut waiting = vec![(root, Resource::WHOLE)];
        while let Some((schema, above)) = waiting.pop() {
            let Value::Object(members) = schema else { continue };
            let resource = index.resource(schema, members, above)?;
            index.owners.insert(address(schema), resource);
            index.anchor(schema, members, resource)?;
            for (keyword, value) in members {
                match (position(keyword), value) {
                    (Some(Position::One), _) => waiting.push((value, resource)),
                    (Some(Position::List), Value::Array(list)) => {
                        waiting.extend(list.iter().map(|schema| (schema, resource)));
                    }
                    (Some(Position::Map), Value::Object(map)) => {
                        waiting.extend(map.values().map(|schema| (schema, resource)));
                    }
                    _ => {}
                }
            }
        }
        Ok(index)
    }

    fn resource(
        &mut self,
        schema: &'s Value,
        members: &'s Map<String, Value>,
        above: Resource,
    ) -> Result<Resource, String> {
        let Some(id) = members.get("$id") else { return Ok(above) };
        let id = id.as_str().ok_or("$id must be a string")?;
        let shown = || clip(id, 80);
        let mut uri = self
            .entry(above)
            .0
            .join(id)
            .map_err(|why| format!("the $id '{}' is not a URI: {why}", shown()))?;
        if uri.fragment().is_some_and(|fragment| !fragment.is_empty()) {
            return Err(format!("the $id '{}' must not have a fragment; use $anchor", shown()));
        }
        uri.set_fragment(None);
        if uri.as_str().len() > MAX_URI_BYTES {
            return Err(format!("the $id '{}' is longer than {MAX_URI_BYTES} bytes", shown()));
        }
        let resource = Resource(self.embedded.len() + 1);
        if self.by_uri.insert(uri.as_str().to_owned(), resource).is_some() {
            return Err(format!("the $id '{}' comes twice", shown()));
        }
        self.embedded.push((uri, schema));
        Ok(resource)
    }

    fn anchor(
        &mut self,
        schema: &'s Value,
        members: &'s Map<String, Value>,
        resource: Resource,
    ) -> Result<(), String> {
        for keyword in ["$anchor", "$dynamicAnchor"] {
            let Some(name) = members.get(keyword) else { continue };
            let name = name.as_str().ok_or_else(|| format!("{keyword} must be a string"))?;
            match self.anchors.insert((resource, name), schema) {
                Some(other) if !std::ptr::eq(other, schema) => {
                    return Err(format!("the {keyword} '{}' comes twice", clip(name, 80)));
                }
                _ => {}
            }
            if keyword == "$dynamicAnchor" {
                self.dynamic.entry(name).or_default().insert(resource);
            }
        }
        Ok(())
    }

    fn entry(&self, resource: Resource) -> &(Url, &'s Value) {
        let embedded = resource.0.checked_sub(1).and_then(|at| self.embedded.get(at));
        embedded.unwrap_or(&self.whole)
    }

    /// The resource that a subschema belongs to; `otherwise` for one outside the known positions.
    pub(super) fn owner(&self, schema: &Value, otherwise: Resource) -> Resource {
        self.owners.get(&address(schema)).copied().unwrap_or(otherwise)
    }

    /// What a `$ref` in `from` means, and the resource it is in.
    pub(super) fn resolve(
        &self,
        reference: &str,
        from: Resource,
    ) -> Result<(&'s Value, Resource), String> {
        let shown = || clip(reference, 120);
        let (resource, fragment) = if let Some(fragment) = reference.strip_prefix('#') {
            (from, fragment.to_owned())
        } else {
            let mut uri = self
                .entry(from)
                .0
                .join(reference)
                .map_err(|why| format!("the reference '{}' is not a URI: {why}", shown()))?;
            let fragment = uri.fragment().unwrap_or_default().to_owned();
            uri.set_fragment(None);
            let resource = self.by_uri.get(uri.as_str()).ok_or_else(|| {
                format!(
                    "the reference '{}' leads out of the schema; nothing is fetched, so put what it means \
                     under $defs",
                    shown()
                )
            })?;
            (*resource, fragment)
        };
        let fragment = percent_decode(&fragment);
        let target = if fragment.is_empty() || fragment.starts_with('/') {
            self.entry(resource).1.pointer(&fragment)
        } else {
            self.anchors.get(&(resource, fragment.as_str())).copied()
        };
        target
            .map(|target| (target, self.owner(target, resource)))
            .ok_or_else(|| format!("the reference '{}' leads to nothing in the schema", shown()))
    }

    /// What a `$dynamicRef` means. It is a `$ref` unless several resources have its anchor: which of them
    /// is meant then depends on how the evaluation came there.
    pub(super) fn resolve_dynamic(
        &self,
        reference: &str,
        from: Resource,
    ) -> Result<(&'s Value, Resource), String> {
        let (target, resource) = self.resolve(reference, from)?;
        let anchor = target.get("$dynamicAnchor").and_then(Value::as_str);
        let is_dynamic = anchor.is_some_and(|anchor| {
            reference.rsplit_once('#').is_some_and(|(_, fragment)| fragment == anchor)
                && self.dynamic.get(anchor).is_some_and(|resources| resources.len() > 1)
        });
        if is_dynamic {
            return Err(format!(
                "the $dynamicRef '{}' could mean several schemas: use $ref, or give the $dynamicAnchor to one \
                 schema only",
                clip(reference, 120)
            ));
        }
        Ok((target, resource))
    }
}

/// A subschema's address: schemas are told apart by where they stand.
pub(super) fn address(schema: &Value) -> usize {
    std::ptr::from_ref(schema).addr()
}

fn percent_decode(text: &str) -> String {
    if !text.contains('%') {
        return text.to_owned();
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let hex = after.get(..2).filter(|_| first == b'%');
        let byte = hex
            .and_then(|hex| std::str::from_utf8(hex).ok())
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        bytes.push(byte.unwrap_or(first));
        rest = if byte.is_some() { after.get(2..).unwrap_or_default() } else { after };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
