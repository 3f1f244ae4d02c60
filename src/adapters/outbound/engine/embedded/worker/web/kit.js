// What the scripts of the web surface share.
//
// Every script here is a function of `(kit, host)`, called once, before any code that nobody trusts. `host` is the
// channel to the native side; `kit` has the native helpers and what is added below. Built-ins that the surface
// needs later are captured now: code that overrides them must not change what the surface does for itself.
(function (kit, host) {
  "use strict";

  const { defineProperty, getOwnPropertyDescriptor } = Object;
  const { getPrototypeOf, ownKeys } = Reflect;
  const uncurry = Function.prototype.bind.bind(Function.prototype.call);
  const getter = (proto, name) => uncurry(getOwnPropertyDescriptor(proto, name).get);
  const typed = getPrototypeOf(Uint8Array.prototype);
  const Text = String;
  const wellFormed = uncurry(String.prototype.toWellFormed);

  kit.uncurry = uncurry;
  kit.getter = getter;
  kit.push = uncurry(Array.prototype.push);
  kit.join = uncurry(Array.prototype.join);
  kit.slice = uncurry(String.prototype.slice);
  kit.lower = uncurry(String.prototype.toLowerCase);
  kit.mapGet = uncurry(Map.prototype.get);
  kit.mapSet = uncurry(Map.prototype.set);
  kit.mapHas = uncurry(Map.prototype.has);
  kit.mapDelete = uncurry(Map.prototype.delete);
  kit.mapEach = uncurry(Map.prototype.forEach);
  kit.mapSize = getter(Map.prototype, "size");
  kit.setEach = uncurry(Set.prototype.forEach);
  kit.setSize = getter(Set.prototype, "size");
  kit.bytesSet = uncurry(typed.set);
  kit.bytesSub = uncurry(typed.subarray);
  kit.typedTag = getter(typed, Symbol.toStringTag);
  kit.typedLength = getter(typed, "length");
  kit.stackOf = getter(Error.prototype, "stack");
  kit.isProtoOf = uncurry(Object.prototype.isPrototypeOf);
  kit.then = uncurry(Promise.prototype.then);

  const { isView } = ArrayBuffer;
  const typedBuffer = getter(typed, "buffer");
  const typedOffset = getter(typed, "byteOffset");
  const typedBytes = getter(typed, "byteLength");
  const viewBuffer = getter(DataView.prototype, "buffer");
  const viewOffset = getter(DataView.prototype, "byteOffset");
  const viewBytes = getter(DataView.prototype, "byteLength");
  const bufferBytes = getter(ArrayBuffer.prototype, "byteLength");
  const sharedBytes = getter(SharedArrayBuffer.prototype, "byteLength");
  const Bytes = Uint8Array;

  // Whether a value truly is of a kind: has the slot that the kind's getter reads.
  const has = (proto, read) => (value) => {
    if (!kit.isProtoOf(proto, value)) return false;
    try { read(value); return true; } catch { return false; }
  };
  kit.isBuffer = has(ArrayBuffer.prototype, bufferBytes);
  kit.isShared = has(SharedArrayBuffer.prototype, sharedBytes);
  kit.isMap = has(Map.prototype, kit.mapSize);
  kit.isSet = has(Set.prototype, kit.setSize);
  kit.dateValue = uncurry(Date.prototype.getTime);
  kit.isDate = has(Date.prototype, kit.dateValue);
  kit.isView = isView;
  kit.isTyped = (value) => kit.typedTag(value) !== undefined;

  // The bytes of a BufferSource, not copied; undefined where it is none.
  kit.bytesOf = function (source) {
    if (source === null || typeof source !== "object") return undefined;
    if (isView(source)) {
      return kit.isTyped(source)
        ? new Bytes(typedBuffer(source), typedOffset(source), typedBytes(source))
        : new Bytes(viewBuffer(source), viewOffset(source), viewBytes(source));
    }
    return kit.isBuffer(source) || kit.isShared(source) ? new Bytes(source) : undefined;
  };
  kit.copyOf = (bytes) => new Bytes(bytes);
  kit.bufferOf = typedBuffer;

  // One array of bytes from a list of them.
  kit.concat = function (chunks) {
    let total = 0;
    for (let at = 0; at < chunks.length; at++) total += kit.typedLength(chunks[at]);
    const all = new Bytes(total);
    let offset = 0;
    for (let at = 0; at < chunks.length; at++) {
      kit.bytesSet(all, chunks[at], offset);
      offset += kit.typedLength(chunks[at]);
    }
    return all;
  };

  // Web IDL's string conversions.
  kit.text = (value) => typeof value === "symbol" ? `${value}` : Text(value);
  kit.scalar = (value) => wellFormed(kit.text(value));

  kit.need = function (name, count, given) {
    if (given < count) {
      throw new TypeError(`${name}: ${count} argument${count === 1 ? "" : "s"} required, but only ${given} present`);
    }
  };

  // A built-in's own way of being a global: seen by name, not by enumeration.
  kit.expose = function (name, value, enumerable = false) {
    defineProperty(globalThis, name, { __proto__: null, value, writable: true, enumerable, configurable: true });
  };

  // A class as Web IDL has it: members enumerable, a string tag, a global of its name.
  const platform = [];
  kit.isPlatform = (value) => {
    for (let at = 0; at < platform.length; at++) if (kit.isProtoOf(platform[at], value)) return true;
    return false;
  };
  kit.idl = function (Class) {
    const name = Class.name;
    kit.push(platform, Class.prototype);
    for (const target of [Class, Class.prototype]) {
      for (const key of ownKeys(target)) {
        const own = getOwnPropertyDescriptor(target, key);
        if (typeof key !== "string" || key === "constructor" || key === "prototype") continue;
        if (!own.configurable || (target === Class && typeof own.value !== "function")) continue;
        defineProperty(target, key, { __proto__: null, enumerable: true });
      }
    }
    kit.tag(Class.prototype, name);
    kit.expose(name, Class);
  };

  kit.tag = (proto, name) => defineProperty(proto, Symbol.toStringTag, {
    __proto__: null, value: name, configurable: true,
  });

  // Gives a class the iteration of a list of pairs. `pairs(object)` gives the list as it is at each step.
  const iterProto = getPrototypeOf(getPrototypeOf([][Symbol.iterator]()));
  kit.pairs = function (Class, pairs) {
    const name = `${Class.name} Iterator`;
    class PairIterator {
      #target; #kind; #at = 0;
      constructor(target, kind) { this.#target = target; this.#kind = kind; }
      next() {
        const list = pairs(this.#target);
        if (this.#at >= list.length) return { value: undefined, done: true };
        const [key, value] = list[this.#at++];
        const shown = this.#kind === "keys" ? key : this.#kind === "values" ? value : [key, value];
        return { value: shown, done: false };
      }
    }
    delete PairIterator.prototype.constructor;
    Object.setPrototypeOf(PairIterator.prototype, iterProto);
    defineProperty(PairIterator.prototype, "next", { __proto__: null, enumerable: true });
    kit.tag(PairIterator.prototype, name);
    const methods = {
      entries() { pairs(this); return new PairIterator(this, "entries"); },
      keys() { pairs(this); return new PairIterator(this, "keys"); },
      values() { pairs(this); return new PairIterator(this, "values"); },
      forEach(callback, thisArg = undefined) {
        pairs(this);
        if (typeof callback !== "function") throw new TypeError(`${Class.name}.forEach: a function is required`);
        for (let at = 0; at < pairs(this).length; at++) {
          const [key, value] = pairs(this)[at];
          kit.apply(callback, thisArg, [value, key, this]);
        }
      },
    };
    for (const key of ownKeys(methods)) {
      defineProperty(Class.prototype, key, {
        __proto__: null, value: methods[key], writable: true, enumerable: true, configurable: true,
      });
    }
    defineProperty(Class.prototype, Symbol.iterator, {
      __proto__: null, value: methods.entries, writable: true, configurable: true,
    });
  };
  kit.apply = Reflect.apply;

  // An error that nobody can catch where it happened: it ends the call, as an uncaught one does elsewhere.
  const soon = queueMicrotask;
  kit.report = (error) => soon(() => { throw error; });

  const DOMError = DOMException;
  kit.fail = (name, message) => new DOMError(message, name);
});
