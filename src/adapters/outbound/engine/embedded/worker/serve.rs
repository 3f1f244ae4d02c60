//! What every worker does once its walls stand: warm up, take one request, answer it.

use std::time::Duration;

use super::super::super::protocol::{FromWorker, Run, ToWorker};
use super::Variation;
use super::channel::Channel;
use super::realm::Realm;
use crate::domain::execution::Limits;

/// Exercises what most calls need, so that its memory is there before somebody waits for it.
const WARM_UP: &str = "const text = String(args.text).toUpperCase(); \
     await null; return {text, list: [1, 2].map((n) => n + 1)}";

/// Makes a realm that has run once.
pub(super) fn prepare(memory_bytes: usize, variation: Variation) -> Result<Realm, String> {
    let realm = Realm::new(memory_bytes)?;
    if let Some(native) = variation.native {
        realm.install_native(native)?;
    }
    warm_up(&realm);
    Ok(realm)
}

/// Runs a call of our own, which leaves nothing behind but touched memory.
pub(super) fn warm_up(realm: &Realm) {
    let warm = realm.run(&Run {
        limits: Limits { timeout: Duration::from_secs(10), ..Limits::default() },
        entropy: [0; 32],
        parsed: true,
        about: r#"{"tool":{"name":"warm","revision":1},"caller":{}}"#.to_owned(),
        code: WARM_UP.to_owned(),
        args: r#"{"text":"warm"}"#.to_owned(),
    });
    debug_assert!(warm.is_ok(), "{warm:?}");
}

/// Answers one request, the only one that this worker ever sees.
pub(super) fn answer(realm: &Realm, channel: Box<dyn Channel>) {
    realm.state.connect(channel);
    let answer = match realm.state.receive() {
        Ok(ToWorker::Run(run)) => FromWorker::Done(realm.run(&run)),
        Ok(ToWorker::Check(code)) => FromWorker::Checked(realm.check(&code)),
        Ok(_) | Err(_) => return,
    };
    realm.state.send(&answer);
}
