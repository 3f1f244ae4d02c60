//! Evaluates a compiled schema on a value, in bounded time, memory and depth.
//!
//! Each visit of a schema to a value, and all work on a text or a list, costs steps, and an evaluation has a
//! fixed number of them. What a referenced schema says of a value is remembered, so that the number of
//! visits is at most (size of the schema) x (size of the value) however the references are woven: recursive
//! schemas with alternatives, which take exponential time without that, stay linear in the value.

use std::collections::HashMap;
use std::rc::Rc;

use serde_json::Value;

use super::assertion;
use super::marks::Marks;
use super::node::{Arena, Keyword, Node, NodeId};

/// Steps of one evaluation. A step is some ten nanoseconds; a value of 10 MB under an ordinary schema takes
/// about a third of them.
pub(super) const STEPS: u64 = 10_000_000;
/// Most schemas on the way from the root to where the evaluation is. Each takes some hundred bytes of stack.
const MAX_DEPTH: u32 = 1_000;
/// What it costs to remember an answer: it takes memory.
pub(super) const MEMO_STEPS: u64 = 16;
/// What it costs to note an evaluated property or item.
pub(super) const MARK_STEPS: u64 = 8;

/// The evaluation was given up: it would take too many steps, or nest too deep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TooMuch;

pub(super) type Verdict = Result<bool, TooMuch>;

/// What a referenced schema has said of a value.
struct Answer<'v> {
    valid: bool,
    /// What it evaluated, where somebody asked for it.
    marks: Option<Rc<Marks<'v>>>,
}

/// One evaluation.
pub(super) struct Evaluation<'s, 'v> {
    arena: &'s Arena,
    steps: u64,
    depth: u32,
    answers: HashMap<(NodeId, usize), Answer<'v>>,
}

impl<'s, 'v> Evaluation<'s, 'v> {
    pub(super) fn new(arena: &'s Arena, steps: u64) -> Self {
        Self { arena, steps, depth: 0, answers: HashMap::new() }
    }

    /// Whether the value matches the node. What is evaluated is noted in `marks`, which mean nothing if
    /// the answer is no.
    pub(super) fn node(
        &mut self,
        id: NodeId,
        value: &'v Value,
        marks: Option<&mut Marks<'v>>,
    ) -> Verdict {
        self.spend(1)?;
        self.descend()?;
        let node = self.arena.get(id);
        let verdict = if node.tracks {
            self.tracking(node, value, marks)
        } else {
            self.keywords(node, value, marks)
        };
        self.ascend();
        verdict
    }

    /// Goes one schema deeper.
    pub(super) fn descend(&mut self) -> Result<(), TooMuch> {
        if self.depth >= MAX_DEPTH {
            return Err(TooMuch);
        }
        self.depth += 1;
        Ok(())
    }

    /// Comes back from there.
    pub(super) const fn ascend(&mut self) {
        self.depth -= 1;
    }

    /// An evaluation of another value with what is left of this one's steps and depth.
    pub(super) fn of_another<'w>(&self) -> Evaluation<'s, 'w> {
        Evaluation { depth: self.depth, ..Evaluation::new(self.arena, self.steps) }
    }

    /// Takes back what is left of the steps lent to [`of_another`](Self::of_another).
    pub(super) const fn settle(&mut self, other: &Evaluation<'s, '_>) {
        self.steps = other.steps;
    }

    pub(super) const fn arena(&self) -> &'s Arena {
        self.arena
    }

    fn tracking(
        &mut self,
        node: &'s Node,
        value: &'v Value,
        marks: Option<&mut Marks<'v>>,
    ) -> Verdict {
        let mut own = Marks::default();
        let valid = self.keywords(node, value, Some(&mut own))?;
        if let Some(marks) = marks {
            self.take_over(marks, &own)?;
        }
        Ok(valid)
    }

    fn keywords(
        &mut self,
        node: &'s Node,
        value: &'v Value,
        mut marks: Option<&mut Marks<'v>>,
    ) -> Verdict {
        for keyword in &node.keywords {
            if !self.keyword(keyword, value, marks.as_deref_mut())? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Whether the value matches one keyword.
    pub(super) fn keyword(
        &mut self,
        keyword: &'s Keyword,
        value: &'v Value,
        marks: Option<&mut Marks<'v>>,
    ) -> Verdict {
        match keyword {
            Keyword::Ref(target) => self.reference(*target, value, marks),
            Keyword::Not(node) => Ok(!self.node(*node, value, None)?),
            Keyword::AllOf(nodes) => self.all_of(nodes, value, marks),
            Keyword::AnyOf(nodes) => self.any_of(nodes, value, marks),
            Keyword::OneOf(nodes) => self.one_of(nodes, value, marks),
            Keyword::If { condition, then, otherwise } => {
                self.condition(*condition, *then, *otherwise, value, marks)
            }
            Keyword::DependentSchemas(schemas) => self.dependent(schemas, value, marks),
            Keyword::PropertyNames(node) => self.names(*node, value),
            Keyword::Properties(properties) => self.properties(properties, value, marks),
            Keyword::Items { prefix, rest } => self.items(prefix, *rest, value, marks),
            Keyword::Contains { node, min, max } => self.contains(*node, *min, *max, value, marks),
            Keyword::UnevaluatedProperties(node) => self.other_properties(*node, value, marks),
            Keyword::UnevaluatedItems(node) => self.other_items(*node, value, marks),
            Keyword::Pattern(pattern) => {
                let Value::String(text) = value else { return Ok(true) };
                // Paid in advance: this can be the most expensive single assertion.
                self.spend(pattern.cost(text))?;
                Ok(pattern.is_match(text))
            }
            assertion => {
                let mut steps = 1;
                let holds = assertion::holds(assertion, value, &mut steps);
                self.spend(steps)?;
                Ok(holds)
            }
        }
    }

    pub(super) fn spend(&mut self, steps: u64) -> Result<(), TooMuch> {
        self.steps = self.steps.checked_sub(steps).ok_or(TooMuch)?;
        Ok(())
    }

    fn take_over(&mut self, marks: &mut Marks<'v>, more: &Marks<'v>) -> Result<(), TooMuch> {
        self.spend(more.len() as u64 * MARK_STEPS)?;
        marks.merge(more);
        Ok(())
    }

    fn reference(
        &mut self,
        target: NodeId,
        value: &'v Value,
        marks: Option<&mut Marks<'v>>,
    ) -> Verdict {
        if self.arena.get(target).leaf {
            return self.node(target, value, marks);
        }
        // The value stays where it is while it is evaluated, so that its address names it.
        let key = (target, std::ptr::from_ref(value).addr());
        if let Some(answer) = self.answers.get(&key) {
            let found = (answer.valid, answer.marks.clone());
            match (found, marks) {
                ((false, _), _) => return Ok(false),
                ((true, _), None) => return Ok(true),
                ((true, Some(known)), Some(marks)) => {
                    self.take_over(marks, &known)?;
                    return Ok(true);
                }
                ((true, None), Some(marks)) => {
                    return self.first_visit(key, value, Some(marks));
                }
            }
        }
        self.first_visit(key, value, marks)
    }

    fn first_visit(
        &mut self,
        key: (NodeId, usize),
        value: &'v Value,
        marks: Option<&mut Marks<'v>>,
    ) -> Verdict {
        self.spend(MEMO_STEPS)?;
        let answer = if let Some(marks) = marks {
            let mut own = Marks::default();
            let valid = self.node(key.0, value, Some(&mut own))?;
            self.take_over(marks, &own)?;
            Answer { valid, marks: Some(Rc::new(own)) }
        } else {
            Answer { valid: self.node(key.0, value, None)?, marks: None }
        };
        let valid = answer.valid;
        self.answers.insert(key, answer);
        Ok(valid)
    }

    fn all_of(
        &mut self,
        nodes: &[NodeId],
        value: &'v Value,
        mut marks: Option<&mut Marks<'v>>,
    ) -> Verdict {
        for node in nodes {
            if !self.node(*node, value, marks.as_deref_mut())? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// One branch, whose marks count only if it matches.
    fn branch(&mut self, node: NodeId, value: &'v Value, marks: Option<&mut Marks<'v>>) -> Verdict {
        let Some(marks) = marks else { return self.node(node, value, None) };
        let mut own = Marks::default();
        let valid = self.node(node, value, Some(&mut own))?;
        if valid {
            self.take_over(marks, &own)?;
        }
        Ok(valid)
    }

    fn any_of(
        &mut self,
        nodes: &[NodeId],
        value: &'v Value,
        mut marks: Option<&mut Marks<'v>>,
    ) -> Verdict {
        let mut any = false;
        for node in nodes {
            any |= self.branch(*node, value, marks.as_deref_mut())?;
            // Every branch that matches has marks to add.
            if any && marks.is_none() {
                break;
            }
        }
        Ok(any)
    }

    fn one_of(
        &mut self,
        nodes: &[NodeId],
        value: &'v Value,
        mut marks: Option<&mut Marks<'v>>,
    ) -> Verdict {
        let mut one = false;
        for node in nodes {
            if self.branch(*node, value, marks.as_deref_mut())? {
                if one {
                    return Ok(false);
                }
                one = true;
            }
        }
        Ok(one)
    }

    fn condition(
        &mut self,
        condition: NodeId,
        then: Option<NodeId>,
        otherwise: Option<NodeId>,
        value: &'v Value,
        mut marks: Option<&mut Marks<'v>>,
    ) -> Verdict {
        let branch =
            if self.branch(condition, value, marks.as_deref_mut())? { then } else { otherwise };
        branch.map_or(Ok(true), |node| self.node(node, value, marks))
    }

    fn dependent(
        &mut self,
        schemas: &[(String, NodeId)],
        value: &'v Value,
        mut marks: Option<&mut Marks<'v>>,
    ) -> Verdict {
        let Value::Object(members) = value else { return Ok(true) };
        self.spend(schemas.len() as u64)?;
        for (name, node) in schemas {
            if members.contains_key(name) && !self.node(*node, value, marks.as_deref_mut())? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}
