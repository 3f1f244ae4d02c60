//! One call as its worker sees it: the limits, what has been used of them, and the channel to the host.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};

use rquickjs::{Persistent, Value};

use super::super::super::protocol::{FromWorker, LEVELS, REQUESTS, ToWorker};
use super::allocator::Memory;
use super::channel::{Channel, Closed};
use super::entropy::Entropy;
use crate::domain::execution::{HostRequestKind, Limits};

/// The clock, which costs no system call where the kernel offers it in user space.
#[expect(clippy::disallowed_methods, reason = "a worker has no runtime whose time could be paused")]
fn now() -> Instant {
    Instant::now()
}

/// A promise that was rejected with nobody listening, and the reason.
type Rejection = (Persistent<Value<'static>>, Persistent<Value<'static>>);

/// What the interpreter's callbacks and the loop around it share.
pub(super) struct CallState {
    /// The interpreter's memory.
    pub(super) memory: Rc<Memory>,
    /// Promises that nobody has listened to yet.
    pub(super) rejections: RefCell<Vec<Rejection>>,
    channel: RefCell<Option<Box<dyn Channel>>>,
    entropy: RefCell<Entropy>,
    limits: Cell<Limits>,
    started: Cell<Instant>,
    timed_out: Cell<bool>,
    closed: Cell<bool>,
    logged: Cell<usize>,
    dropped: Cell<u64>,
    reported: Cell<bool>,
    progressed: Cell<u32>,
    calls: Cell<u32>,
    answered: Cell<u32>,
}

impl CallState {
    /// Before any call.
    pub(super) fn new(memory: Rc<Memory>) -> Rc<Self> {
        Rc::new(Self {
            memory,
            rejections: RefCell::default(),
            channel: RefCell::default(),
            entropy: RefCell::new(Entropy::new([0; 32])),
            limits: Cell::new(Limits::default()),
            started: Cell::new(now()),
            timed_out: Cell::new(false),
            closed: Cell::new(false),
            logged: Cell::new(0),
            dropped: Cell::new(0),
            reported: Cell::new(false),
            progressed: Cell::new(0),
            calls: Cell::new(0),
            answered: Cell::new(0),
        })
    }

    /// Gives it its channel; it stays for the worker's life.
    pub(super) fn connect(&self, channel: Box<dyn Channel>) {
        *self.channel.borrow_mut() = Some(channel);
    }

    /// Starts the clock of a call.
    pub(super) fn begin(&self, limits: Limits, entropy: [u8; 32]) {
        *self.entropy.borrow_mut() = Entropy::new(entropy);
        self.limits.set(limits);
        self.started.set(now());
        self.timed_out.set(false);
        for counter in [&self.progressed, &self.calls, &self.answered] {
            counter.set(0);
        }
        self.logged.set(0);
        self.dropped.set(0);
        self.reported.set(false);
        self.rejections.borrow_mut().clear();
    }

    /// What this call may use.
    pub(super) fn limits(&self) -> Limits {
        self.limits.get()
    }

    /// How long it has been running.
    pub(super) fn elapsed(&self) -> Duration {
        now().saturating_duration_since(self.started.get())
    }

    /// How long it may still run.
    pub(super) fn remaining(&self) -> Duration {
        self.limits.get().timeout.saturating_sub(self.elapsed())
    }

    /// Whether it has to end: its time is over, or nobody listens any more. Looks at the clock.
    pub(super) fn must_stop(&self) -> bool {
        if self.remaining().is_zero() {
            self.timed_out.set(true);
        }
        self.timed_out.get() || self.closed.get()
    }

    /// Whether its time was found to be over.
    pub(super) fn timed_out(&self) -> bool {
        self.timed_out.get()
    }

    /// Whether the host owes it an answer.
    pub(super) fn awaits_host(&self) -> bool {
        self.calls.get() > self.answered.get()
    }

    /// An answer has come.
    pub(super) fn count_answer(&self) {
        self.answered.set(self.answered.get().saturating_add(1));
    }

    /// Random bytes.
    pub(super) fn fill(&self, out: &mut [u8]) {
        self.entropy.borrow_mut().fill(out);
    }

    /// A random number in `0.0..1.0`.
    pub(super) fn fraction(&self) -> f64 {
        self.entropy.borrow_mut().fraction()
    }

    /// Sends a frame. Where the host has gone, the call ends at the next look at the clock.
    pub(super) fn send(&self, said: &FromWorker) {
        if let Some(channel) = self.channel.borrow_mut().as_mut()
            && channel.send(said).is_err()
        {
            self.closed.set(true);
        }
    }

    /// Waits for the host.
    pub(super) fn receive(&self) -> Result<ToWorker, Closed> {
        let mut channel = self.channel.borrow_mut();
        let heard = channel.as_mut().map_or(Err(Closed), |channel| channel.receive());
        if heard.is_err() {
            self.closed.set(true);
        }
        heard
    }

    /// Logs a line, as far as the limit allows. Each line costs its bytes and one more.
    pub(super) fn log(&self, level: usize, text: &str, json: bool) {
        let level = LEVELS.get(level).copied().unwrap_or(LEVELS[1]);
        let room = self.limits.get().log_bytes.saturating_sub(self.logged.get());
        if text.len() < room {
            self.logged.set(self.logged.get() + text.len() + 1);
            self.send(&FromWorker::Log { level, json, text: text.to_owned() });
            return;
        }
        let kept = text.floor_char_boundary(room.saturating_sub(1));
        let (kept, left) = text.split_at(kept);
        self.logged.set(self.limits.get().log_bytes);
        if !kept.is_empty() {
            self.send(&FromWorker::Log { level, json: false, text: kept.to_owned() });
        }
        self.dropped.set(self.dropped.get().saturating_add(left.len() as u64 + 1));
        if !self.reported.replace(true) {
            self.report_dropped();
        }
    }

    /// Tells the host how much log was left out since it was last told.
    pub(super) fn report_dropped(&self) {
        match self.dropped.replace(0) {
            0 => {}
            bytes => self.send(&FromWorker::LogsCut(bytes)),
        }
    }

    /// Reports progress; beyond as many times as requests are allowed, it is dropped.
    pub(super) fn progress(&self, json: String) {
        if self.progressed.get() < self.limits.get().host_calls {
            self.progressed.set(self.progressed.get() + 1);
            self.send(&FromWorker::Progress(json));
        }
    }

    /// Asks the host; the request's number, or `None` where there were too many.
    pub(super) fn call(&self, kind: &str, body: String) -> Option<u32> {
        if self.calls.get() >= self.limits.get().host_calls {
            return None;
        }
        let kind = REQUESTS.into_iter().find(|known| name(*known) == kind)?;
        let id = self.calls.get() + 1;
        self.calls.set(id);
        self.send(&FromWorker::Call { id, kind, body });
        Some(id)
    }
}

/// A request's name in the scripts.
const fn name(kind: HostRequestKind) -> &'static str {
    match kind {
        HostRequestKind::Fetch => "fetch",
        HostRequestKind::Secret => "secret",
        HostRequestKind::ToolCall => "tool_call",
        HostRequestKind::ToolList => "tool_list",
        HostRequestKind::Input => "input",
    }
}
