// A value in words, for `console`: as Node writes it, in its main lines.
//
// Nothing of the value's own runs (getters are shown, not read), except the traps of a proxy. What is written is
// bounded, whatever the value: in depth, in items of each object, and in characters over all.
(function (kit, host) {
  "use strict";

  const { push, join, slice, mapEach, setEach, mapSize, setSize, isProtoOf } = kit;
  const { getPrototypeOf, ownKeys, getOwnPropertyDescriptor } = Reflect;
  const { isArray } = Array;
  const { isError } = Error;
  const { stringify } = JSON;
  const { uncurry, getter } = kit;
  const toISO = uncurry(Date.prototype.toISOString);
  const numberOf = uncurry(Number.prototype.valueOf);
  const stringOf = uncurry(String.prototype.valueOf);
  const booleanOf = uncurry(Boolean.prototype.valueOf);
  const bigOf = uncurry(BigInt.prototype.valueOf);
  const symbolOf = uncurry(Symbol.prototype.valueOf);
  const symbolText = uncurry(Symbol.prototype.toString);
  const bigText = uncurry(BigInt.prototype.toString);
  const source = getter(RegExp.prototype, "source");
  const flags = getter(RegExp.prototype, "flags");
  const functionText = uncurry(Function.prototype.toString);
  const find = uncurry(String.prototype.indexOf);
  const replaceAll = uncurry(String.prototype.replaceAll);
  const bufferLength = getter(ArrayBuffer.prototype, "byteLength");
  const TextOf = String;
  const protos = {
    promise: Promise.prototype, weakMap: WeakMap.prototype, weakSet: WeakSet.prototype,
    weakRef: WeakRef.prototype, regexp: RegExp.prototype, number: Number.prototype,
    string: String.prototype, boolean: Boolean.prototype, bigint: BigInt.prototype, symbol: Symbol.prototype,
  };

  const MAX_TEXT = 65536;
  const MAX_STRING = 10000;
  const MAX_ITEMS = 100;
  const MAX_LEVELS = 64;
  const WIDTH = 72;

  const isName = (key) => {
    for (let at = 0; at < key.length; at++) {
      const c = key[at];
      const letter = (c >= "a" && c <= "z") || (c >= "A" && c <= "Z") || c === "_" || c === "$";
      if (!letter && !(at > 0 && c >= "0" && c <= "9")) return false;
    }
    return key.length > 0;
  };

  function quote(text) {
    let shown = stringify(text);
    if (find(text, "'") < 0) {
      shown = "'" + replaceAll(slice(shown, 1, -1), '\\"', () => '"') + "'";
    }
    return shown;
  }

  // The value of a data property, own or inherited; never a getter's.
  function dataOf(object, key) {
    for (let depth = 0; object !== null && depth < 32; depth++) {
      const own = getOwnPropertyDescriptor(object, key);
      if (own !== undefined) return own.value;
      object = getPrototypeOf(object);
    }
    return undefined;
  }

  function className(object) {
    for (let proto = getPrototypeOf(object), depth = 0; proto !== null && depth < 32; depth++) {
      const own = getOwnPropertyDescriptor(proto, "constructor");
      if (own !== undefined && typeof own.value === "function") {
        const name = getOwnPropertyDescriptor(own.value, "name")?.value;
        if (typeof name === "string" && name !== "") return name;
      }
      proto = getPrototypeOf(proto);
    }
    return null;
  }

  class Writer {
    constructor(depth) { this.depth = depth; this.left = MAX_TEXT; this.above = []; this.circular = undefined; }

    spend(text) {
      this.left -= text.length;
      return text;
    }

    primitive(value, nested) {
      switch (typeof value) {
        case "string": {
          if (!nested) return this.spend(value.length > MAX_TEXT ? slice(value, 0, MAX_TEXT) + "..." : value);
          const cut = value.length > MAX_STRING;
          const shown = quote(cut ? slice(value, 0, MAX_STRING) : value);
          return this.spend(cut ? `${shown}... ${value.length - MAX_STRING} more characters` : shown);
        }
        case "number": return this.spend(value === 0 && 1 / value < 0 ? "-0" : TextOf(value));
        case "bigint": return this.spend(`${bigText(value)}n`);
        case "symbol": return this.spend(symbolText(value));
        default: return this.spend(TextOf(value));
      }
    }

    value(value, level, nested = true) {
      if (value === null || (typeof value !== "object" && typeof value !== "function")) {
        return this.primitive(value, nested);
      }
      if (this.left <= 0) return "...";
      for (let at = 0; at < this.above.length; at++) {
        if (this.above[at] === value) {
          this.circular = value;
          return this.spend("[Circular *1]");
        }
      }
      if (level >= MAX_LEVELS) return this.spend("[...]");
      push(this.above, value);
      try {
        const shown = this.object(value, level);
        if (this.circular === value) {
          this.circular = undefined;
          return `<ref *1> ${shown}`;
        }
        return shown;
      } finally {
        this.above.length--;
      }
    }

    object(value, level) {
      const name = className(value);
      const tag = dataOf(value, Symbol.toStringTag);
      const known = name === null ? "[Object: null prototype]" : name;
      const label = typeof tag === "string" && tag !== "" && tag !== name ? `${known} [${tag}]` : known;
      const what = this.kind(value, label);
      const deep = level > this.depth;
      if (deep && (what.list || what.body || what.head === undefined)) {
        if (ownKeys(value).length > 0 || what.list !== undefined) {
          return this.spend(what.list === "array" ? "[Array]" : `[${known === "Object" ? "Object" : known}]`);
        }
      }
      const parts = [];
      if (what.list === "array") this.items(parts, value, level);
      else if (what.list === "typed") this.numbers(parts, value);
      else if (what.list === "map") {
        let seen = 0;
        mapEach(value, (item, key) => {
          if (seen++ >= MAX_ITEMS || this.left <= 0) return;
          push(parts, `${this.value(key, level + 1)} => ${this.value(item, level + 1)}`);
        });
        if (seen > MAX_ITEMS) push(parts, `... ${seen - MAX_ITEMS} more items`);
      } else if (what.list === "set") {
        let seen = 0;
        setEach(value, (item) => {
          if (seen++ >= MAX_ITEMS || this.left <= 0) return;
          push(parts, this.value(item, level + 1));
        });
        if (seen > MAX_ITEMS) push(parts, `... ${seen - MAX_ITEMS} more items`);
      }
      if (what.more !== undefined) push(parts, what.more);
      this.properties(parts, value, what, level);
      return this.layout(what, parts, level);
    }

    // What an object is: how it begins, and what of it is listed.
    kind(value, label) {
      if (typeof value === "function") return { head: this.spend(functionHead(value, label)) };
      if (isArray(value)) {
        const head = label === "Array" ? undefined
          : className(value) === null ? `[Array(${value.length}): null prototype]` : `${label}(${value.length})`;
        return { prefix: head, list: "array", open: "[", close: "]", skip: "index" };
      }
      const platform = kit.describe(value);
      if (platform !== undefined) return { head: this.spend(platform), skip: "index" };
      if (kit.isView(value) && kit.isTyped(value)) {
        const prefix = `${label}(${kit.typedLength(value)})`;
        return { prefix, list: "typed", open: "[", close: "]", skip: "index" };
      }
      if (isError(value) || isDOMError(value)) return { head: this.spend(errorText(value)), skip: "error" };
      if (kit.isMap(value)) return { prefix: `${label}(${mapSize(value)})`, list: "map" };
      if (kit.isSet(value)) return { prefix: `${label}(${setSize(value)})`, list: "set" };
      if (kit.isDate(value)) {
        const time = kit.dateValue(value);
        return { head: this.spend(time === time ? toISO(value) : "Invalid Date") };
      }
      if (isProtoOf(protos.regexp, value)) {
        try { return { head: this.spend(`/${source(value)}/${flags(value)}`) }; } catch { /* only looks like one */ }
      }
      if (kit.isBuffer(value)) return { prefix: label, more: `byteLength: ${bufferLength(value)}` };
      const boxed = this.boxed(value);
      if (boxed !== undefined) return { head: boxed, skip: "index" };
      if (isProtoOf(protos.weakMap, value) || isProtoOf(protos.weakSet, value)) {
        return { prefix: label, more: "<items unknown>" };
      }
      return { prefix: label === "Object" ? undefined : label };
    }

    boxed(value) {
      const tries = [["Number", protos.number, numberOf], ["String", protos.string, stringOf],
        ["Boolean", protos.boolean, booleanOf], ["BigInt", protos.bigint, bigOf], ["Symbol", protos.symbol, symbolOf]];
      for (let at = 0; at < tries.length; at++) {
        const one = tries[at];
        if (!isProtoOf(one[1], value)) continue;
        try { return `[${one[0]}: ${this.primitive(one[2](value), true)}]`; } catch { return undefined; }
      }
      return undefined;
    }

    items(parts, array, level) {
      const { length } = array;
      let gap = 0;
      const flush = () => {
        if (gap > 0) push(parts, `<${gap} empty item${gap === 1 ? "" : "s"}>`);
        gap = 0;
      };
      let at = 0;
      for (; at < length && parts.length < MAX_ITEMS && at < 10 * MAX_ITEMS && this.left > 0; at++) {
        const own = getOwnPropertyDescriptor(array, at);
        if (own === undefined) { gap++; continue; }
        flush();
        push(parts, this.property(own, level));
      }
      flush();
      if (at < length) push(parts, `... ${length - at} more item${length - at === 1 ? "" : "s"}`);
    }

    numbers(parts, typed) {
      const length = kit.typedLength(typed);
      const shown = length < MAX_ITEMS ? length : MAX_ITEMS;
      for (let at = 0; at < shown; at++) push(parts, this.primitive(typed[at], true));
      if (shown < length) push(parts, `... ${length - shown} more items`);
    }

    properties(parts, value, what, level) {
      // The indices of a long list are not asked for: there may be millions of them.
      if (what.list === "typed" || (what.list === "array" && value.length > 10 * MAX_ITEMS)) return;
      const keys = ownKeys(value);
      let shown = 0;
      for (let at = 0; at < keys.length; at++) {
        const key = keys[at];
        if (what.skip === "index" && typeof key === "string" && key[0] >= "0" && key[0] <= "9") continue;
        const own = getOwnPropertyDescriptor(value, key);
        const cause = what.skip === "error" && (key === "cause" || key === "errors");
        if (own === undefined || (!own.enumerable && !cause)) continue;
        if (what.skip === "error" && (key === "message" || key === "stack" || key === "name")) continue;
        if (shown++ >= MAX_ITEMS || this.left <= 0) continue;
        const written = typeof key === "symbol" ? `[${symbolText(key)}]`
          : cause && !own.enumerable ? `[${key}]` : isName(key) ? key : quote(key);
        this.spend(written);
        push(parts, `${written}: ${this.property(own, level)}`);
      }
      if (shown > MAX_ITEMS) push(parts, `... ${shown - MAX_ITEMS} more properties`);
    }

    property(own, level) {
      if (own.get !== undefined) return this.spend(own.set === undefined ? "[Getter]" : "[Getter/Setter]");
      if (own.set !== undefined) return this.spend("[Setter]");
      return this.value(own.value, level + 1);
    }

    layout(what, parts, level) {
      const open = what.open ?? "{";
      const close = what.close ?? "}";
      if (parts.length === 0) {
        if (what.head !== undefined) return what.head;
        return what.prefix === undefined ? open + close : `${what.prefix} ${open}${close}`;
      }
      const head = what.head ?? what.prefix;
      const begin = head === undefined ? open : `${head} ${open}`;
      let width = begin.length;
      let broken = false;
      for (let at = 0; at < parts.length; at++) {
        width += parts[at].length + 2;
        if (find(parts[at], "\n") >= 0) broken = true;
      }
      if (!broken && width + level * 2 <= WIDTH) return `${begin} ${join(parts, ", ")} ${close}`;
      const indent = spaces(level * 2);
      this.left -= parts.length * (indent.length + 4);
      return `${begin}\n${indent}  ${join(parts, `,\n${indent}  `)}\n${indent}${close}`;
    }
  }

  const repeat = uncurry(String.prototype.repeat);
  const spaces = (count) => repeat(" ", count);

  function functionHead(value, label) {
    const name = getOwnPropertyDescriptor(value, "name")?.value;
    const shown = typeof name === "string" && name !== "" ? name : "(anonymous)";
    if (slice(functionText(value), 0, 5) === "class") {
      const parent = getPrototypeOf(value);
      const above = typeof parent === "function" ? getOwnPropertyDescriptor(parent, "name")?.value : "";
      return above ? `[class ${shown} extends ${TextOf(above)}]` : `[class ${shown}]`;
    }
    return shown === "(anonymous)" ? `[${label} (anonymous)]` : `[${label}: ${shown}]`;
  }

  function errorText(error) {
    const name = dataOf(error, "name");
    const message = dataOf(error, "message");
    const shownName = typeof name === "string" && name !== "" ? name : className(error) ?? "Error";
    const first = kit.isProtoOf(DOMException.prototype, error) ? domText(error, shownName)
      : typeof message === "string" && message !== "" ? `${shownName}: ${message}` : shownName;
    let stack;
    try { stack = getOwnPropertyDescriptor(error, "stack")?.value ?? kit.stackOf(error); } catch { stack = ""; }
    const where = typeof stack === "string" ? kit.trace(kit.scalar(stack)) : "";
    return where === "" ? `[${first}]` : `${first}\n${where}`;
  }

  const DOMException = globalThis.DOMException;
  const isDOMError = (value) => {
    if (!isProtoOf(DOMException.prototype, value)) return false;
    try { domName(value); return true; } catch { return false; }
  };
  const domName = getter(DOMException.prototype, "name");
  const domMessage = getter(DOMException.prototype, "message");
  function domText(error, otherwise) {
    try { return `${domName(error)}: ${domMessage(error)}`; } catch { return otherwise; }
  }

  // `nested`: strings are quoted.
  kit.inspect = function (value, nested = true, depth = 2) {
    try {
      return new Writer(depth).value(value, 0, nested);
    } catch {
      return "[a value that can't be shown]";
    }
  };
});
