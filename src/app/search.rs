//! Finding tools by words.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::{Catalog, MountedTool, Tool};
use crate::domain::search::{SearchIndex, Texts};
use crate::domain::tool::ToolName;
use crate::domain::upstream::Mounted;

/// Most of a mounted tool's title and description that is searched, in bytes: others write them, at any length.
const MAX_TEXT: usize = 8_000;

/// Finds tools that can be called: those of the registry, and mounted ones.
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
    tools: HashMap<u32, Callable>,
    words: SearchIndex,
}

/// A tool that can be called.
#[derive(Clone)]
pub enum Callable {
    /// One of the registry.
    Dynamic(Arc<Tool>),
    /// One of another server.
    Mounted(Arc<MountedTool>),
}

impl Callable {
    /// The documented name.
    pub fn name(&self) -> &ToolName {
        match self {
            Self::Dynamic(tool) => &tool.record().name,
            Self::Mounted(tool) => &tool.mounted().name,
        }
    }

    fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Dynamic(one), Self::Dynamic(other)) => Arc::ptr_eq(one, other),
            (Self::Mounted(one), Self::Mounted(other)) => Arc::ptr_eq(one, other),
            _ => false,
        }
    }

    fn texts(&self) -> Texts<'_> {
        match self {
            Self::Dynamic(tool) => {
                let content = &tool.record().content;
                Texts {
                    name: tool.record().name.as_str(),
                    title: content.title.as_deref().unwrap_or_default(),
                    description: &content.description,
                    tags: &content.tags,
                }
            }
            Self::Mounted(tool) => {
                let Mounted { name, tool, .. } = tool.mounted();
                Texts {
                    name: name.as_str(),
                    title: clip(tool.title()),
                    description: clip(tool.description()),
                    tags: &[],
                }
            }
        }
    }
}

impl Search {
    /// Of this catalogue.
    pub fn new(catalog: Arc<Catalog>) -> Self {
        Self { catalog, index: Mutex::default() }
    }

    /// At most `limit` tools that have words of the query, the best first, each with its score. Disabled ones are
    /// not found.
    pub fn find(&self, query: &str, limit: usize) -> Vec<(Callable, f64)> {
        let mut index = self.index.lock().unwrap_or_else(PoisonError::into_inner);
        index.follow(&self.catalog);
        let found = index.words.search(query).into_iter();
        let mut found: Vec<_> = found
            .filter_map(|(number, score)| Some((index.tools.get(&number)?.clone(), score)))
            .collect();
        drop(index);
        let order = |a: &(Callable, f64), b: &(Callable, f64)| -> Ordering {
            b.1.total_cmp(&a.1).then_with(|| a.0.name().cmp(b.0.name()))
        };
        if found.len() > limit && limit > 0 {
            found.select_nth_unstable_by(limit - 1, order);
        }
        found.truncate(limit);
        found.sort_unstable_by(order);
        found
    }
}

fn clip(text: &str) -> &str {
    text.get(..text.floor_char_boundary(MAX_TEXT)).unwrap_or_default()
}

impl Index {
    fn follow(&mut self, catalog: &Catalog) {
        let snapshot = catalog.snapshot();
        if snapshot.version() == self.version {
            return;
        }
        let mut gone: HashMap<ToolName, u32> = self.numbers.clone();
        let dynamic = snapshot.tools().filter(|tool| tool.record().enabled);
        let dynamic = dynamic.map(|tool| Callable::Dynamic(Arc::clone(tool)));
        // One of the registry hides the mounted one of its name, also where it is disabled.
        let mounted = snapshot.mounts().tools();
        let mounted = mounted.filter(|tool| snapshot.exactly(&tool.mounted().name).is_none());
        let mounted = mounted.map(|tool| Callable::Mounted(Arc::clone(tool)));
        for tool in dynamic.chain(mounted) {
            match gone.remove(tool.name()) {
                Some(number) if self.tools.get(&number).is_some_and(|old| old.is(&tool)) => {}
                Some(number) => self.put(number, tool),
                None => {
                    let number = self.next;
                    self.next = self.next.wrapping_add(1);
                    self.numbers.insert(tool.name().clone(), number);
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

    fn put(&mut self, number: u32, tool: Callable) {
        self.words.insert(number, &tool.texts());
        self.tools.insert(number, tool);
    }
}
