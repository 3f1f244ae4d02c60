//! The only code that runs inside a sandbox.
//!
//! [`dispatch`] is called first thing in `main`, before any thread or runtime exists: a worker forks and
//! locks itself down, which only a process of one thread can do.

mod allocator;
mod call;
mod channel;
mod entropy;
mod realm;
mod state;
#[cfg(test)]
mod testing;
mod verdict;
mod web;
