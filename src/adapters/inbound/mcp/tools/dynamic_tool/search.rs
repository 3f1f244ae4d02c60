//! `dynamic.tool.search`.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::super::super::answer::Json;
use super::super::super::dynamic;
use super::super::super::tool::{Call, Hints, Tool};
use super::argument::{Count, Text};
use crate::app::{AppError, Callable};

pub(in super::super) struct Search;

/// What to look for.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct Input {
    /// Words that say what the tool should do, such as "convert pdf to text"; 1 to 1,000 characters.
    query: Text<1_000>,
    /// Most tools to show, the best first: 1 to 100. Default: 10.
    #[serde(default)]
    limit: Count<10, 100>,
}

/// What was found.
#[derive(Serialize, JsonSchema)]
pub(in super::super) struct Output {
    /// The tools that fit, the best first.
    tools: Vec<Found>,
}

/// A tool that fits.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Found {
    /// The documented name.
    name: String,
    /// A title for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<String>,
    /// What the tool does.
    description: String,
    /// JSON Schema of the arguments.
    #[schemars(with = "Map<String, Value>")]
    input_schema: Arc<Map<String, Value>>,
    /// How well it fits: above 0, higher is better; comparable only within one answer.
    score: f64,
}

impl Tool for Search {
    const NAME: &'static str = "dynamic.tool.search";
    const TITLE: &'static str = "Search tools";
    const ABOUT: &'static str = "Finds tools by words in their names, titles, tags and descriptions, the best first, \
        with what is needed to call them: dynamic tools, and those of attached servers. Use it where there are too many tools to read the list of, then call \
        one by its name or with dynamic.tool.call. Disabled tools are not found.";
    const HINTS: Hints =
        Hints { read_only: true, destructive: false, idempotent: true, open_world: false };
    type Input = Input;
    type Output = Json<Output>;

    async fn call(call: &Call<'_>, input: Input) -> Result<Json<Output>, AppError> {
        let found = call.shared.app.search.find(input.query.as_str(), input.limit.get());
        let hint = found.is_empty().then(|| {
            let sentence = "Nothing fits; try other words, or dynamic.tool.list for everything.";
            call.exchange.spelling.text(sentence).into_owned()
        });
        let tools = found.into_iter().map(|(tool, score)| Found::new(&tool, score)).collect();
        Ok(Json { value: Output { tools }, hint })
    }
}

impl Found {
    fn new(tool: &Callable, score: f64) -> Self {
        let (title, description, input_schema) = match tool {
            Callable::Dynamic(tool) => {
                let content = &tool.record().content;
                let schema = dynamic::input_schema(content);
                (content.title.clone(), content.description.clone(), schema)
            }
            Callable::Mounted(tool) => {
                let tool = &tool.mounted().tool;
                let title = Some(tool.title()).filter(|title| !title.is_empty());
                let schema = tool.definition.get("inputSchema").and_then(Value::as_object);
                let schema = Arc::new(schema.cloned().unwrap_or_default());
                (title.map(str::to_owned), tool.description().to_owned(), schema)
            }
        };
        let score = (score * 1000.0).round() / 1000.0;
        Self { name: tool.name().to_string(), title, description, input_schema, score }
    }
}
