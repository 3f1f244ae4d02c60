//! The web surface: what code finds of the platform's APIs beside the language itself.

use rquickjs::{Ctx, Object};

/// Installs it. `host` has `log(level, text)` (levels 0 debug to 7 emergency), `now()` (milliseconds since the
/// call began), `entropy(count)` (a `Uint8Array`) and `request(kind, body)` (a promise of the host's answer);
/// what is set on it as `tick(now)` runs the timers: it runs what is due and returns the milliseconds until
/// the next timer, or -1 where there is none.
pub(super) fn install<'js>(_ctx: &Ctx<'js>, _host: &Object<'js>) -> rquickjs::Result<()> {
    Ok(())
}
