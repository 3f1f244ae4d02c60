//! Who changes the registry.

use std::sync::Arc;

use crate::app::CallSink;
use crate::app::host::NoSink;
use crate::domain::Actor;

/// Who makes a change, and how they hear how far it is.
pub struct Author {
    pub(super) actor: Actor,
    pub(super) sink: Arc<dyn CallSink>,
}

impl Author {
    /// One who listens.
    pub fn new(actor: Actor, sink: Arc<dyn CallSink>) -> Self {
        Self { actor, sink }
    }
}

/// One who doesn't listen.
impl From<Actor> for Author {
    fn from(actor: Actor) -> Self {
        Self::new(actor, Arc::new(NoSink))
    }
}
