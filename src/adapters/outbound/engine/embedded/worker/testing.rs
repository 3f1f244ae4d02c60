//! Runs code in this very process, for unit tests of what code finds in its realm.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use super::super::super::protocol::{FromWorker, Run, ToWorker};
use super::channel::{Channel, Closed};
use super::realm::Realm;
use crate::domain::execution::{Failure, Limits, Returned};

/// Everything that a run said, and what it came to.
pub(super) struct Ran {
    /// The outcome.
    pub(super) outcome: Result<Returned, Failure>,
    /// Every frame but the outcome.
    pub(super) said: Vec<FromWorker>,
}

impl Ran {
    /// The value as JSON text; panics where there is none.
    pub(super) fn value(&self) -> String {
        match &self.outcome {
            Ok(Returned::Value(json) | Returned::Rich(json)) => json.clone(),
            Err(failure) => panic!("{failure:?}"),
        }
    }

    /// The lines of log.
    pub(super) fn logs(&self) -> Vec<String> {
        let text = |said: &FromWorker| match said {
            FromWorker::Log { text, .. } => Some(text.clone()),
            _ => None,
        };
        self.said.iter().filter_map(text).collect()
    }
}

/// Runs the body of a function with `args` (JSON). Timers pass at once; every request is refused.
pub(super) fn run(code: &str, args: &str) -> Ran {
    run_within(code, args, Limits { timeout: Duration::from_secs(10), ..Limits::default() })
}

/// As [`run`], within these limits.
pub(super) fn run_within(code: &str, args: &str, limits: Limits) -> Ran {
    let realm = Realm::new(128 << 20).unwrap();
    let said = Rc::new(RefCell::new(Vec::new()));
    realm.state.connect(Box::new(Loop { said: Rc::clone(&said), owed: Vec::new() }));
    let outcome = realm.run(&Run {
        limits,
        entropy: [3; 32],
        parsed: false,
        about: r#"{"tool":null,"caller":{"subject":null,"scopes":[]}}"#.to_owned(),
        code: code.to_owned(),
        args: args.to_owned(),
    });
    Ran { outcome, said: said.take() }
}

/// A host of one's own.
struct Loop {
    said: Rc<RefCell<Vec<FromWorker>>>,
    owed: Vec<u32>,
}

impl Channel for Loop {
    fn send(&mut self, said: &FromWorker) -> Result<(), Closed> {
        if let FromWorker::Call { id, .. } = said {
            self.owed.push(*id);
        }
        self.said.borrow_mut().push(said.clone());
        Ok(())
    }

    fn receive(&mut self) -> Result<ToWorker, Closed> {
        if let Some(id) = self.owed.pop() {
            let json = r#"{"code":"permission_denied","message":"not here"}"#.to_owned();
            return Ok(ToWorker::Reply { id, ok: false, json });
        }
        if let Some(FromWorker::Wait(time)) = self.said.borrow().last() {
            #[expect(clippy::disallowed_methods, reason = "stands for the host's timer")]
            std::thread::sleep(*time);
        }
        Ok(ToWorker::Tick)
    }
}

#[test]
fn a_value_comes_back_as_json() {
    assert_eq!(
        run("return {upper: args.text.toUpperCase()}", r#"{"text":"é"}"#).value(),
        r#"{"upper":"É"}"#
    );
}

#[test]
fn what_is_logged_is_heard() {
    let ran = run(
        "ctx.log('info', 'a'); await ctx.secret('X').catch(() => {}); ctx.log('info', [1])",
        "{}",
    );
    assert_eq!(ran.value(), "null");
    assert_eq!(ran.logs(), ["a", "[1]"]);
}
