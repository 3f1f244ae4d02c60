// Event, CustomEvent and EventTarget, without a tree: an event has one target.
(function (kit, host) {
  "use strict";

  const { need, text, push, apply, mapGet, mapSet, mapHas, mapDelete, mapEach } = kit;
  const MapType = Map;
  const now = host.now;
  let begin, end, setTrusted;

  class Event {
    #type; #bubbles; #cancelable; #composed; #target = null; #current = null; #phase = 0;
    #stopped = false; #stoppedNow = false; #canceled = false; #passive = false; #trusted = false;
    #time = now();

    static {
      begin = (event, target) => {
        if (event.#phase !== 0) throw kit.fail("InvalidStateError", "the event is being dispatched");
        event.#target = target;
        event.#current = target;
        event.#phase = 2;
        return {
          stopped: () => event.#stoppedNow,
          passive: (passive) => { event.#passive = passive; },
        };
      };
      end = (event) => {
        event.#current = null;
        event.#phase = 0;
        event.#stopped = event.#stoppedNow = false;
        return !event.#canceled;
      };
      setTrusted = (event) => { event.#trusted = true; };
    }

    constructor(type, init = undefined) {
      need("Event", 1, arguments.length);
      if (init !== undefined && init !== null && typeof init !== "object" && typeof init !== "function") {
        throw new TypeError("Event: the second argument is an object");
      }
      this.#type = text(type);
      this.#bubbles = Boolean(init?.bubbles);
      this.#cancelable = Boolean(init?.cancelable);
      this.#composed = Boolean(init?.composed);
    }

    get type() { return this.#type; }
    get target() { return this.#target; }
    get srcElement() { return this.#target; }
    get currentTarget() { return this.#current; }
    get eventPhase() { return this.#phase; }
    get bubbles() { return this.#bubbles; }
    get cancelable() { return this.#cancelable; }
    get composed() { return this.#composed; }
    get defaultPrevented() { return this.#canceled; }
    get returnValue() { return !this.#canceled; }
    get timeStamp() { return this.#time; }
    get isTrusted() { return this.#trusted; }
    get cancelBubble() { return this.#stopped; }
    set cancelBubble(stop) { if (stop) this.#stopped = true; }
    composedPath() { return this.#current === null ? [] : [this.#current]; }
    stopPropagation() { this.#stopped = true; }
    stopImmediatePropagation() { this.#stopped = this.#stoppedNow = true; }
    preventDefault() { if (this.#cancelable && !this.#passive) this.#canceled = true; }
  }
  const phases = ["NONE", "CAPTURING_PHASE", "AT_TARGET", "BUBBLING_PHASE"];
  for (const target of [Event, Event.prototype]) {
    phases.forEach((name, value) => Object.defineProperty(target, name, { value, enumerable: true }));
  }

  class CustomEvent extends Event {
    #detail;
    constructor(type, init = undefined) {
      need("CustomEvent", 1, arguments.length);
      super(type, init);
      this.#detail = init?.detail === undefined ? null : init.detail;
    }
    get detail() { return this.#detail; }
  }

  const optionOf = (options, name) =>
    options !== null && typeof options === "object" && Boolean(options[name]);

  class EventTarget {
    // By type: the listeners that capture and the others, each by its function, in the order in which they came.
    #types = new Map();

    #of(type, capture) {
      const both = mapGet(this.#types, type);
      return both === undefined ? undefined : capture ? both.capturing : both.others;
    }

    #remove(listener) {
      listener.removed = true;
      const list = this.#of(listener.type, listener.capture);
      if (mapGet(list, listener.callback) === listener) mapDelete(list, listener.callback);
    }

    addEventListener(type, callback, options = false) {
      need("addEventListener", 2, arguments.length);
      type = text(type);
      const capture = typeof options === "boolean" ? options : optionOf(options, "capture");
      const once = optionOf(options, "once");
      const passive = optionOf(options, "passive");
      const signal = options !== null && typeof options === "object" ? options.signal : undefined;
      if (signal !== undefined && !kit.isSignal(signal)) {
        throw new TypeError("addEventListener: the signal is not an AbortSignal");
      }
      if (callback === null || callback === undefined) return;
      if (typeof callback !== "function" && typeof callback !== "object") {
        throw new TypeError("addEventListener: the listener is a function or an object");
      }
      if (signal !== undefined && signal.aborted) return;
      if (!mapHas(this.#types, type)) {
        mapSet(this.#types, type, { capturing: new MapType(), others: new MapType() });
      }
      const list = this.#of(type, capture);
      if (mapHas(list, callback)) return;
      const listener = { type, callback, capture, once, passive, removed: false };
      mapSet(list, callback, listener);
      if (signal !== undefined) kit.onAbort(signal, () => this.#remove(listener));
    }

    removeEventListener(type, callback, options = false) {
      need("removeEventListener", 2, arguments.length);
      const capture = typeof options === "boolean" ? options : optionOf(options, "capture");
      const list = this.#of(text(type), capture);
      const listener = list === undefined ? undefined : mapGet(list, callback);
      if (listener !== undefined) this.#remove(listener);
    }

    dispatchEvent(event) {
      need("dispatchEvent", 1, arguments.length);
      if (event === null || typeof event !== "object" || !kit.isProtoOf(Event.prototype, event)) {
        throw new TypeError("dispatchEvent: the argument is not an Event");
      }
      const { stopped, passive } = begin(event, this);
      // Whoever comes or goes meanwhile: those are called who are here now, unless they have gone.
      const listeners = [];
      const both = mapGet(this.#types, typeOf(event));
      if (both !== undefined) {
        mapEach(both.capturing, (listener) => { push(listeners, listener); });
        mapEach(both.others, (listener) => { push(listeners, listener); });
      }
      for (let at = 0; at < listeners.length; at++) {
        const listener = listeners[at];
        if (listener.removed) continue;
        if (listener.once) this.#remove(listener);
        passive(listener.passive);
        try {
          const { callback } = listener;
          if (typeof callback === "function") apply(callback, this, [event]);
          else apply(callback.handleEvent, callback, [event]);
        } catch (error) {
          kit.report(error);
        }
        passive(false);
        if (stopped()) break;
      }
      return end(event);
    }
  }
  const typeOf = kit.getter(Event.prototype, "type");

  // Dispatches an event of our own, whatever code has made of the methods.
  const dispatch = kit.uncurry(EventTarget.prototype.dispatchEvent);
  kit.fire = function (target, type) {
    const event = new Event(type);
    setTrusted(event);
    dispatch(target, event);
  };

  // An attribute like `onabort`: a listener that can be replaced and keeps its place.
  kit.handler = function (proto, type) {
    const handlers = new WeakMap();
    const must = (object) => { if (!kit.isProtoOf(proto, object)) throw new TypeError("Illegal invocation"); };
    const get = kit.uncurry(WeakMap.prototype.get);
    const set = kit.uncurry(WeakMap.prototype.set);
    const listen = kit.uncurry(EventTarget.prototype.addEventListener);
    Object.defineProperty(proto, `on${type}`, {
      enumerable: true,
      configurable: true,
      get() {
        must(this);
        return get(handlers, this)?.callback ?? null;
      },
      set(callback) {
        must(this);
        callback = typeof callback === "function" ? callback : null;
        const slot = get(handlers, this);
        if (slot !== undefined) { slot.callback = callback; return; }
        if (callback === null) return;
        const made = { callback };
        listen(this, type, function (event) {
          if (made.callback !== null) apply(made.callback, this, [event]);
        });
        set(handlers, this, made);
      },
    });
  };

  kit.idl(Event);
  kit.idl(CustomEvent);
  kit.idl(EventTarget);
});
