//! The embedded engine: `QuickJS` in worker processes of this same program, one call each, locked down before
//! they see the code.

mod protocol;
mod worker;
