//! Built-in tools: what one is, and everything that is done once for all of them.
//!
//! A tool says its name, its texts, its hints, its types and the use case that it calls. From that a
//! [`Route`] is made, which generates the schemas, goes through the guard, takes out and checks the admin
//! token, reads the input, and turns output and errors into results.

use std::pin::Pin;
use std::sync::Arc;

use rmcp::model::{CallToolResult, JsonObject, ToolAnnotations};
use schemars::JsonSchema;
use secrecy::SecretString;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use tracing::Instrument as _;

use super::answer::{self, Answer};
use super::audit::AuditDraft;
use super::exchange::Exchange;
use super::names::Spelling;
use super::reply::{self, Declared};
use super::server::Shared;
use super::{decode, schema};
use crate::app::AppError;
use crate::domain::{Action, Actor, Scope};

/// The argument that proves an administrator.
pub(super) const ADMIN_TOKEN: &str = "adminToken";

/// Longest admin token that is looked at, in bytes.
const MAX_TOKEN_BYTES: usize = 4_096;

/// What a client may believe about a tool.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::struct_excessive_bools, reason = "MCP defines four independent hints")]
pub(super) struct Hints {
    /// It changes nothing.
    pub(super) read_only: bool,
    /// It may destroy something.
    pub(super) destructive: bool,
    /// Twice is as once.
    pub(super) idempotent: bool,
    /// It reaches the world outside.
    pub(super) open_world: bool,
}

/// Who guards a tool's calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Guarded {
    /// The tool's own scope.
    BySelf,
    /// The use case that it calls, or nobody: a cheap look at the server.
    Elsewhere,
}

/// One call of a built-in tool.
pub(super) struct Call<'a> {
    /// The server.
    pub(super) shared: &'a Shared,
    /// The request.
    pub(super) exchange: &'a Exchange,
    /// Who is written down for a change.
    pub(super) actor: Actor,
}

/// A built-in tool.
pub(super) trait Tool: 'static {
    /// The documented name.
    const NAME: &'static str;
    /// For people.
    const TITLE: &'static str;
    /// For models.
    const ABOUT: &'static str;
    /// For clients.
    const HINTS: Hints;
    /// What calling it means; anything but `Use` takes an `adminToken`.
    const ACTION: Action = Action::Use;
    /// Who guards it.
    const GUARDED: Guarded = Guarded::BySelf;
    /// The arguments. Unknown fields are refused.
    type Input: DeserializeOwned + JsonSchema + Send;
    /// The result.
    type Output: Answer;

    /// Does it.
    fn call(
        call: &Call<'_>,
        input: Self::Input,
    ) -> impl Future<Output = Result<Self::Output, AppError>> + Send;
}

type Invoked<'a> = Pin<Box<dyn Future<Output = CallToolResult> + Send + 'a>>;

/// A built-in tool, ready to be listed and called.
pub(super) struct Route {
    /// The documented name.
    pub(super) name: &'static str,
    /// What calling it means.
    pub(super) action: Action,
    /// Who guards it.
    pub(super) guarded: Guarded,
    title: &'static str,
    about: &'static str,
    hints: Hints,
    input: Arc<JsonObject>,
    output: Arc<JsonObject>,
    invoke: for<'a> fn(&'a Shared, &'a Exchange, Map<String, Value>) -> Invoked<'a>,
}

impl Route {
    /// The route of a tool.
    pub(super) fn of<T: Tool>() -> Self {
        let mut input = schema::input::<T::Input>();
        if T::ACTION != Action::Use {
            add_admin_token(&mut input);
        }
        let mut output = T::Output::schema();
        answer::add_failure(&mut output);
        Self {
            name: T::NAME,
            action: T::ACTION,
            guarded: T::GUARDED,
            title: T::TITLE,
            about: T::ABOUT,
            hints: T::HINTS,
            input: Arc::new(input),
            output: Arc::new(output),
            invoke: |shared, exchange, arguments| {
                Box::pin(invoke::<T>(shared, exchange, arguments))
            },
        }
    }

    /// As `tools/list` shows it.
    pub(super) fn definition(&self, spelling: Spelling) -> rmcp::model::Tool {
        let Hints { read_only, destructive, idempotent, open_world } = self.hints;
        let hints = ToolAnnotations::from_raw(
            None,
            Some(read_only),
            Some(destructive),
            Some(idempotent),
            Some(open_world),
        );
        let name = spelling.of(self.name).into_owned();
        let about = spelling.text(self.about).into_owned();
        rmcp::model::Tool::new(name, about, Arc::clone(&self.input))
            .with_title(self.title)
            .with_raw_output_schema(Arc::clone(&self.output))
            .with_annotations(hints)
    }

    /// Calls it.
    pub(super) fn call<'a>(
        &self,
        shared: &'a Shared,
        exchange: &'a Exchange,
        arguments: Map<String, Value>,
    ) -> Invoked<'a> {
        (self.invoke)(shared, exchange, arguments)
    }
}

async fn invoke<T: Tool>(
    shared: &Shared,
    exchange: &Exchange,
    arguments: Map<String, Value>,
) -> CallToolResult {
    let span = tracing::debug_span!("builtin", tool.name = T::NAME);
    let audit = AuditDraft::of(T::ACTION, T::NAME, &arguments);
    let result = guarded::<T>(shared, exchange, arguments).instrument(span).await;
    match result {
        Ok(output) => {
            let result = output.into_result(exchange.spelling);
            audit.ended(shared, &exchange.caller, exchange.started.elapsed(), Ok(&result));
            result
        }
        Err(error) => {
            audit.ended(shared, &exchange.caller, exchange.started.elapsed(), Err(&error));
            tracing::debug!(tool.name = T::NAME, code = error.code().as_str(), "refused or failed");
            reply::failed(&error, exchange.started.elapsed(), exchange.spelling, Declared::Ours)
        }
    }
}

async fn guarded<T: Tool>(
    shared: &Shared,
    exchange: &Exchange,
    arguments: Map<String, Value>,
) -> Result<T::Output, AppError> {
    // Before the token is looked at, so that nobody can try out tokens at full speed.
    let permit = match T::GUARDED {
        Guarded::BySelf => Some(shared.app.gate.enter(&Scope::builtin(T::NAME))?),
        Guarded::Elsewhere => None,
    };
    let result = authorized::<T>(shared, exchange, arguments).await;
    if let (Err(_), Some(permit)) = (&result, &permit) {
        permit.failed();
    }
    result
}

async fn authorized<T: Tool>(
    shared: &Shared,
    exchange: &Exchange,
    mut arguments: Map<String, Value>,
) -> Result<T::Output, AppError> {
    let token = match T::ACTION {
        Action::Use => None,
        _ => take_admin_token(&mut arguments)?,
    };
    let actor = shared.app.authorizer.check(&exchange.caller, T::ACTION, token.as_ref())?;
    let taken = (T::ACTION != Action::Use).then_some(ADMIN_TOKEN);
    let input = decode::decode_beside(Value::Object(arguments), taken)?;
    T::call(&Call { shared, exchange, actor }, input).await
}

/// Takes the token out before anything else sees the arguments. No error shows any of it.
fn take_admin_token(arguments: &mut Map<String, Value>) -> Result<Option<SecretString>, AppError> {
    match arguments.remove(ADMIN_TOKEN) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(token)) if token.len() <= MAX_TOKEN_BYTES => Ok(Some(token.into())),
        Some(_) => Err(AppError::invalid_input(format!(
            "invalid arguments: /adminToken: expected a string of at most {MAX_TOKEN_BYTES} bytes"
        ))),
    }
}

fn add_admin_token(schema: &mut JsonObject) {
    let property = json!({
        "type": "string",
        "maxLength": MAX_TOKEN_BYTES,
        "description": "The administrator's token; needed where the operator has set one, else ignored. Default: none.",
    });
    if let Some(Value::Object(properties)) = schema.get_mut("properties") {
        properties.insert(ADMIN_TOKEN.to_owned(), property);
    }
}
