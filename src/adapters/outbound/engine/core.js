// What every tool meets first: `ctx`, the channel to the host, and how a result becomes JSON.
//
// Evaluated once, before any code that nobody trusts, in a function that gets `host` (the native side). All
// that it needs from the realm is captured here: whatever code overrides later changes nothing in it.
(function (host) {
  "use strict";

  const uncurry = Function.prototype.bind.bind(Function.prototype.call);
  const { apply, getPrototypeOf, ownKeys, getOwnPropertyDescriptor } = Reflect;
  const { create, freeze, defineProperty } = Object;
  const { isView } = ArrayBuffer;
  const { isArray } = Array;
  const { parse, stringify } = JSON;
  const AsyncFunction = (async () => {}).constructor;
  const ErrorType = Error;
  const TypeErrorType = TypeError;
  const RangeErrorType = RangeError;
  const PromiseType = Promise;
  const Bytes = Uint8Array;
  const ObjectProto = Object.prototype;
  const ArrayProto = Array.prototype;
  const isProtoOf = uncurry(ObjectProto.isPrototypeOf);
  const mapEach = uncurry(Map.prototype.forEach);
  const setEach = uncurry(Set.prototype.forEach);
  const toISO = uncurry(Date.prototype.toISOString);
  const bigToString = uncurry(BigInt.prototype.toString);
  const symbolToString = uncurry(Symbol.prototype.toString);
  const regexpToString = uncurry(RegExp.prototype.toString);
  const wellFormed = uncurry(String.prototype.toWellFormed);
  const includes = uncurry(String.prototype.includes);
  const replace = uncurry(String.prototype.replace);
  const slice = uncurry(String.prototype.slice);
  const typedLength = uncurry(getOwnPropertyDescriptor(getPrototypeOf(Bytes.prototype), "length").get);
  const viewBuffer = uncurry(getOwnPropertyDescriptor(DataView.prototype, "buffer").get);
  const viewOffset = uncurry(getOwnPropertyDescriptor(DataView.prototype, "byteOffset").get);
  const viewLength = uncurry(getOwnPropertyDescriptor(DataView.prototype, "byteLength").get);
  const weakAdd = uncurry(WeakSet.prototype.add);
  const weakHas = uncurry(WeakSet.prototype.has);
  const weakSet = uncurry(WeakMap.prototype.set);
  const weakGet = uncurry(WeakMap.prototype.get);
  const text = String;
  const protos = {
    map: Map.prototype,
    set: Set.prototype,
    date: Date.prototype,
    error: Error.prototype,
    regexp: RegExp.prototype,
    big: BigInt.prototype,
    symbol: Symbol.prototype,
    buffer: ArrayBuffer.prototype,
    shared: SharedArrayBuffer.prototype,
    typed: getPrototypeOf(Bytes.prototype),
    view: DataView.prototype,
  };
  const native = { log: host.log, progress: host.progress, send: host.send };

  // ---- values as JSON

  // Levels of nesting: within what strict JSON parsers take, with some of it left for what is put around.
  const DEEPEST = 100;

  const bytesOf = (buffer, offset, length) => listOf(new Bytes(buffer, offset, length));

  function listOf(typed) {
    const length = typedLength(typed);
    const list = [];
    for (let at = 0; at < length; at++) put(list, at, typed[at]);
    return list;
  }

  function put(target, key, value) {
    defineProperty(target, key, {
      __proto__: null, value, writable: true, enumerable: true, configurable: true,
    });
  }

  function errorView(error) {
    const view = create(null);
    put(view, "name", text(error.name));
    put(view, "message", text(error.message));
    if (getOwnPropertyDescriptor(error, "cause") !== undefined) put(view, "cause", error.cause);
    const keys = ownKeys(error);
    for (let at = 0; at < keys.length; at++) {
      const own = getOwnPropertyDescriptor(error, keys[at]);
      if (own !== undefined && own.enumerable && typeof keys[at] === "string") {
        put(view, keys[at], error[keys[at]]);
      }
    }
    return view;
  }

  function mapView(map) {
    let named = true;
    mapEach(map, (_, key) => { if (typeof key !== "string") named = false; });
    if (named) {
      const view = create(null);
      mapEach(map, (value, key) => put(view, key, value));
      return view;
    }
    const pairs = [];
    mapEach(map, (value, key) => put(pairs, pairs.length, [key, value]));
    return pairs;
  }

  function setView(set) {
    const list = [];
    setEach(set, (value) => put(list, list.length, value));
    return list;
  }

  // What JSON.stringify would lose or refuse, as something that it can write. An object that only pretends
  // to be of a kind (a prototype set by hand) is left as it is.
  function view(value) {
    const proto = getPrototypeOf(value);
    if (proto === ObjectProto || proto === ArrayProto || proto === null || isArray(value)) return value;
    try {
      if (isView(value)) {
        return isProtoOf(protos.view, value)
          ? bytesOf(viewBuffer(value), viewOffset(value), viewLength(value))
          : listOf(value);
      }
      if (isProtoOf(protos.error, value)) return errorView(value);
      if (isProtoOf(protos.map, value)) return mapView(value);
      if (isProtoOf(protos.set, value)) return setView(value);
      if (isProtoOf(protos.date, value)) return toISO(value);
      if (isProtoOf(protos.regexp, value)) return regexpToString(value);
      if (isProtoOf(protos.big, value)) return bigToString(value);
      if (isProtoOf(protos.symbol, value)) return symbolToString(value);
      if (isProtoOf(protos.buffer, value) || isProtoOf(protos.shared, value)) return bytesOf(value);
    } catch (error) {
      if (isProtoOf(protos.date, value)) return null;
      if (!isProtoOf(TypeErrorType.prototype, error)) throw error;
    }
    return value;
  }

  function replacer() {
    const originals = [];
    const holders = [];
    let depth = 0;
    return function (key, value) {
      switch (typeof value) {
        case "bigint": return bigToString(value);
        case "symbol": return symbolToString(value);
        case "object": break;
        default: return value;
      }
      if (value === null) return value;
      while (depth > 0 && holders[depth - 1] !== this) depth--;
      for (let at = 0; at < depth; at++) if (originals[at] === value) return "[Circular]";
      const shown = view(value);
      if (shown !== null && typeof shown === "object") {
        if (depth === DEEPEST) throw new RangeErrorType("the value is nested deeper than 100 levels");
        put(originals, depth, value);
        put(holders, depth, shown);
        depth++;
      }
      return shown;
    };
  }

  // An escape in JSON text. Of those that begin with \ud there are only halves of surrogate pairs.
  const ESCAPE = /\\(u[dD][89a-fA-F][0-9a-fA-F]{2}|[^])/g;

  // JSON text in which such a half, which UTF-8 can't carry and strict parsers refuse, is the replacement character.
  function sound(json) {
    if (!includes(json, "\\ud")) return json;
    return replace(json, ESCAPE, (whole) => whole.length === 6 ? "\\ufffd" : whole);
  }

  // JSON text of any value; what has none (undefined, a function) is null.
  function encode(value) {
    switch (typeof value) {
      case "undefined": case "function": return "null";
      case "boolean": return value ? "true" : "false";
      case "string": return sound(stringify(value));
    }
    const json = stringify(value, replacer());
    return json === undefined ? "null" : sound(json);
  }

  // ---- results of one's own making

  const rich = new WeakSet();

  function result(fields) {
    if (fields === null || typeof fields !== "object" || isArray(fields)) {
      throw new TypeErrorType("ctx.result takes an object {content, isError, structuredContent, _meta}");
    }
    const made = create(null);
    const names = ["content", "isError", "structuredContent", "_meta"];
    for (let at = 0; at < names.length; at++) {
      const value = fields[names[at]];
      if (value !== undefined) put(made, names[at], value);
    }
    weakAdd(rich, made);
    return freeze(made);
  }

  // ---- requests to the host

  const refusals = new WeakMap();
  const pending = create(null);

  // A promise of the host's answer. `kind`: fetch, secret, tool_call, tool_list or input.
  function request(kind, body) {
    return new PromiseType((resolve, reject) => {
      const id = native.send(kind, encode(body));
      if (id === 0) {
        reject(refuse("limit_reached", "the call has used up its requests to the host"));
      } else {
        put(pending, id, { resolve, reject });
      }
    });
  }

  function refuse(code, message) {
    const error = new ErrorType(message);
    error.code = code;
    weakSet(refusals, error, code);
    return error;
  }

  function deliver(id, ok, json) {
    const waiting = pending[id];
    if (waiting === undefined) return;
    delete pending[id];
    const value = parse(json);
    if (ok) waiting.resolve(value);
    else waiting.reject(refuse(value.code, value.message));
  }

  // ---- ctx

  const levels = create(null);
  const names = ["debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"];
  for (let at = 0; at < names.length; at++) levels[names[at]] = at;

  function log(level, data) {
    const number = levels[level];
    if (number === undefined) {
      throw new TypeErrorType("ctx.log: the level is one of debug, info, notice, warning, error, critical, alert, emergency");
    }
    if (typeof data === "string") native.log(number, wellFormed(data), false);
    else native.log(number, encode(data), true);
  }

  // Of a message of progress, in characters: it is a line, not a document.
  const LONGEST = 1000;
  let furthest = -Infinity;

  // JSON has neither NaN nor the infinities, of which the difference to itself is no number.
  const isFinite = (value) => typeof value === "number" && value - value === 0;

  function progress(done, total, message) {
    if (!isFinite(done)) throw new TypeErrorType("ctx.progress: done is a finite number");
    if (total !== undefined && typeof total !== "number") throw new TypeErrorType("ctx.progress: total is a number");
    if (done <= furthest) return;
    furthest = done;
    const shown = create(null);
    put(shown, "done", done);
    if (isFinite(total)) put(shown, "total", total);
    if (message !== undefined) put(shown, "message", wellFormed(slice(text(message), 0, LONGEST)));
    native.progress(stringify(shown));
  }

  const secret = (name) => request("secret", { name: text(name) });
  const tools = freeze({
    call: (name, args) => request("tool_call", { name: text(name), args }),
    list: () => request("tool_list", null),
  });
  const input = (requests) => request("input", requests);

  // ---- the native side

  host.request = request;
  host.log = (level, line) => native.log(level, wellFormed(text(line)), false);
  delete host.send;
  delete host.progress;

  let controller;

  // After the web surface is there: what is needed of it later.
  function seal() {
    if (typeof AbortController === "function") controller = new AbortController();
  }

  function abort(reason) {
    if (controller !== undefined) controller.abort(new ErrorType(reason));
  }

  // Builds the function and calls it. Building counts as part of the call.
  function start(code, args, about) {
    const { tool, caller } = parse(about);
    const ctx = freeze({
      log, progress, result, secret, tools, input,
      signal: controller === undefined ? undefined : controller.signal,
      tool: freeze(tool),
      caller: freeze(caller),
    });
    return apply(new AsyncFunction("args", "ctx", code), undefined, [args, ctx]);
  }

  // What was thrown, in words: [message, stack, name, refusal's code].
  function describe(thrown) {
    if (thrown === null || typeof thrown !== "object" || !isProtoOf(protos.error, thrown)) {
      const shown = typeof thrown === "string" ? thrown
        : typeof thrown === "symbol" ? symbolToString(thrown)
        : typeof thrown === "undefined" ? "undefined"
        : typeof thrown === "function" ? "[Function]" : encode(thrown);
      return [wellFormed(shown), "", "", ""];
    }
    const name = text(thrown.name);
    const message = text(thrown.message);
    const full = message === "" ? name : name === "Error" || name === "" ? message : name + ": " + message;
    const stack = typeof thrown.stack === "string" ? thrown.stack : "";
    const refusal = weakGet(refusals, thrown);
    return [wellFormed(full), wellFormed(stack), wellFormed(name), refusal === undefined ? "" : refusal];
  }

  return { seal, start, deliver, abort, encode, describe, isRich: (value) => weakHas(rich, value) };
});
