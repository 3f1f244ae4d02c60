//! Use cases on fakes.

mod authorize;
mod gate;
