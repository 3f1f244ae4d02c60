//! Finding tools by words.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::{Catalog, Tool};
use crate::domain::search::{SearchIndex, Texts};
use crate::domain::tool::ToolName;

/// Finds tools that can be called.
///
/// The index follows the catalogue when somebody searches, by what has changed since, so that who never
/// searches pays nothing.
pub struct Search {
    catalog: Arc<Catalog>,
    index: Mutex<Index>,
}

#[derive(Default)]
struct Index {
    version: u64,
    next: u32,
    numbers: HashMap<ToolName, u32>,
    tools: HashMap<u32, Arc<Tool>>,
    words: SearchIndex,
}

impl Search {
    /// Of this catalogue.
    pub fn new(catalog: Arc<Catalog>) -> Self {
        Self { catalog, index: Mutex::default() }
    }

    /// At most `limit` enabled tools that have words of the query, the best first, each with its score.
    pub fn find(&self, query: &str, limit: usize) -> Vec<(Arc<Tool>, f64)> {
        let mut index = self.index.lock().unwrap_or_else(PoisonError::into_inner);
        index.follow(&self.catalog);
        let found = index.words.search(query).into_iter();
        let mut found: Vec<_> = found
            .filter_map(|(number, score)| Some((Arc::clone(index.tools.get(&number)?), score)))
            .collect();
        drop(index);
        let order = |a: &(Arc<Tool>, f64), b: &(Arc<Tool>, f64)| -> Ordering {
            b.1.total_cmp(&a.1).then_with(|| a.0.record().name.cmp(&b.0.record().name))
        };
        if found.len() > limit && limit > 0 {
            found.select_nth_unstable_by(limit - 1, order);
        }
        found.truncate(limit);
        found.sort_unstable_by(order);
        found
    }
}

impl Index {
    fn follow(&mut self, catalog: &Catalog) {
        let snapshot = catalog.snapshot();
        if snapshot.version() == self.version {
            return;
        }
        let mut gone: HashMap<ToolName, u32> = self.numbers.clone();
        for tool in snapshot.tools().filter(|tool| tool.record().enabled) {
            match gone.remove(&tool.record().name) {
                Some(number)
                    if self.tools.get(&number).is_some_and(|old| Arc::ptr_eq(old, tool)) => {}
                Some(number) => self.put(number, tool),
                None => {
                    let number = self.next;
                    self.next = self.next.wrapping_add(1);
                    self.numbers.insert(tool.record().name.clone(), number);
                    self.put(number, tool);
                }
            }
        }
        for (name, number) in gone {
            self.numbers.remove(&name);
            self.tools.remove(&number);
            self.words.remove(number);
        }
        self.version = snapshot.version();
    }

    fn put(&mut self, number: u32, tool: &Arc<Tool>) {
        let content = &tool.record().content;
        let texts = Texts {
            name: tool.record().name.as_str(),
            title: content.title.as_deref().unwrap_or_default(),
            description: &content.description,
            tags: &content.tags,
        };
        self.words.insert(number, &texts);
        self.tools.insert(number, Arc::clone(tool));
    }
}
