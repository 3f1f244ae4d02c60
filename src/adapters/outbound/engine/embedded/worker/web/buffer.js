// A small Buffer, for code written with Node in mind: a Uint8Array that knows encodings.
(function (kit, host) {
  "use strict";

  const { text, lower, bytesOf, typedLength, bytesSet, encodeText, decodeText } = kit;
  const { setPrototypeOf } = Object;
  const { isArray } = Array;
  const Bytes = Uint8Array;
  const toNumber = Number;
  const ENCODINGS = { __proto__: null, "utf8": "utf8", "utf-8": "utf8", "hex": "hex", "base64": "base64",
    "base64url": "base64url", "latin1": "latin1", "binary": "latin1", "ascii": "ascii", "utf16le": "utf16le",
    "utf-16le": "utf16le", "ucs2": "utf16le", "ucs-2": "utf16le" };

  function encodingOf(value) {
    if (value === undefined || value === null || value === "") return "utf8";
    const name = ENCODINGS[lower(text(value))];
    if (name === undefined) throw new TypeError(`Unknown encoding: ${text(value)}`);
    return name;
  }

  function sizeOf(value) {
    if (typeof value !== "number") throw new TypeError("Buffer: the size is a number");
    if (!(value >= 0 && value <= 4294967296)) throw new RangeError("Buffer: the size is out of range");
    return value;
  }

  const clamp = (value, least, most, otherwise) => {
    if (value === undefined) return otherwise;
    const at = Math.trunc(toNumber(value)) || 0;
    return at < least ? least : at > most ? most : at;
  };

  const encode = (string, encoding) => encodeText(encoding, kit.scalar(string));
  const as = (bytes) => setPrototypeOf(bytes, proto);
  const over = (buffer, offset, length) => as(new Bytes(buffer, offset, length));

  function need(value, what) {
    const bytes = kit.isView(value) ? bytesOf(value) : undefined;
    if (bytes === undefined) throw new TypeError(`${what}: a Buffer or Uint8Array is required`);
    return bytes;
  }

  function compare(one, other) {
    const first = need(one, "compare"), second = need(other, "compare");
    const a = typedLength(first), b = typedLength(second);
    for (let at = 0; at < a && at < b; at++) {
      if (first[at] !== second[at]) return first[at] < second[at] ? -1 : 1;
    }
    return a === b ? 0 : a < b ? -1 : 1;
  }

  // Callable with and without `new`, as Node's is.
  function Buffer(value, encodingOrOffset, length) {
    return typeof value === "number" ? Buffer.alloc(value) : Buffer.from(value, encodingOrOffset, length);
  }
  const proto = Buffer.prototype;
  setPrototypeOf(Buffer, Bytes);
  setPrototypeOf(proto, Bytes.prototype);

  const statics = {
    from(value, encodingOrOffset = undefined, length = undefined) {
      if (typeof value === "string") return as(encode(value, encodingOf(encodingOrOffset)));
      if (value !== null && typeof value === "object") {
        if (kit.isBuffer(value) || kit.isShared(value)) return over(value, encodingOrOffset, length);
        if (kit.isView(value)) return as(kit.isTyped(value) ? new Bytes(value) : kit.copyOf(bytesOf(value)));
        if (value.type === "Buffer" && isArray(value.data)) return as(new Bytes(value.data));
        if (typeof value.length === "number") return as(new Bytes(value));
        const primitive = value.valueOf?.();
        if (typeof primitive === "string") return Buffer.from(primitive, encodingOrOffset);
      }
      throw new TypeError("Buffer.from: a string, an array, a buffer or a view of one is required");
    },
    alloc(size, fill = undefined, encoding = undefined) {
      const made = as(new Bytes(sizeOf(size)));
      return fill === undefined || fill === 0 ? made : made.fill(fill, encoding);
    },
    allocUnsafe(size) { return as(new Bytes(sizeOf(size))); },
    isBuffer(value) { return value !== null && typeof value === "object" && kit.isProtoOf(proto, value); },
    isEncoding(name) { return typeof name === "string" && ENCODINGS[lower(name)] !== undefined; },
    byteLength(value, encoding = undefined) {
      if (typeof value === "string") return typedLength(encode(value, encodingOf(encoding)));
      const bytes = bytesOf(value);
      if (bytes === undefined) throw new TypeError("Buffer.byteLength: a string or a buffer is required");
      return typedLength(bytes);
    },
    concat(list, total = undefined) {
      if (!isArray(list)) throw new TypeError("Buffer.concat: a list of buffers is required");
      const chunks = [];
      for (let at = 0; at < list.length; at++) kit.push(chunks, need(list[at], "Buffer.concat"));
      const all = kit.concat(chunks);
      if (total === undefined || total === typedLength(all)) return as(all);
      const sized = new Bytes(sizeOf(total));
      bytesSet(sized, total < typedLength(all) ? kit.bytesSub(all, 0, total) : all, 0);
      return as(sized);
    },
    compare,
  };

  const methods = {
    toString(encoding = undefined, start = undefined, end = undefined) {
      const bytes = need(this, "toString");
      const length = typedLength(bytes);
      const from = clamp(start, 0, length, 0), to = clamp(end, from, length, length);
      return decodeText(encodingOf(encoding), kit.bytesSub(bytes, from, to));
    },
    toJSON() {
      const data = [];
      for (let at = 0; at < typedLength(this); at++) kit.push(data, this[at]);
      return { type: "Buffer", data };
    },
    equals(other) { return compare(this, other) === 0; },
    compare(other) { return compare(this, other); },
    subarray(start = undefined, end = undefined) {
      const bytes = need(this, "subarray");
      const length = typedLength(bytes);
      const from = start < 0 ? clamp(length + start, 0, length, 0) : clamp(start, 0, length, 0);
      const to = end < 0 ? clamp(length + end, from, length, from) : clamp(end, from, length, length);
      return as(kit.bytesSub(bytes, from, to));
    },
    slice(start = undefined, end = undefined) { return kit.apply(methods.subarray, this, [start, end]); },
    write(string, offset = undefined, length = undefined, encoding = undefined) {
      if (typeof offset === "string") { encoding = offset; offset = length = undefined; }
      else if (typeof length === "string") { encoding = length; length = undefined; }
      const bytes = need(this, "write");
      const from = clamp(offset, 0, typedLength(bytes), 0);
      const room = clamp(length, 0, typedLength(bytes) - from, typedLength(bytes) - from);
      const name = encodingOf(encoding);
      const written = name === "utf8" ? kit.utf8Prefix(kit.scalar(string), room)[0]
        : kit.bytesSub(encode(string, name), 0, room);
      bytesSet(bytes, written, from);
      return typedLength(written);
    },
    copy(target, targetStart = undefined, start = undefined, end = undefined) {
      const to = need(target, "copy"), from = need(this, "copy");
      const at = clamp(targetStart, 0, typedLength(to), 0);
      const first = clamp(start, 0, typedLength(from), 0);
      const last = clamp(end, first, typedLength(from), typedLength(from));
      const room = typedLength(to) - at;
      const part = kit.bytesSub(from, first, last - first > room ? first + room : last);
      bytesSet(to, part, at);
      return typedLength(part);
    },
    fill(value, offset = undefined, end = undefined, encoding = undefined) {
      if (typeof offset === "string") { encoding = offset; offset = end = undefined; }
      const bytes = need(this, "fill");
      const from = clamp(offset, 0, typedLength(bytes), 0);
      const to = clamp(end, from, typedLength(bytes), typedLength(bytes));
      if (typeof value === "number" || typeof value === "boolean") { bytesFill(bytes, value & 255, from, to); return this; }
      const pattern = typeof value === "string" ? encode(value, encodingOf(encoding)) : need(value, "fill");
      if (typedLength(pattern) === 0) { bytesFill(bytes, 0, from, to); return this; }
      // Doubles what is there, so that a one-byte pattern costs no more than a long one.
      let done = typedLength(pattern) < to - from ? typedLength(pattern) : to - from;
      bytesSet(bytes, kit.bytesSub(pattern, 0, done), from);
      while (done < to - from) {
        const more = done < to - from - done ? done : to - from - done;
        bytesSet(bytes, kit.bytesSub(bytes, from, from + more), from + done);
        done += more;
      }
      return this;
    },
  };
  const bytesFill = kit.uncurry(Bytes.prototype.fill);

  for (const [target, members] of [[Buffer, statics], [proto, methods]]) {
    for (const name of Object.keys(members)) {
      Object.defineProperty(target, name, { value: members[name], writable: true, configurable: true });
    }
  }
  kit.expose("Buffer", Buffer);
});
