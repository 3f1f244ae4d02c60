// performance: the time of this call, which begins at 0. The engine's own would tell how long the sandbox's
// parent has been running.
(function (kit, host) {
  "use strict";

  const { now } = host;
  const { now: date } = Date;
  const key = {};

  class Performance {
    #brand = true;
    constructor(token = undefined) { if (token !== key) throw new TypeError("Illegal constructor"); }
    get timeOrigin() { return this.#brand && date() - now(); }
    now() { return this.#brand && now(); }
    toJSON() { return { timeOrigin: this.timeOrigin }; }
  }

  kit.idl(Performance);
  kit.expose("performance", new Performance(key), true);
});
