//! Which properties and items of a value some subschema has evaluated, for `unevaluatedProperties` and
//! `unevaluatedItems`.

use std::collections::HashSet;

/// The evaluated part of one object or array.
#[derive(Debug, Clone, Default)]
pub(super) struct Marks<'v> {
    all_properties: bool,
    properties: HashSet<&'v str>,
    /// Items before this one are evaluated.
    items_before: usize,
    items: HashSet<usize>,
}

impl<'v> Marks<'v> {
    pub(super) fn property(&mut self, name: &'v str) {
        if !self.all_properties {
            self.properties.insert(name);
        }
    }

    pub(super) fn all_properties(&mut self) {
        self.all_properties = true;
        self.properties.clear();
    }

    pub(super) fn item(&mut self, index: usize) {
        if index >= self.items_before {
            self.items.insert(index);
        }
    }

    pub(super) fn items_before(&mut self, index: usize) {
        self.items_before = self.items_before.max(index);
    }

    pub(super) fn has_property(&self, name: &str) -> bool {
        self.all_properties || self.properties.contains(name)
    }

    pub(super) fn has_item(&self, index: usize) -> bool {
        index < self.items_before || self.items.contains(&index)
    }

    /// How much it is to take over.
    pub(super) fn len(&self) -> usize {
        self.properties.len() + self.items.len()
    }

    /// Takes over what another subschema has evaluated.
    pub(super) fn merge(&mut self, other: &Self) {
        if other.all_properties {
            self.all_properties();
        } else if !self.all_properties {
            self.properties.extend(&other.properties);
        }
        self.items_before(other.items_before);
        self.items.extend(&other.items);
    }
}
