//! Compiles a schema into an arena. Every keyword's value is checked here, so that evaluating needs no
//! errors; without recursion, so that no schema is too deep.

use std::collections::{HashMap, VecDeque};

use serde_json::{Map, Value};

use super::assertion;
use super::graph;
use super::node::{Arena, Keyword, Node, NodeId, Properties};
use super::pattern::Patterns;
use super::place::{Inner, Places};
use super::refs::{Index, Resource, address};

/// Compiles, or says what is wrong and where.
pub(super) fn compile(schema: &Map<String, Value>) -> Result<Arena, String> {
    let root = Value::Object(schema.clone());
    let mut compiler = Compiler {
        index: Index::new(&root)?,
        known: HashMap::new(),
        places: Places::default(),
        waiting: VecDeque::new(),
        patterns: Patterns::default(),
        nodes: Vec::new(),
    };
    compiler.places.root();
    let resource = compiler.index.owner(&root, Resource::WHOLE);
    compiler.admit(&root, resource);
    compiler.run()?;
    graph::check(&compiler.nodes, &compiler.places)?;
    Ok(Arena::new(compiler.nodes))
}

struct Compiler<'s> {
    index: Index<'s>,
    /// Subschemas that have a node, by address.
    known: HashMap<usize, NodeId>,
    places: Places<'s>,
    waiting: VecDeque<(NodeId, &'s Value, Resource)>,
    patterns: Patterns,
    nodes: Vec<Node>,
}

impl<'s> Compiler<'s> {
    /// Compiles what waits, until nothing does.
    fn run(&mut self) -> Result<(), String> {
        while let Some((id, schema, resource)) = self.waiting.pop_front() {
            let node = self
                .node(id, schema, resource)
                .map_err(|why| format!("at {}: {why}", self.places.pointer(id)))?;
            if let Some(slot) = self.nodes.get_mut(id.index()) {
                *slot = node;
            }
        }
        Ok(())
    }

    /// Gives a subschema its number and lets it wait. Its place has just been noted.
    fn admit(&mut self, schema: &'s Value, resource: Resource) -> NodeId {
        // A schema has at most as many nodes as bytes, which the domain limits.
        let id = NodeId(u32::try_from(self.nodes.len()).unwrap_or(u32::MAX));
        self.known.insert(address(schema), id);
        self.nodes.push(Node::default());
        self.waiting.push_back((id, schema, resource));
        id
    }

    fn child(
        &mut self,
        of: &Parent<'s>,
        keyword: &'s str,
        inner: Inner<'s>,
        schema: &'s Value,
    ) -> NodeId {
        if let Some(&known) = self.known.get(&address(schema)) {
            return known;
        }
        self.places.below(of.id, keyword, inner);
        let resource = self.index.owner(schema, of.resource);
        self.admit(schema, resource)
    }

    fn node(&mut self, id: NodeId, schema: &'s Value, resource: Resource) -> Result<Node, String> {
        let members = match schema {
            Value::Bool(true) => return Ok(Node { leaf: true, ..Node::default() }),
            Value::Bool(false) => {
                return Ok(Node { keywords: vec![Keyword::Never], tracks: false, leaf: true });
            }
            Value::Object(members) => members,
            _ => return Err("a schema must be an object or a boolean".to_owned()),
        };
        let parent = Parent { id, members, resource };
        let mut keywords = Vec::new();
        for (name, value) in members {
            let keyword = match assertion::parse(name, value, &mut self.patterns)
                .map_err(|why| format!("{name}: {why}"))?
            {
                Some(assertion) => Some(assertion),
                None => self.applicator(&parent, name, value)?,
            };
            keywords.extend(keyword);
        }
        let leaf = keywords.iter().all(Keyword::is_assertion);
        let tracks = keywords.iter().any(Keyword::is_unevaluated);
        keywords.sort_by_key(Keyword::rank);
        Ok(Node { keywords, tracks, leaf })
    }

    /// A keyword that applies subschemas. Those that are evaluated together are made from the first of
    /// them that is there.
    fn applicator(
        &mut self,
        of: &Parent<'s>,
        name: &'s str,
        value: &'s Value,
    ) -> Result<Option<Keyword>, String> {
        Ok(Some(match name {
            "$ref" | "$dynamicRef" => Keyword::Ref(self.reference(of, name, value)?),
            "not" => Keyword::Not(self.one(of, name, value)),
            "allOf" => Keyword::AllOf(self.list(of, name, value)?),
            "anyOf" => Keyword::AnyOf(self.list(of, name, value)?),
            "oneOf" => Keyword::OneOf(self.list(of, name, value)?),
            "dependentSchemas" => Keyword::DependentSchemas(self.map(of, name, value)?),
            "propertyNames" => Keyword::PropertyNames(self.one(of, name, value)),
            "unevaluatedItems" => Keyword::UnevaluatedItems(self.one(of, name, value)),
            "unevaluatedProperties" => Keyword::UnevaluatedProperties(self.one(of, name, value)),
            "if" => Keyword::If {
                condition: self.one(of, name, value),
                then: self.sibling(of, "then"),
                otherwise: self.sibling(of, "else"),
            },
            "contains" => Keyword::Contains {
                node: self.one(of, name, value),
                min: of.count("minContains")?.unwrap_or(1),
                max: of.count("maxContains")?,
            },
            "prefixItems" | "items" if of.first_of(&["prefixItems", "items"], name) => {
                let prefix = of.members.get_key_value("prefixItems");
                Keyword::Items {
                    prefix: prefix
                        .map(|(name, value)| self.list(of, name, value))
                        .transpose()?
                        .unwrap_or_default(),
                    rest: self.items(of)?,
                }
            }
            "properties" | "patternProperties" | "additionalProperties"
                if of.first_of(
                    &["properties", "patternProperties", "additionalProperties"],
                    name,
                ) =>
            {
                Keyword::Properties(self.properties(of)?)
            }
            _ => return Ok(None),
        }))
    }

    fn one(&mut self, of: &Parent<'s>, name: &'s str, value: &'s Value) -> NodeId {
        self.child(of, name, Inner::Itself, value)
    }

    fn sibling(&mut self, of: &Parent<'s>, name: &str) -> Option<NodeId> {
        let (name, value) = of.members.get_key_value(name)?;
        Some(self.one(of, name, value))
    }

    fn list(
        &mut self,
        of: &Parent<'s>,
        name: &'s str,
        value: &'s Value,
    ) -> Result<Vec<NodeId>, String> {
        match value {
            Value::Array(list) if !list.is_empty() => Ok(list
                .iter()
                .enumerate()
                .map(|(index, schema)| self.child(of, name, Inner::Nth(index), schema))
                .collect()),
            _ => Err(format!("{name} must be an array of one or more schemas")),
        }
    }

    fn map(
        &mut self,
        of: &Parent<'s>,
        name: &'s str,
        value: &'s Value,
    ) -> Result<Vec<(String, NodeId)>, String> {
        let map =
            value.as_object().ok_or_else(|| format!("{name} must be an object of schemas"))?;
        Ok(map
            .iter()
            .map(|(key, schema)| (key.clone(), self.child(of, name, Inner::Named(key), schema)))
            .collect())
    }

    fn items(&mut self, of: &Parent<'s>) -> Result<Option<NodeId>, String> {
        match of.members.get("items") {
            Some(Value::Array(_)) => {
                Err("items must be one schema; for a schema each for the first items \
                                          use prefixItems, or name the older dialect in $schema"
                    .to_owned())
            }
            _ => Ok(self.sibling(of, "items")),
        }
    }

    fn properties(&mut self, of: &Parent<'s>) -> Result<Properties, String> {
        let mut properties = Properties::default();
        if let Some((name, value)) = of.members.get_key_value("properties") {
            properties.named = self.map(of, name, value)?.into_iter().collect();
        }
        if let Some((name, value)) = of.members.get_key_value("patternProperties") {
            for (source, node) in self.map(of, name, value)? {
                let pattern = self
                    .patterns
                    .compile(&source)
                    .map_err(|why| format!("patternProperties: {why}"))?;
                properties.patterns.push((pattern, node));
            }
        }
        properties.additional = self.sibling(of, "additionalProperties");
        Ok(properties)
    }

    fn reference(
        &mut self,
        of: &Parent<'s>,
        name: &'s str,
        value: &'s Value,
    ) -> Result<NodeId, String> {
        let reference = value.as_str().ok_or_else(|| format!("{name} must be a string"))?;
        let (target, resource) = if name == "$ref" {
            self.index.resolve(reference, of.resource)?
        } else {
            self.index.resolve_dynamic(reference, of.resource)?
        };
        if let Some(&known) = self.known.get(&address(target)) {
            return Ok(known);
        }
        // Its place is where it is used; where it stands is named there.
        self.places.below(of.id, name, Inner::Itself);
        Ok(self.admit(target, resource))
    }
}

/// The subschema whose keywords are being compiled.
struct Parent<'s> {
    id: NodeId,
    members: &'s Map<String, Value>,
    resource: Resource,
}

impl Parent<'_> {
    fn first_of(&self, group: &[&str], name: &str) -> bool {
        group.iter().find(|keyword| self.members.contains_key(**keyword)) == Some(&name)
    }

    fn count(&self, name: &str) -> Result<Option<u64>, String> {
        self.members
            .get(name)
            .map(|value| assertion::count(value).map_err(|why| format!("{name}: {why}")))
            .transpose()
    }
}
