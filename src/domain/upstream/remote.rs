//! A tool of an upstream, and the name that it is mounted under.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use serde_json::{Map, Value};

use super::alias::Alias;
use crate::domain::tool::{ToolName, ToolSchema};

/// The key in a tool's `_meta` of the servers that it came through, the newest first.
const VIA: &str = "dynamic-mcp/via";

/// Largest definition of a tool, in bytes of JSON.
const MAX_DEFINITION: usize = 256 << 10;

/// A tool as its server describes it.
#[derive(Debug, Clone, PartialEq)]
pub struct RemoteTool {
    /// Its name there.
    pub name: String,
    /// Everything that its server says of it, the name included.
    pub definition: Arc<Map<String, Value>>,
}

/// A tool under the name that it has here.
#[derive(Debug, Clone, PartialEq)]
pub struct Mounted {
    /// The alias that it is under.
    pub alias: Alias,
    /// Its name here.
    pub name: ToolName,
    /// What its server says of it.
    pub tool: RemoteTool,
}

/// Why a tool can't be mounted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unmountable {
    /// Its name is empty.
    #[error("it has no name")]
    Nameless,
    /// With the alias it is longer than clients take.
    #[error(
        "with the alias its name is longer than 64 characters, which clients refuse: choose a shorter alias"
    )]
    TooLong,
    /// More than every client could be asked to read.
    #[error("what it says of itself, its schemas included, is more than {} KiB", MAX_DEFINITION >> 10)]
    TooLarge,
    /// Another tool of the server has the same name here.
    #[error("another of the server's tools is spelled the same to clients that allow no dots")]
    Taken,
}

impl RemoteTool {
    /// Its title for people: of its own, or among its annotations as older revisions have it; else nothing.
    pub fn title(&self) -> &str {
        let annotated = || self.definition.get("annotations")?.get("title");
        self.definition.get("title").or_else(annotated).and_then(Value::as_str).unwrap_or_default()
    }

    fn is_readable(&self) -> bool {
        serde_json::to_vec(&*self.definition).is_ok_and(|json| json.len() <= MAX_DEFINITION)
    }

    /// What it says that it does; perhaps nothing.
    pub fn description(&self) -> &str {
        self.definition.get("description").and_then(Value::as_str).unwrap_or_default()
    }

    /// The JSON Schema of its arguments, if it is one that can be checked here.
    pub fn input_schema(&self) -> Option<ToolSchema> {
        let schema = self.definition.get("inputSchema")?;
        ToolSchema::input(schema.clone()).ok()
    }

    /// Whether it came through this server before: servers that mount each other, or themselves, would show each
    /// tool once more each time they look.
    pub fn came_through(&self, instance: &str) -> bool {
        self.via().iter().any(|other| other == instance)
    }

    /// The same, having come through this server.
    #[must_use]
    pub fn through(mut self, instance: &str) -> Self {
        let mut via = vec![Value::from(instance)];
        via.extend_from_slice(self.via());
        let definition = Arc::make_mut(&mut self.definition);
        let meta = definition.entry("_meta").or_insert_with(|| Value::Object(Map::new()));
        if let Value::Object(meta) = meta {
            meta.insert(VIA.to_owned(), Value::Array(via));
        }
        self
    }

    fn via(&self) -> &[Value] {
        let via = self.definition.get("_meta").and_then(|meta| meta.get(VIA));
        via.and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }
}

impl Mounted {
    /// Names each tool `<alias>.<tool>`. What names here don't allow becomes `_`. Tools that can't be mounted are
    /// returned with the reason.
    pub fn all(alias: &Alias, tools: Vec<RemoteTool>) -> (Vec<Self>, Vec<(String, Unmountable)>) {
        let mut by_name = BTreeMap::new();
        let (mut spellings, mut left_out) = (HashSet::new(), Vec::new());
        for tool in tools {
            if !tool.is_readable() {
                left_out.push((tool.name, Unmountable::TooLarge));
                continue;
            }
            match expose(alias, &tool.name) {
                Ok(name) if spellings.insert(name.client_safe()) => {
                    by_name.insert(name.clone(), Self { alias: alias.clone(), name, tool });
                }
                Ok(_) => left_out.push((tool.name, Unmountable::Taken)),
                Err(why) => left_out.push((tool.name, why)),
            }
        }
        (by_name.into_values().collect(), left_out)
    }
}

fn expose(alias: &Alias, tool: &str) -> Result<ToolName, Unmountable> {
    if tool.is_empty() {
        return Err(Unmountable::Nameless);
    }
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | ':' | '-');
    let tool: String = tool.chars().map(|c| if allowed(c) { c } else { '_' }).collect();
    ToolName::parse_external(&format!("{alias}.{tool}")).map_err(|_| Unmountable::TooLong)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tool(name: &str) -> RemoteTool {
        RemoteTool { name: name.to_owned(), definition: Arc::default() }
    }

    fn mount(names: &[&str]) -> (Vec<String>, Vec<(String, Unmountable)>) {
        let alias = Alias::parse("gh").unwrap();
        let (mounted, left_out) =
            Mounted::all(&alias, names.iter().map(|name| tool(name)).collect());
        (mounted.iter().map(|mounted| mounted.name.to_string()).collect(), left_out)
    }

    #[test]
    fn tools_get_their_alias_and_keep_their_order_by_name() {
        let (names, left_out) = mount(&["z", "issue.create", "repo/get", "é"]);
        assert_eq!(names, ["gh._", "gh.issue.create", "gh.repo_get", "gh.z"]);
        assert!(left_out.is_empty());
    }

    #[test]
    fn a_tool_remembers_the_servers_that_it_came_through() {
        let tool = tool("x");
        assert!(!tool.came_through("one"));
        let tool = tool.through("one").through("two");
        assert!(tool.came_through("one") && tool.came_through("two"));
        assert!(!tool.came_through("three"));
    }

    #[test]
    fn what_clients_would_refuse_is_left_out_with_the_reason() {
        let (fits, long) = ("x".repeat(61), "x".repeat(62));
        let (names, left_out) = mount(&[&fits, &long, "", "a.b", "a_b"]);
        assert_eq!(names, ["gh.a.b".to_owned(), format!("gh.{fits}")]);
        assert_eq!(
            left_out,
            [
                (long, Unmountable::TooLong),
                (String::new(), Unmountable::Nameless),
                ("a_b".to_owned(), Unmountable::Taken),
            ]
        );
    }
}
