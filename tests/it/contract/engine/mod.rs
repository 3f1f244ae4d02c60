//! What every `Engine` must do, stamped on each engine.

mod control;
#[cfg(feature = "docker")]
mod docker;
mod embedded;
mod failures;
mod limits;
mod talk;
mod values;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use dynamic_mcp::domain::ErrorCode;
use dynamic_mcp::domain::caller::Caller;
use dynamic_mcp::domain::execution::{Completion, Failure, Job, Limits, Returned};
use dynamic_mcp::domain::image::ContainerImage;
use dynamic_mcp::ports::Engine;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

#[cfg(feature = "docker")]
pub(crate) use self::docker::Docker;
pub(crate) use self::embedded::Embedded;
use crate::support::host::RecordingHost;

/// An engine under test.
#[async_trait]
pub(crate) trait EngineHarness: Send + Sync {
    /// The engine, started.
    async fn engine(&self) -> Arc<dyn Engine>;
}

/// One test for each case, and one module for each engine.
macro_rules! engine_contract {
    ($engine:ident, $harness:expr, { $($room:ident: [$($case:ident),* $(,)?]),* $(,)? }) => {
        mod $engine {
            use super::*;
            $($(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    super::super::$room::$case(&super::super::Bench::new(&$harness).await).await;
                }
            )*)*
        }
    };
}
use engine_contract;

/// The cases that every engine passes.
macro_rules! stamp {
    ($engine:ident, $harness:expr) => {
        engine_contract!($engine, $harness, {
            values: [
                arguments_come_in_and_a_value_goes_out,
                json_values_come_back_as_they_are,
                what_json_cannot_write_is_rendered,
                arguments_are_data,
                the_context_says_who_and_what,
                rich_results_are_told_from_values,
                half_a_surrogate_pair_does_not_break_the_answer,
            ],
            failures: [
                a_thrown_error_says_what_and_where,
                anything_can_be_thrown,
                syntax_errors_have_a_place,
                a_body_cannot_close_its_function,
                code_that_takes_too_long_to_parse_is_refused,
                a_second_run_is_as_the_first,
                an_unheard_rejection_fails_the_call,
                a_promise_that_cannot_settle_is_found,
                arguments_that_are_not_json_are_refused,
            ],
            limits: [
                time_runs_out,
                a_storm_of_microtasks_ends,
                memory_runs_out,
                the_stack_runs_out,
                output_is_not_cut,
                logs_are_cut_and_counted,
                requests_are_counted,
            ],
            talk: [
                logs_arrive_in_order_with_their_level,
                progress_only_grows,
                what_is_odd_or_large_is_still_said,
                a_request_is_answered,
                a_refusal_can_be_caught_and_is_named_where_it_is_not,
                requests_overlap,
            ],
            control: [
                code_is_checked_without_being_run,
                a_cancelled_call_ends,
                an_abandoned_call_ends,
                calls_do_not_see_each_other,
                randomness_never_repeats,
                there_is_nothing_of_the_host,
                many_calls_run_at_once,
                after_the_shutdown_nothing_runs,
                the_report_names_the_layers,
            ],
        });
    };
}
use stamp;

/// Limits for cases that don't run into their time, however busy the machine is: V8 looks for memory long before it
/// finds none.
pub(crate) fn ample() -> Limits {
    Limits { timeout: Duration::from_secs(100), ..Limits::default() }
}

/// Limits for cases that run into their time.
pub(crate) fn brief() -> Limits {
    Limits { timeout: Duration::from_secs(1), ..Limits::default() }
}

/// A run of the tool `text.case`, revision 3, called by `alice`.
pub(crate) fn job(code: &str, args: &str, limits: Limits) -> Job {
    Job {
        tool: Some((
            serde_json::from_value("text.case".into()).unwrap(),
            serde_json::from_value(3.into()).unwrap(),
        )),
        code: code.into(),
        args: args.to_owned(),
        caller: Caller {
            subject: Some("alice".into()),
            scopes: Arc::new(["tools".to_owned()]),
            client: None,
        },
        dependencies: Arc::new([]),
        lock: None,
        image: ContainerImage::parse("node:lts-slim").unwrap(),
        limits,
    }
}

/// An engine and a host, and short ways to use them.
pub(crate) struct Bench {
    pub(crate) engine: Arc<dyn Engine>,
    pub(crate) host: Arc<RecordingHost>,
}

impl Bench {
    pub(crate) async fn new(harness: &dyn EngineHarness) -> Self {
        Self { engine: harness.engine().await, host: Arc::default() }
    }

    pub(crate) async fn complete(&self, job: Job) -> Completion {
        let host = Arc::clone(&self.host);
        // Only a guard against a test that never ends.
        let guard = Duration::from_mins(2);
        let run = self.engine.run(job, host, CancellationToken::new());
        tokio::time::timeout(guard, run).await.unwrap().unwrap()
    }

    pub(crate) async fn run(&self, code: &str, args: &str) -> Result<Returned, Failure> {
        self.complete(job(code, args, ample())).await.outcome
    }

    /// The value that code returns.
    pub(crate) async fn value(&self, code: &str) -> Value {
        match self.run(code, "{}").await {
            Ok(Returned::Value(json)) => serde_json::from_str(&json).unwrap(),
            other => panic!("{code}: {other:?}"),
        }
    }

    /// How code fails.
    pub(crate) async fn failure(&self, code: &str) -> Failure {
        match self.run(code, "{}").await {
            Err(failure) => failure,
            Ok(value) => panic!("{code}: {value:?}"),
        }
    }

    /// With which code it fails within these limits.
    pub(crate) async fn code_within(&self, limits: Limits, code: &str) -> ErrorCode {
        match self.complete(job(code, "{}", limits)).await.outcome {
            Err(failure) => failure.code,
            Ok(value) => panic!("{code}: {value:?}"),
        }
    }
}
