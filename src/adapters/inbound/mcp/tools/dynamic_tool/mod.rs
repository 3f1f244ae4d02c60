//! `dynamic.tool.*`: tools that make, change, show and call tools.

pub(super) mod call;
pub(super) mod create;
pub(super) mod delete;
pub(super) mod enable;
pub(super) mod get;
pub(super) mod list;
pub(super) mod update;

mod argument;
mod view;
