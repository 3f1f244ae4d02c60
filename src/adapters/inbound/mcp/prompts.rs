//! The prompt, and the completion of its argument.

use std::fmt::Write as _;

use rmcp::ErrorData;
use rmcp::model::{
    CompleteRequestParams, CompletionInfo, GetPromptRequestParams, GetPromptResult, Prompt,
    PromptArgument, PromptMessage, Reference, Role, Tool,
};
use serde_json::Value;

use super::names::Spelling;
use super::server::Shared;
use crate::domain::text::echo;
use crate::domain::tool::name::client_safe;

const NAME: &str = "tool-call-checklist";
const ARGUMENT: &str = "toolName";
const ABOUT: &str =
    "What to check before a tool is called: its arguments, its result and its failures.";

/// Every prompt.
pub(super) fn all() -> Vec<Prompt> {
    let argument = PromptArgument::new(ARGUMENT)
        .with_description("The name of the tool that is to be called, in either spelling.")
        .with_required(true);
    vec![Prompt::new(NAME, Some(ABOUT), Some(vec![argument])).with_title("Tool call checklist")]
}

/// Writes one.
pub(super) fn get(
    shared: &Shared,
    request: &GetPromptRequestParams,
    spelling: Spelling,
) -> Result<GetPromptResult, ErrorData> {
    known(&request.name)?;
    let arguments = request.arguments.as_ref();
    let unknown = arguments.and_then(|all| all.keys().find(|name| *name != ARGUMENT));
    if let Some(unknown) = unknown {
        return Err(wrong(&format!(
            "there is no argument '{}'; allowed: {ARGUMENT}",
            echo(unknown)
        )));
    }
    let Some(Value::String(given)) = arguments.and_then(|all| all.get(ARGUMENT)) else {
        return Err(wrong(&format!("the argument '{ARGUMENT}' is required, and is a string")));
    };
    let list = shared.list(spelling);
    let wanted = client_safe(given);
    let tool =
        list.tools.iter().find(|tool| client_safe(&tool.name) == wanted).ok_or_else(|| {
            wrong(&format!("there is no tool '{}'; tools/list shows those there are", echo(given)))
        })?;
    let message = PromptMessage::new_text(Role::User, checklist(tool));
    Ok(GetPromptResult::new(vec![message]).with_description(ABOUT))
}

/// Values for the argument: names of tools that begin with what is there, then those that hold it.
pub(super) fn complete(
    shared: &Shared,
    request: &CompleteRequestParams,
    spelling: Spelling,
) -> Result<CompletionInfo, ErrorData> {
    let Reference::Prompt(prompt) = &request.r#ref else {
        return Err(wrong("no resource here has anything to complete"));
    };
    known(&prompt.name)?;
    if request.argument.name != ARGUMENT {
        let name = echo(&request.argument.name);
        return Err(wrong(&format!("there is no argument '{name}'; allowed: {ARGUMENT}")));
    }
    let typed = request.argument.value.to_lowercase();
    let list = shared.list(spelling);
    let (mut begin, mut hold) = (Vec::new(), Vec::new());
    for tool in &list.tools {
        match tool.name.to_lowercase().find(&typed) {
            Some(0) => begin.push(tool.name.to_string()),
            Some(_) => hold.push(tool.name.to_string()),
            None => {}
        }
    }
    begin.append(&mut hold);
    let total = begin.len();
    begin.truncate(CompletionInfo::MAX_VALUES);
    let more = total > begin.len();
    CompletionInfo::with_pagination(begin, u32::try_from(total).ok(), more)
        .map_err(|message| ErrorData::internal_error(message, None))
}

fn checklist(tool: &Tool) -> String {
    let mut text = format!("Before you call the tool {}, check each of these:\n\n", tool.name);
    let about = tool.description.as_deref().unwrap_or_default();
    writeln!(text, "1. It does what is needed. It says: {about}").ok();
    let required = tool.input_schema.get("required").and_then(Value::as_array);
    let required: Vec<_> = required.into_iter().flatten().filter_map(Value::as_str).collect();
    let needed = match &*required {
        [] => "None is required.".to_owned(),
        names => format!("Required: {}.", names.join(", ")),
    };
    writeln!(text, "2. The arguments match its inputSchema. {needed}").ok();
    let result = match &tool.output_schema {
        Some(_) => "It has an outputSchema: rely on structuredContent, and on no other field.",
        None => "It has no outputSchema: look at what comes before you rely on it.",
    };
    writeln!(text, "3. You know what to do with the result. {result}").ok();
    let hints = tool.annotations.as_ref();
    let may_destroy = hints.is_none_or(|hints| {
        hints.read_only_hint != Some(true) && hints.destructive_hint != Some(false)
    });
    let care = if may_destroy {
        "It may change or destroy something: make sure that this is wanted."
    } else {
        "It says that it destroys nothing."
    };
    writeln!(text, "4. Its effects are wanted. {care}").ok();
    let repeat = hints.is_some_and(|hints| {
        hints.read_only_hint == Some(true) || hints.idempotent_hint == Some(true)
    });
    let again = if repeat {
        "It says that calling twice is as calling once."
    } else {
        "Don't repeat a call whose outcome you don't know."
    };
    writeln!(
        text,
        "5. You are ready for a failure: isError is true, code says what kind, retryable whether the same call \
         may succeed later. {again}"
    )
    .ok();
    text
}

fn known(prompt: &str) -> Result<(), ErrorData> {
    if prompt == NAME {
        return Ok(());
    }
    Err(wrong(&format!("there is no prompt '{}'; allowed: {NAME}", echo(prompt))))
}

fn wrong(message: &str) -> ErrorData {
    ErrorData::invalid_params(format!("Invalid params: {message}"), None)
}
