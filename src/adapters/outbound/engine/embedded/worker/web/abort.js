// AbortController and AbortSignal.
(function (kit, host) {
  "use strict";

  const { push, need } = kit;
  const key = {};
  let create, abort, listen;

  class AbortSignal extends EventTarget {
    // What this one was made from by `any`, down to those that abort by themselves, and the other way round.
    #aborted = false; #reason = undefined; #steps = []; #sources = []; #dependents = [];

    static {
      create = () => new AbortSignal(key);
      // All are marked before anything runs that could look at one of them.
      abort = (signal, reason) => {
        if (signal.#aborted) return;
        const reached = [signal];
        for (let at = 0; at < signal.#dependents.length; at++) {
          if (!signal.#dependents[at].#aborted) push(reached, signal.#dependents[at]);
        }
        signal.#dependents = [];
        for (let at = 0; at < reached.length; at++) {
          reached[at].#aborted = true;
          reached[at].#reason = reason;
        }
        for (let at = 0; at < reached.length; at++) AbortSignal.#run(reached[at]);
      };
      listen = (signal, step) => {
        if (signal.#aborted) step(signal.#reason);
        else push(signal.#steps, step);
      };
      kit.isSignal = (value) => value !== null && typeof value === "object" && #aborted in value;
      kit.isAborted = (signal) => signal.#aborted;
      kit.reasonOf = (signal) => signal.#reason;
    }

    static #run(signal) {
      const steps = signal.#steps;
      signal.#steps = [];
      for (let at = 0; at < steps.length; at++) steps[at](signal.#reason);
      kit.fire(signal, "abort");
    }

    constructor(token = undefined) {
      if (token !== key) throw new TypeError("Illegal constructor");
      super();
    }

    get aborted() { return this.#aborted; }
    get reason() { return this.#reason; }
    throwIfAborted() { if (this.#aborted) throw this.#reason; }

    static abort(reason = undefined) {
      const signal = create();
      signal.#aborted = true;
      signal.#reason = reason === undefined ? aborted() : reason;
      return signal;
    }

    static timeout(milliseconds) {
      need("AbortSignal.timeout", 1, arguments.length);
      const delay = Number(milliseconds);
      if (!(delay >= 0 && delay <= Number.MAX_SAFE_INTEGER)) {
        throw new TypeError("AbortSignal.timeout: the time is not a number of milliseconds");
      }
      const signal = create();
      kit.later(delay, () => abort(signal, kit.fail("TimeoutError", "The operation timed out.")));
      return signal;
    }

    static any(signals) {
      need("AbortSignal.any", 1, arguments.length);
      const sources = [];
      for (const signal of signals) {
        if (!kit.isSignal(signal)) throw new TypeError("AbortSignal.any: an element is not an AbortSignal");
        push(sources, signal);
      }
      const made = create();
      for (let at = 0; at < sources.length; at++) {
        if (sources[at].#aborted) {
          made.#aborted = true;
          made.#reason = sources[at].#reason;
          return made;
        }
      }
      for (let at = 0; at < sources.length; at++) {
        const roots = sources[at].#sources.length > 0 ? sources[at].#sources : [sources[at]];
        for (let one = 0; one < roots.length; one++) {
          push(made.#sources, roots[one]);
          push(roots[one].#dependents, made);
        }
      }
      return made;
    }
  }

  const any = AbortSignal.any;
  const aborted = () => kit.fail("AbortError", "This operation was aborted");

  class AbortController {
    #signal = create();
    get signal() { return this.#signal; }
    abort(reason = undefined) { abort(this.#signal, reason === undefined ? aborted() : reason); }
  }

  kit.onAbort = listen;
  kit.follow = (signal) => any(signal === null ? [] : [signal]);
  kit.handler(AbortSignal.prototype, "abort");
  kit.idl(AbortSignal);
  kit.idl(AbortController);
});
