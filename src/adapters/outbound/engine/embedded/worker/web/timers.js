// setTimeout, setInterval and what clears them.
//
// When which timer is due is kept natively; here is only what each one calls. The loop around the interpreter
// runs one at a time, so that promise jobs come between them.
(function (kit, host) {
  "use strict";

  const { mapGet, mapSet, mapDelete, apply } = kit;
  const { timerAdd, timerCancel, timerTake, timerNext } = kit;
  const now = host.now;
  const toNumber = Number;
  const LONGEST = 2147483647;
  const timers = new Map();
  let last = 0;

  function delayOf(value, least) {
    const delay = toNumber(value);
    return delay > least ? (delay > LONGEST ? LONGEST : delay) : least;
  }

  function add(name, callback, delay, args, repeats) {
    if (typeof callback !== "function") throw new TypeError(`${name}: the callback is not a function`);
    const id = ++last;
    const every = delayOf(delay, repeats ? 1 : 0);
    const due = now() + every;
    mapSet(timers, id, { callback, args, due, every: repeats ? every : -1 });
    timerAdd(due, id);
    return id;
  }

  function cancel(id) {
    if (id === undefined || id === null) return;
    id = toNumber(id);
    const timer = mapGet(timers, id);
    if (timer === undefined) return;
    mapDelete(timers, id);
    timerCancel(timer.due, id);
  }

  kit.expose("setTimeout", function setTimeout(callback, delay = 0, ...args) {
    return add("setTimeout", callback, delay, args, false);
  }, true);
  kit.expose("setInterval", function setInterval(callback, delay = 0, ...args) {
    return add("setInterval", callback, delay, args, true);
  }, true);
  kit.expose("clearTimeout", function clearTimeout(id = undefined) { cancel(id); }, true);
  kit.expose("clearInterval", function clearInterval(id = undefined) { cancel(id); }, true);

  kit.later = (delay, callback) => add("timer", callback, delay, [], false);

  // Runs at most one timer. Milliseconds until the next: 0 where one has run, -1 where there is none.
  host.tick = function (time) {
    const id = timerTake(time);
    if (id === 0) {
      const next = timerNext();
      return next < 0 ? -1 : next > time ? next - time : 0;
    }
    const timer = mapGet(timers, id);
    if (timer.every < 0) {
      mapDelete(timers, id);
    } else {
      timer.due = time + timer.every;
      timerAdd(timer.due, id);
    }
    apply(timer.callback, undefined, timer.args);
    return 0;
  };
});
