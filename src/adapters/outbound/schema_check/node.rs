//! A compiled schema: one node for each subschema, in an arena, referring to each other by number. A cycle
//! of references is a cycle of numbers, so that nothing owns itself.

use std::collections::{HashMap, HashSet};
use std::hash::RandomState;
use std::sync::Arc;

use serde_json::Value;

use super::number::{Decimal, Exact};
use super::pattern::Pattern;

/// The number of a node in its arena.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct NodeId(pub(super) u32);

impl NodeId {
    pub(super) const ROOT: Self = Self(0);

    pub(super) const fn index(self) -> usize {
        self.0 as usize
    }
}

/// One subschema.
#[derive(Default)]
pub(super) struct Node {
    /// In the order of evaluation: cheap ones first, `unevaluated*` last.
    pub(super) keywords: Vec<Keyword>,
    /// Whether it has `unevaluated*`, and so has to know what its other keywords evaluate.
    pub(super) tracks: bool,
    /// Whether no keyword applies another schema.
    pub(super) leaf: bool,
}

/// What a number is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bound {
    Minimum,
    ExclusiveMinimum,
    Maximum,
    ExclusiveMaximum,
}

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Measure {
    Characters,
    Items,
    Properties,
}

/// A set of JSON types.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Types(pub(super) u8);

impl Types {
    /// The names, in the order of their bits.
    pub(super) const NAMES: [&'static str; 7] =
        ["null", "boolean", "object", "array", "number", "string", "integer"];

    pub(super) fn bit(name: &str) -> Option<u8> {
        Self::NAMES.iter().position(|known| *known == name).map(|bit| 1 << bit)
    }

    pub(super) fn names(self) -> Vec<&'static str> {
        Self::NAMES
            .into_iter()
            .enumerate()
            .filter_map(|(bit, name)| (self.0 & (1 << bit) != 0).then_some(name))
            .collect()
    }

    pub(super) fn hold(self, value: &Value) -> bool {
        let bits = match value {
            Value::Null => 1,
            Value::Bool(_) => 1 << 1,
            Value::Object(_) => 1 << 2,
            Value::Array(_) => 1 << 3,
            Value::Number(number) if Exact::new(number).is_int() => 1 << 4 | 1 << 6,
            Value::Number(_) => 1 << 4,
            Value::String(_) => 1 << 5,
        };
        self.0 & bits != 0
    }
}

/// A keyword, or several that are evaluated together.
pub(super) enum Keyword {
    /// The schema `false`.
    Never,
    Type(Types),
    Const(Value),
    Enum(Members),
    Bound(Bound, serde_json::Number),
    MultipleOf(serde_json::Number, Decimal),
    AtLeast(Measure, u64),
    AtMost(Measure, u64),
    Required(Vec<String>),
    DependentRequired(Vec<(String, Vec<String>)>),
    Pattern(Arc<Pattern>),
    UniqueItems(RandomState),
    Ref(NodeId),
    Not(NodeId),
    AllOf(Vec<NodeId>),
    AnyOf(Vec<NodeId>),
    OneOf(Vec<NodeId>),
    If {
        condition: NodeId,
        then: Option<NodeId>,
        otherwise: Option<NodeId>,
    },
    DependentSchemas(Vec<(String, NodeId)>),
    PropertyNames(NodeId),
    Properties(Properties),
    Items {
        prefix: Vec<NodeId>,
        rest: Option<NodeId>,
    },
    Contains {
        node: NodeId,
        min: u64,
        max: Option<u64>,
    },
    UnevaluatedProperties(NodeId),
    UnevaluatedItems(NodeId),
}

impl Keyword {
    /// Whether it looks at the value itself and applies no schema.
    pub(super) const fn is_assertion(&self) -> bool {
        self.rank() < 4
    }

    pub(super) const fn is_unevaluated(&self) -> bool {
        self.rank() == 5
    }

    /// Cheap assertions first: they spare the expensive ones.
    pub(super) const fn rank(&self) -> u8 {
        match self {
            Self::Never | Self::Type(_) => 0,
            Self::Const(_) | Self::Bound(..) | Self::AtLeast(..) | Self::AtMost(..) => 1,
            Self::Enum(_) | Self::MultipleOf(..) | Self::Required(_) => 2,
            Self::DependentRequired(_) | Self::Pattern(_) | Self::UniqueItems(_) => 3,
            Self::UnevaluatedProperties(_) | Self::UnevaluatedItems(_) => 5,
            _ => 4,
        }
    }
}

/// The members of an `enum`.
pub(super) struct Members {
    pub(super) values: Vec<Value>,
    /// Their hashes, so that a value that is none of them is not compared with each.
    pub(super) hashes: HashSet<u64>,
    pub(super) keys: RandomState,
}

/// `properties`, `patternProperties` and `additionalProperties`.
#[derive(Default)]
pub(super) struct Properties {
    pub(super) named: HashMap<String, NodeId>,
    pub(super) patterns: Vec<(Arc<Pattern>, NodeId)>,
    pub(super) additional: Option<NodeId>,
}

impl Properties {
    /// The schemas that `properties` and `patternProperties` apply to a member of this name.
    pub(super) fn of<'a>(&'a self, name: &'a str) -> impl Iterator<Item = NodeId> + 'a {
        let patterns = self.patterns.iter().filter(|(pattern, _)| pattern.is_match(name));
        self.named.get(name).copied().into_iter().chain(patterns.map(|(_, node)| *node))
    }

    /// What [`of`](Self::of) costs at worst, in steps.
    pub(super) fn cost(&self, name: &str) -> u64 {
        self.patterns.iter().fold(1, |all, (pattern, _)| all.saturating_add(pattern.cost(name)))
    }
}

/// A compiled schema.
pub(super) struct Arena {
    nodes: Vec<Node>,
}

impl Arena {
    pub(super) const fn new(nodes: Vec<Node>) -> Self {
        Self { nodes }
    }

    /// A node; ids come from the arena's own compilation, so that there is always one.
    pub(super) fn get(&self, id: NodeId) -> &Node {
        static NEVER: Node = Node { keywords: Vec::new(), tracks: false, leaf: true };
        self.nodes.get(id.index()).unwrap_or(&NEVER)
    }
}
