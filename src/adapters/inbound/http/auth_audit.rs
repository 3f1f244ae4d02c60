//! Tells the audit log of tokens: of a good one when it is first shown, of refusals as long as they are few.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use tokio::time::Instant;

use crate::domain::{AuditCategory, AuditEvent, AuditOutcome, Caller, ErrorCode};
use crate::ports::AuditLog;

/// Most tokens that are remembered as told of; then all are forgotten, and told of again.
const MAX_KNOWN: usize = 10_000;

/// Most refusals that are told of in one [`SPAN`]: whoever has no token must not be able to push what others
/// did out of the log.
const MAX_REFUSALS: u32 = 20;

/// See [`MAX_REFUSALS`].
const SPAN: Duration = Duration::from_secs(1);

type Fingerprint = [u8; 32];

/// Tells the audit log of tokens.
pub(super) struct AuthAudit {
    audit: Arc<dyn AuditLog>,
    known: Mutex<HashSet<Fingerprint>>,
    refusals: Mutex<Refusals>,
}

struct Refusals {
    since: Instant,
    told: u32,
    untold: u64,
}

impl AuthAudit {
    pub(super) fn new(audit: Arc<dyn AuditLog>) -> Self {
        let refusals = Refusals { since: Instant::now(), told: 0, untold: 0 };
        Self { audit, known: Mutex::default(), refusals: Mutex::new(refusals) }
    }

    /// A token was good.
    pub(super) fn accepted(&self, token: &str, caller: &Caller) {
        let fingerprint = Sha256::digest(token.as_bytes()).into();
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.contains(&fingerprint) {
            return;
        }
        if known.len() >= MAX_KNOWN {
            known.clear();
        }
        known.insert(fingerprint);
        drop(known);
        self.audit.record(event(AuditOutcome::Ok).by(caller));
    }

    /// A request was refused. `caller`: if the token was good and not enough.
    pub(super) fn refused(&self, caller: Option<&Caller>, why: &'static str, code: ErrorCode) {
        let mut refusals = self.refusals.lock().unwrap_or_else(PoisonError::into_inner);
        if refusals.since.elapsed() >= SPAN {
            refusals.since = Instant::now();
            refusals.told = 0;
        }
        if refusals.told >= MAX_REFUSALS {
            refusals.untold += 1;
            return;
        }
        refusals.told += 1;
        let untold = std::mem::take(&mut refusals.untold);
        drop(refusals);
        let mut event = event(AuditOutcome::Refused);
        if let Some(caller) = caller {
            event = event.by(caller);
        }
        event.code = Some(code);
        event.reason = Some(why);
        if untold > 0 {
            event.details.insert("notToldBefore".to_owned(), untold.into());
        }
        self.audit.record(event);
    }
}

fn event(outcome: AuditOutcome) -> AuditEvent {
    AuditEvent::new(AuditCategory::Authentication, "authenticate", outcome)
}
