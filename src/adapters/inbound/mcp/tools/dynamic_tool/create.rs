//! `dynamic.tool.create`.

use schemars::JsonSchema;
use serde::Deserialize;

use super::super::super::answer::Json;
use super::super::super::feed::with_sink;
use super::super::super::names::Spelling;
use super::super::super::tool::{Call, Hints, Tool};
use super::view::{OneTool, ToolView};
use crate::app::{AppError, Author};
use crate::domain::Action;
use crate::domain::tool::{ToolDraft, ToolRecord};

pub(in super::super) struct Create;

/// A tool to be made.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct Input {
    /// The new tool.
    tool: ToolDraft,
}

impl Tool for Create {
    const NAME: &'static str = "dynamic.tool.create";
    const TITLE: &'static str = "Create a tool";
    const ABOUT: &'static str = "Makes a new tool out of JavaScript and offers it at once, without a restart. The \
        code is the body of `async function run(args, ctx)`: it gets the arguments as args and returns a JSON \
        value, or ctx.result({content, structuredContent, isError}) for images and other content. It runs in a \
        sandbox without network, files or memory of earlier calls; ctx.log(level, data) and ctx.progress(done, \
        total, message) talk to the client. Give an inputSchema, so that arguments are checked and models know \
        them. Afterwards call the tool by its name or with dynamic.tool.call. Fails with already_exists where \
        the name is taken (then use dynamic.tool.update) and with invalid_tool, which says what is wrong.";
    const HINTS: Hints =
        Hints { read_only: false, destructive: false, idempotent: false, open_world: false };
    const ACTION: Action = Action::Manage;
    type Input = Input;
    type Output = Json<OneTool>;

    async fn call(call: &Call<'_>, input: Input) -> Result<Json<OneTool>, AppError> {
        let record = with_sink(call.exchange, Self::NAME, async |sink| {
            let author = Author::new(call.actor.clone(), sink);
            call.shared.app.catalog.create(author, input.tool).await
        })
        .await?;
        let hint = Some(how_to_call(&record, call.exchange.spelling));
        Ok(Json { value: OneTool { tool: ToolView::of(&record, false) }, hint })
    }
}

/// What to do with a tool that was just made or changed, as this client has to spell it.
pub(super) fn how_to_call(record: &ToolRecord, spelling: Spelling) -> String {
    if !record.enabled {
        let sentence = "It is disabled: dynamic.tool.enable makes it callable.";
        return spelling.text(sentence).into_owned();
    }
    let name = spelling.of(record.name.as_str());
    let call = spelling.text("dynamic.tool.call");
    format!("Call it as {name} or, if that is not in your list of tools yet, with {call}.")
}
