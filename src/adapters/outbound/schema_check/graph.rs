//! What a schema must not be as a graph: a subschema that applies itself, or a long chain of subschemas, to
//! one and the same value. Everything else is bounded by the value's own depth and by counted steps.

use super::node::{Keyword, Node, NodeId};
use super::place::Places;

/// Longest chain of subschemas that apply each other to the same value.
const MAX_IN_PLACE: u32 = 100;

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    New,
    Open,
    /// With the length of the longest chain from here.
    Done(u32),
}

/// Refuses cycles and chains, naming a place on them.
pub(super) fn check(nodes: &[Node], places: &Places<'_>) -> Result<(), String> {
    let mut states = vec![State::New; nodes.len()];
    for start in 0..nodes.len() {
        let mut path = vec![start];
        while let Some(&at) = path.last() {
            let Some(node) = nodes.get(at) else { break };
            let id = NodeId(u32::try_from(at).unwrap_or(u32::MAX));
            match states.get(at) {
                Some(State::New) => {
                    set(&mut states, at, State::Open);
                    for next in in_place(node) {
                        match states.get(next.index()) {
                            Some(State::New) => path.push(next.index()),
                            Some(State::Open) => {
                                return Err(format!(
                                    "at {}: the schema applies itself to the same value without end; let the \
                                     reference lie under properties, items or another keyword that goes into \
                                     the value",
                                    places.pointer(id)
                                ));
                            }
                            _ => {}
                        }
                    }
                }
                Some(State::Open) => {
                    path.pop();
                    let longest = in_place(node)
                        .filter_map(|next| match states.get(next.index()) {
                            Some(State::Done(length)) => Some(*length),
                            _ => None,
                        })
                        .max();
                    let length = longest.map_or(0, |length| length + 1);
                    if length > MAX_IN_PLACE {
                        return Err(format!(
                            "at {}: schema too complex to validate safely: more than {MAX_IN_PLACE} schemas \
                             apply each other to the same value",
                            places.pointer(id)
                        ));
                    }
                    set(&mut states, at, State::Done(length));
                }
                _ => {
                    path.pop();
                }
            }
        }
    }
    Ok(())
}

fn set(states: &mut [State], at: usize, state: State) {
    if let Some(slot) = states.get_mut(at) {
        *slot = state;
    }
}

/// The subschemas that a node applies to its own value.
fn in_place(node: &Node) -> impl Iterator<Item = NodeId> {
    node.keywords.iter().flat_map(|keyword| -> Vec<NodeId> {
        match keyword {
            Keyword::Ref(node) | Keyword::Not(node) => vec![*node],
            Keyword::AllOf(nodes) | Keyword::AnyOf(nodes) | Keyword::OneOf(nodes) => nodes.clone(),
            Keyword::If { condition, then, otherwise } => {
                [Some(*condition), *then, *otherwise].into_iter().flatten().collect()
            }
            Keyword::DependentSchemas(schemas) => schemas.iter().map(|(_, node)| *node).collect(),
            _ => Vec::new(),
        }
    })
}
