// structuredClone.
(function (kit, host) {
  "use strict";

  const { mapGet, mapSet, mapEach, setEach, mapHas, uncurry, isProtoOf, push } = kit;
  const { getPrototypeOf, ownKeys, getOwnPropertyDescriptor } = Reflect;
  const { defineProperty } = Object;
  const { isArray } = Array;
  const { isError } = Error;
  const setAdd = uncurry(Set.prototype.add);
  const bufferSlice = uncurry(ArrayBuffer.prototype.slice);
  const bufferTransfer = uncurry(ArrayBuffer.prototype.transfer);
  const detached = kit.getter(ArrayBuffer.prototype, "detached");
  const source = kit.getter(RegExp.prototype, "source");
  const flags = kit.getter(RegExp.prototype, "flags");
  const viewOffset = kit.getter(DataView.prototype, "byteOffset");
  const viewLength = kit.getter(DataView.prototype, "byteLength");
  const viewBuffer = kit.getter(DataView.prototype, "buffer");
  const typedProto = getPrototypeOf(Uint8Array.prototype);
  const typedOffset = kit.getter(typedProto, "byteOffset");
  const typedTag = kit.typedTag;
  const G = { Map, Set, Date, RegExp, DataView, Object, Array, DOMException };
  const typedTypes = {};
  for (const Type of [Int8Array, Uint8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array, Uint32Array,
    BigInt64Array, BigUint64Array, Float16Array, Float32Array, Float64Array]) typedTypes[Type.name] = Type;
  const errorTypes = { __proto__: null, Error, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError };
  const boxes = [[Number, Number.prototype.valueOf], [String, String.prototype.valueOf],
    [Boolean, Boolean.prototype.valueOf], [BigInt, BigInt.prototype.valueOf]]
    .map(([Type, read]) => ({ proto: Type.prototype, read: uncurry(read) }));
  const uncloneable = [Promise, WeakMap, WeakSet, WeakRef, FinalizationRegistry].map((Type) => Type.prototype);
  const domName = kit.getter(DOMException.prototype, "name");
  const domMessage = kit.getter(DOMException.prototype, "message");

  const refuse = (what) => kit.fail("DataCloneError", `${what} could not be cloned.`);

  function put(target, key, value) {
    defineProperty(target, key, { __proto__: null, value, writable: true, enumerable: true, configurable: true });
  }

  function clone(value, seen) {
    switch (typeof value) {
      case "symbol": throw refuse(kit.text(`${String(value)}`));
      case "function": throw refuse("a function");
      case "object": if (value !== null) break;
      // falls through
      default: return value;
    }
    if (mapHas(seen, value)) return mapGet(seen, value);
    const proto = getPrototypeOf(value);
    if (isArray(value)) {
      const made = new G.Array(value.length);
      mapSet(seen, value, made);
      return properties(value, made, seen);
    }
    if (proto !== G.Object.prototype && proto !== null) {
      const made = special(value, seen);
      if (made !== undefined) return made;
    }
    const made = {};
    mapSet(seen, value, made);
    return properties(value, made, seen);
  }

  function properties(from, to, seen) {
    const keys = ownKeys(from);
    for (let at = 0; at < keys.length; at++) {
      if (typeof keys[at] !== "string") continue;
      const own = getOwnPropertyDescriptor(from, keys[at]);
      if (own !== undefined && own.enumerable) put(to, keys[at], clone(from[keys[at]], seen));
    }
    return to;
  }

  const keep = (seen, value, made) => { mapSet(seen, value, made); return made; };

  // Objects with a slot; undefined where it has none.
  function special(value, seen) {
    if (kit.isView(value)) return view(value, seen);
    if (kit.isBuffer(value)) {
      if (detached(value)) throw refuse("a detached ArrayBuffer");
      return keep(seen, value, bufferSlice(value, 0));
    }
    if (kit.isShared(value)) throw refuse("a SharedArrayBuffer");
    if (kit.isDate(value)) return keep(seen, value, new G.Date(kit.dateValue(value)));
    if (isError(value) || isProtoOf(G.DOMException.prototype, value)) return error(value, seen);
    if (kit.isMap(value)) {
      const made = keep(seen, value, new G.Map());
      const pairs = [];
      mapEach(value, (item, key) => push(pairs, key, item));
      for (let at = 0; at < pairs.length; at += 2) mapSet(made, clone(pairs[at], seen), clone(pairs[at + 1], seen));
      return made;
    }
    if (kit.isSet(value)) {
      const made = keep(seen, value, new G.Set());
      const items = [];
      setEach(value, (item) => push(items, item));
      for (let at = 0; at < items.length; at++) setAdd(made, clone(items[at], seen));
      return made;
    }
    if (isProtoOf(RegExp.prototype, value)) {
      try { return keep(seen, value, new G.RegExp(source(value), flags(value))); } catch { return undefined; }
    }
    for (let at = 0; at < boxes.length; at++) {
      if (!isProtoOf(boxes[at].proto, value)) continue;
      try { return keep(seen, value, G.Object(boxes[at].read(value))); } catch { return undefined; }
    }
    const platform = kit.clonePlatform?.(value);
    if (platform !== undefined) return keep(seen, value, platform);
    for (let at = 0; at < uncloneable.length; at++) {
      if (isProtoOf(uncloneable[at], value)) throw refuse(`a ${kit.text(uncloneable[at][Symbol.toStringTag])}`);
    }
    if (kit.isPlatform(value)) throw refuse("an object of the platform");
    return undefined;
  }

  function view(value, seen) {
    if (!kit.isTyped(value)) {
      const buffer = clone(viewBuffer(value), seen);
      return keep(seen, value, new G.DataView(buffer, viewOffset(value), viewLength(value)));
    }
    const length = kit.typedLength(value);
    const buffer = clone(kit.bufferOf(value), seen);
    const Type = typedTypes[typedTag(value)];
    return keep(seen, value, new Type(buffer, typedOffset(value), length));
  }

  function error(value, seen) {
    if (isProtoOf(G.DOMException.prototype, value)) {
      try { return keep(seen, value, new G.DOMException(domMessage(value), domName(value))); } catch { /* not one */ }
    }
    const name = value.name;
    const Type = errorTypes[name === undefined ? "Error" : kit.text(name)] ?? errorTypes.Error;
    const own = getOwnPropertyDescriptor(value, "message");
    const made = own !== undefined && "value" in own ? new Type(kit.text(own.value)) : new Type();
    mapSet(seen, value, made);
    let stack;
    try { stack = kit.stackOf(value); } catch { stack = undefined; }
    if (typeof stack === "string") {
      defineProperty(made, "stack", { __proto__: null, value: stack, writable: true, configurable: true });
    }
    const cause = getOwnPropertyDescriptor(value, "cause");
    if (cause !== undefined && "value" in cause) {
      const copied = clone(cause.value, seen);
      defineProperty(made, "cause", { __proto__: null, value: copied, writable: true, configurable: true });
    }
    return made;
  }

  kit.expose("structuredClone", function structuredClone(value, options = undefined) {
    kit.need("structuredClone", 1, arguments.length);
    const seen = new G.Map();
    const given = [];
    if (options !== undefined && options !== null && options.transfer !== undefined) {
      for (const one of options.transfer) push(given, one);
    }
    for (let at = 0; at < given.length; at++) {
      if (!kit.isBuffer(given[at]) || detached(given[at]) || mapHas(seen, given[at])) {
        throw refuse("a value in the transfer list");
      }
      mapSet(seen, given[at], bufferSlice(given[at], 0));
    }
    const made = clone(value, seen);
    for (let at = 0; at < given.length; at++) bufferTransfer(given[at]);
    return made;
  }, true);
});
