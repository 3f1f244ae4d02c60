//! The part of an evaluation that goes into a value: members, names and items.

use serde_json::Value;

use super::evaluate::{Evaluation, MARK_STEPS, MEMO_STEPS, Verdict};
use super::marks::Marks;
use super::node::{NodeId, Properties};

impl<'v> Evaluation<'_, 'v> {
    pub(super) fn names(&mut self, node: NodeId, value: &Value) -> Verdict {
        let Value::Object(members) = value else { return Ok(true) };
        for name in members.keys() {
            if !self.name(node, name)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Whether a property's name matches. The name is a value of its own, which answers must not outlive.
    pub(super) fn name(&mut self, node: NodeId, name: &str) -> Verdict {
        self.spend(MEMO_STEPS)?;
        let name = Value::from(name);
        let mut inner = self.of_another();
        let verdict = inner.node(node, &name, None);
        self.settle(&inner);
        verdict
    }

    pub(super) fn properties(
        &mut self,
        properties: &Properties,
        value: &'v Value,
        mut marks: Option<&mut Marks<'v>>,
    ) -> Verdict {
        let Value::Object(members) = value else { return Ok(true) };
        for (name, member) in members {
            self.spend(properties.cost(name))?;
            let mut evaluated = false;
            for node in properties.of(name) {
                evaluated = true;
                if !self.node(node, member, None)? {
                    return Ok(false);
                }
            }
            if let (false, Some(node)) = (evaluated, properties.additional) {
                evaluated = true;
                if !self.node(node, member, None)? {
                    return Ok(false);
                }
            }
            if let (true, Some(marks)) = (evaluated, marks.as_deref_mut()) {
                self.spend(MARK_STEPS)?;
                marks.property(name);
            }
        }
        Ok(true)
    }

    pub(super) fn items(
        &mut self,
        prefix: &[NodeId],
        rest: Option<NodeId>,
        value: &'v Value,
        marks: Option<&mut Marks<'v>>,
    ) -> Verdict {
        let Value::Array(items) = value else { return Ok(true) };
        let mut evaluated = 0;
        for (index, item) in items.iter().enumerate() {
            let Some(node) = prefix.get(index).copied().or(rest) else { break };
            evaluated = index + 1;
            if !self.node(node, item, None)? {
                return Ok(false);
            }
        }
        if let Some(marks) = marks {
            marks.items_before(evaluated);
        }
        Ok(true)
    }

    pub(super) fn contains(
        &mut self,
        node: NodeId,
        min: u64,
        max: Option<u64>,
        value: &'v Value,
        mut marks: Option<&mut Marks<'v>>,
    ) -> Verdict {
        let Value::Array(items) = value else { return Ok(true) };
        let mut count = 0;
        for (index, item) in items.iter().enumerate() {
            if self.node(node, item, None)? {
                count += 1;
                if let Some(marks) = marks.as_deref_mut() {
                    self.spend(MARK_STEPS)?;
                    marks.item(index);
                }
            }
        }
        Ok(count >= min && max.is_none_or(|max| count <= max))
    }

    pub(super) fn other_properties(
        &mut self,
        node: NodeId,
        value: &'v Value,
        marks: Option<&mut Marks<'v>>,
    ) -> Verdict {
        let (Value::Object(members), Some(marks)) = (value, marks) else { return Ok(true) };
        for (name, member) in members {
            self.spend(1)?;
            if !marks.has_property(name) && !self.node(node, member, None)? {
                return Ok(false);
            }
        }
        marks.all_properties();
        Ok(true)
    }

    pub(super) fn other_items(
        &mut self,
        node: NodeId,
        value: &'v Value,
        marks: Option<&mut Marks<'v>>,
    ) -> Verdict {
        let (Value::Array(items), Some(marks)) = (value, marks) else { return Ok(true) };
        for (index, item) in items.iter().enumerate() {
            self.spend(1)?;
            if !marks.has_item(index) && !self.node(node, item, None)? {
                return Ok(false);
            }
        }
        marks.items_before(items.len());
        Ok(true)
    }
}
