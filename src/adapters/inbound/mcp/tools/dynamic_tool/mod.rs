//! `dynamic.tool.*`: tools that make, change, show and call tools.

pub(super) mod call;
pub(super) mod create;
pub(super) mod delete;
pub(super) mod enable;
pub(super) mod get;
pub(super) mod history;
pub(super) mod list;
pub(super) mod rollback;
pub(super) mod search;
pub(super) mod test;
pub(super) mod update;

mod argument;
mod view;
