//! The program. A sandbox worker is this same program, started with a hidden command.

use std::process::ExitCode;

use dynamic_mcp::app::wiring::entry;

fn main() -> ExitCode {
    // First of all: a worker locks itself down before there is a thread or a runtime.
    #[cfg(feature = "embedded")]
    if let Some(code) =
        dynamic_mcp::adapters::outbound::engine::embedded::worker::dispatch(std::env::args_os())
    {
        return code;
    }
    entry::main()
}
