//! The program. What it does is in the library; this picks what to be.

use std::process::ExitCode;

fn main() -> ExitCode {
    // A sandbox worker is this same program: it must not have a thread yet when it locks itself down.
    #[cfg(feature = "embedded")]
    if let Some(ended) =
        dynamic_mcp::adapters::outbound::engine::embedded::worker::dispatch(std::env::args_os())
    {
        return ended;
    }
    ExitCode::SUCCESS
}
