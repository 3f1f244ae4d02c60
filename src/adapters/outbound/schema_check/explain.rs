//! Finds where and why a value does not match, for the person or model that has to mend it.

use serde_json::Value;

use super::evaluate::{Evaluation, TooMuch};
use super::marks::Marks;
use super::node::{Keyword, NodeId, Properties};
use super::words;
use crate::domain::text::pointer_token;
use crate::ports::SchemaViolation;

/// Most violations reported.
const MAX_VIOLATIONS: usize = 5;
/// Most references followed to see whether an alternative was meant.
const MAX_HOPS: u8 = 8;

/// The violations of a value that does not match; `TooMuch` comes with those found until then.
pub(super) fn explain<'v>(
    evaluation: Evaluation<'_, 'v>,
    value: &'v Value,
) -> (Vec<SchemaViolation>, Result<(), TooMuch>) {
    let mut explainer = Explainer { evaluation, path: Vec::new(), found: Vec::new() };
    let end = explainer.node(NodeId::ROOT, value);
    (explainer.found, end)
}

struct Explainer<'s, 'v> {
    evaluation: Evaluation<'s, 'v>,
    path: Vec<Token<'v>>,
    found: Vec<SchemaViolation>,
}

#[derive(Clone, Copy)]
enum Token<'v> {
    Name(&'v str),
    Index(usize),
}

type End = Result<(), TooMuch>;

impl<'s, 'v> Explainer<'s, 'v> {
    fn node(&mut self, id: NodeId, value: &'v Value) -> End {
        self.evaluation.spend(1)?;
        self.evaluation.descend()?;
        let node = self.evaluation.arena().get(id);
        let mut marks = Marks::default();
        for keyword in &node.keywords {
            if self.found.len() >= MAX_VIOLATIONS {
                break;
            }
            let before = self.found.len();
            let noted = node.tracks.then_some(&mut marks);
            if !self.evaluation.keyword(keyword, value, noted)? {
                self.keyword(keyword, value, &marks)?;
                // What is evaluated is known only where everything else matches.
                if node.tracks && self.found.len() > before {
                    break;
                }
            }
        }
        self.evaluation.ascend();
        Ok(())
    }

    fn keyword(&mut self, keyword: &'s Keyword, value: &'v Value, marks: &Marks<'v>) -> End {
        match (keyword, value) {
            (Keyword::Ref(target), _) => self.node(*target, value),
            (Keyword::AllOf(nodes), _) => nodes.iter().try_for_each(|node| self.node(*node, value)),
            (Keyword::AnyOf(nodes), _) => self.alternatives(nodes, value),
            (Keyword::OneOf(nodes), _) => self.one_of(keyword, nodes, value),
            (Keyword::If { condition, then, otherwise }, _) => {
                let branch =
                    if self.evaluation.node(*condition, value, None)? { then } else { otherwise };
                branch.map_or(Ok(()), |node| self.node(node, value))
            }
            (Keyword::DependentSchemas(schemas), _) => schemas
                .iter()
                .filter(|(name, _)| value.get(name).is_some())
                .try_for_each(|(_, node)| self.node(*node, value)),
            (Keyword::Properties(properties), Value::Object(members)) => {
                members.iter().try_for_each(|(name, member)| self.member(properties, name, member))
            }
            (Keyword::PropertyNames(node), Value::Object(members)) => {
                for name in members.keys() {
                    if !self.evaluation.name(*node, name)? {
                        self.report(keyword, &Value::from(name.as_str()));
                        break;
                    }
                }
                Ok(())
            }
            (Keyword::Items { prefix, rest }, Value::Array(items)) => {
                for (index, item) in items.iter().enumerate() {
                    let Some(node) = prefix.get(index).copied().or(*rest) else { break };
                    self.below(Token::Index(index), node, item)?;
                }
                Ok(())
            }
            (Keyword::UnevaluatedProperties(node), Value::Object(members)) => members
                .iter()
                .filter(|(name, _)| !marks.has_property(name))
                .try_for_each(|(name, member)| self.below(Token::Name(name), *node, member)),
            (Keyword::UnevaluatedItems(node), Value::Array(items)) => items
                .iter()
                .enumerate()
                .filter(|(index, _)| !marks.has_item(*index))
                .try_for_each(|(index, item)| self.below(Token::Index(index), *node, item)),
            _ => {
                self.report(keyword, value);
                Ok(())
            }
        }
    }

    fn member(&mut self, properties: &Properties, name: &'v str, member: &'v Value) -> End {
        self.evaluation.spend(properties.cost(name))?;
        let mut nodes: Vec<_> = properties.of(name).collect();
        if nodes.is_empty() {
            nodes.extend(properties.additional);
        }
        nodes.into_iter().try_for_each(|node| self.below(Token::Name(name), node, member))
    }

    fn below(&mut self, token: Token<'v>, node: NodeId, value: &'v Value) -> End {
        if self.found.len() >= MAX_VIOLATIONS {
            return Ok(());
        }
        self.path.push(token);
        self.node(node, value)?;
        self.path.pop();
        Ok(())
    }

    fn one_of(&mut self, keyword: &'s Keyword, nodes: &[NodeId], value: &'v Value) -> End {
        for node in nodes {
            if self.evaluation.node(*node, value, None)? {
                // One matches and the whole does not: another one does too.
                self.report(keyword, value);
                return Ok(());
            }
        }
        self.alternatives(nodes, value)
    }

    /// None of them matches. If the value is plainly meant for one of them, that one's violations are the
    /// useful ones.
    fn alternatives(&mut self, nodes: &[NodeId], value: &'v Value) -> End {
        let mut meant = None;
        for node in nodes {
            if self.is_meant(*node, value, MAX_HOPS)? && meant.replace(*node).is_some() {
                meant = None;
                break;
            }
        }
        if let Some(node) = meant {
            return self.node(node, value);
        }
        let expected = words::alternatives(self.evaluation.arena(), nodes);
        self.push(expected, value);
        Ok(())
    }

    /// Whether nothing that alternatives are told apart by speaks against this one: the type, and constants
    /// here and in the members. Goes no deeper, so that finding the one that was meant costs little.
    fn is_meant(&mut self, id: NodeId, value: &'v Value, hops: u8) -> Result<bool, TooMuch> {
        self.evaluation.spend(1)?;
        for keyword in &self.evaluation.arena().get(id).keywords {
            let speaks_for = match keyword {
                Keyword::Ref(target) if hops > 0 => self.is_meant(*target, value, hops - 1)?,
                Keyword::AllOf(nodes) if hops > 0 => {
                    let mut all = true;
                    for node in nodes {
                        all = all && self.is_meant(*node, value, hops - 1)?;
                    }
                    all
                }
                Keyword::Properties(properties) => self.constants_hold(properties, value)?,
                Keyword::Never | Keyword::Type(_) | Keyword::Const(_) | Keyword::Enum(_) => {
                    self.evaluation.keyword(keyword, value, None)?
                }
                _ => true,
            };
            if !speaks_for {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn constants_hold(
        &mut self,
        properties: &Properties,
        value: &'v Value,
    ) -> Result<bool, TooMuch> {
        let Value::Object(members) = value else { return Ok(true) };
        for (name, member) in members {
            self.evaluation.spend(1)?;
            let Some(node) = properties.named.get(name) else { continue };
            for keyword in &self.evaluation.arena().get(*node).keywords {
                let is_constant = matches!(keyword, Keyword::Const(_) | Keyword::Enum(_));
                if is_constant && !self.evaluation.keyword(keyword, member, None)? {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    fn report(&mut self, keyword: &Keyword, value: &Value) {
        let expected = match (keyword, self.path.last()) {
            (Keyword::Never, Some(Token::Name(_))) => "no property of this name".to_owned(),
            (Keyword::Never, Some(Token::Index(_))) => "no item here".to_owned(),
            _ => words::expected(keyword, value),
        };
        self.push(expected, value);
    }

    fn push(&mut self, expected: String, value: &Value) {
        if self.found.len() >= MAX_VIOLATIONS {
            return;
        }
        let mut pointer = String::new();
        for token in &self.path {
            pointer.push('/');
            match token {
                Token::Name(name) => pointer.push_str(&pointer_token(name)),
                Token::Index(index) => pointer.push_str(&index.to_string()),
            }
        }
        self.found.push(SchemaViolation { pointer, expected, got: words::show(value) });
    }
}
