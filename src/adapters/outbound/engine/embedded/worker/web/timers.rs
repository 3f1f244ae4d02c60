//! Which timer is due when. What each one calls is the script's matter.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;

use rquickjs::Object;
use rquickjs::function::Func;

/// When a timer is due, in microseconds since the call began, and its number: of those due at once, the older
/// comes first.
type Entry = (u64, u64);

/// Adds `timerAdd(due, id)`, `timerCancel(due, id)`, `timerTake(now)` (the number of one that is due, or 0) and
/// `timerNext()` (when the next is due, or -1), with all times in milliseconds.
pub(super) fn install(kit: &Object<'_>) -> rquickjs::Result<()> {
    let timers: Rc<RefCell<BTreeSet<Entry>>> = Rc::default();
    let shared = Rc::clone(&timers);
    kit.set(
        "timerAdd",
        Func::from(move |due: f64, id: f64| {
            shared.borrow_mut().insert((whole(due * 1e3), whole(id)));
        }),
    )?;
    let shared = Rc::clone(&timers);
    kit.set(
        "timerCancel",
        Func::from(move |due: f64, id: f64| {
            shared.borrow_mut().remove(&(whole(due * 1e3), whole(id)));
        }),
    )?;
    let shared = Rc::clone(&timers);
    kit.set(
        "timerTake",
        Func::from(move |now: f64| {
            let mut timers = shared.borrow_mut();
            match timers.first() {
                Some((due, _)) if *due <= whole(now * 1e3) => {
                    timers.pop_first().map_or(0.0, |(_, id)| real(id))
                }
                _ => 0.0,
            }
        }),
    )?;
    kit.set(
        "timerNext",
        Func::from(move || timers.borrow().first().map_or(-1.0, |(due, _)| real(*due) / 1e3)),
    )
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a cast saturates, and what is cast is a time or a number counted up from 1"
)]
const fn whole(number: f64) -> u64 {
    number as u64
}

#[expect(clippy::cast_precision_loss, reason = "a time within one call, or a count of its timers")]
const fn real(number: u64) -> f64 {
    number as f64
}
