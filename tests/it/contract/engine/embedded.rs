//! The embedded engine, with each of its two sources of workers.

use std::sync::Arc;

use async_trait::async_trait;
use dynamic_mcp::adapters::outbound::engine::embedded::{
    EmbeddedConfig, EmbeddedEngine, WorkerMode,
};
use dynamic_mcp::ports::Engine;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{EngineHarness, engine_contract};

pub(crate) struct Embedded(pub(crate) WorkerMode);

#[async_trait]
impl EngineHarness for Embedded {
    async fn engine(&self) -> Arc<dyn Engine> {
        let mut config = EmbeddedConfig::new(env!("CARGO_BIN_EXE_dynamic-mcp"));
        config.mode = self.0;
        Arc::new(EmbeddedEngine::start(config, &TaskTracker::new(), &CancellationToken::new()))
    }
}

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

stamp!(fork_server, Embedded(WorkerMode::ForkServer));
stamp!(exec_pool, Embedded(WorkerMode::ExecPool));
