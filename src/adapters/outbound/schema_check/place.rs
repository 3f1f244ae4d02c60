//! Places in a schema, for messages: each node knows the node above it, and the path is written out only
//! when something is to be said about it.

use super::node::NodeId;
use crate::domain::text::pointer_token;

/// How a node hangs in the schema.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'s> {
    above: NodeId,
    keyword: &'s str,
    inner: Inner<'s>,
}

/// Where under its keyword.
#[derive(Debug, Clone, Copy)]
pub(super) enum Inner<'s> {
    Itself,
    Named(&'s str),
    Nth(usize),
}

/// Longest path in a message, in characters.
const MAX_CHARS: usize = 200;

/// The place of every node.
#[derive(Default)]
pub(super) struct Places<'s>(Vec<Option<Place<'s>>>);

impl<'s> Places<'s> {
    pub(super) fn root(&mut self) {
        self.0.push(None);
    }

    pub(super) fn below(&mut self, above: NodeId, keyword: &'s str, inner: Inner<'s>) {
        self.0.push(Some(Place { above, keyword, inner }));
    }

    /// The place of a node, as a JSON pointer in a URI fragment: `#/properties/a`.
    pub(super) fn pointer(&self, node: NodeId) -> String {
        let mut parts = Vec::new();
        let mut at = node;
        while let Some(Some(place)) = self.0.get(at.index()) {
            match place.inner {
                Inner::Itself => {}
                Inner::Named(name) => parts.push(pointer_token(name)),
                Inner::Nth(index) => parts.push(index.to_string()),
            }
            parts.push(pointer_token(place.keyword));
            at = place.above;
        }
        parts.push("#".to_owned());
        parts.reverse();
        clip(&parts.join("/"), MAX_CHARS)
    }
}

/// The beginning of a text; says so where something is left out.
pub(super) fn clip(text: &str, max: usize) -> String {
    match text.char_indices().nth(max) {
        Some((end, _)) => format!("{}...", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}
