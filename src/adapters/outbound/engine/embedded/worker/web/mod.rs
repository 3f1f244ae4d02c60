//! The web surface: what code finds of the platform's APIs beside the language itself.
//!
//! Most of it is script, one file for each family of APIs; what needs tables, parsers or digests is native.
//! Nothing in it makes a system call. `docs/dynamic-tools.md` has the table of what there is.

mod bytes;
mod digest;
mod text;
mod timers;
mod trace;
mod url;

use rquickjs::{Ctx, Function, Object};

use super::realm::evaluate;

/// In the order in which they need each other.
const SCRIPTS: [(&str, &str); 16] = [
    ("dmcp:kit", include_str!("kit.js")),
    ("dmcp:timers", include_str!("timers.js")),
    ("dmcp:performance", include_str!("performance.js")),
    ("dmcp:event", include_str!("event.js")),
    ("dmcp:abort", include_str!("abort.js")),
    ("dmcp:inspect", include_str!("inspect.js")),
    ("dmcp:console", include_str!("console.js")),
    ("dmcp:url", include_str!("url.js")),
    ("dmcp:encoding", include_str!("encoding.js")),
    ("dmcp:crypto", include_str!("crypto.js")),
    ("dmcp:blob", include_str!("blob.js")),
    ("dmcp:headers", include_str!("headers.js")),
    ("dmcp:fetch", include_str!("fetch.js")),
    ("dmcp:buffer", include_str!("buffer.js")),
    ("dmcp:describe", include_str!("describe.js")),
    ("dmcp:clone", include_str!("clone.js")),
];

/// Installs it. `host` has `log(level, text)` (levels 0 debug to 7 emergency), `now()` (milliseconds since the
/// call began), `entropy(count)` (a `Uint8Array`) and `request(kind, body)` (a promise of the host's answer);
/// what is set on it as `tick(now)` runs the timers: it runs one that is due and returns the milliseconds until
/// the next timer (0 where one has run), or -1 where there is none.
pub(super) fn install<'js>(ctx: &Ctx<'js>, host: &Object<'js>) -> rquickjs::Result<()> {
    let kit = Object::new(ctx.clone())?;
    digest::install(&kit)?;
    text::install(&kit)?;
    timers::install(&kit)?;
    trace::install(&kit)?;
    url::install(&kit)?;
    for (name, script) in SCRIPTS {
        let script: Function<'_> = evaluate(ctx, name, script)?;
        script.call::<_, ()>((kit.clone(), host.clone()))?;
    }
    Ok(())
}
