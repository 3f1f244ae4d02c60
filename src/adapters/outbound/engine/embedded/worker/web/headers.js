// Headers.
(function (kit, host) {
  "use strict";

  const { push, lower, join, mapGet, mapSet, mapEach, mapDelete, mapHas, text } = kit;
  const { ownKeys, getOwnPropertyDescriptor } = Reflect;
  const iterator = Symbol.iterator;
  const sort = kit.uncurry(Array.prototype.sort);
  const find = kit.uncurry(String.prototype.indexOf);
  const TOKEN = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz";

  // A header's name, in lower case.
  function nameOf(value) {
    const name = lower(text(value));
    let fits = name.length > 0;
    for (let at = 0; fits && at < name.length; at++) fits = find(TOKEN, name[at]) >= 0;
    if (!fits) throw new TypeError(`Headers: '${name}' is not a header's name`);
    return name;
  }

  const isSpace = (c) => c === " " || c === "\t" || c === "\r" || c === "\n";

  function valueOf(value) {
    value = text(value);
    let from = 0, to = value.length;
    while (from < to && isSpace(value[from])) from++;
    while (to > from && isSpace(value[to - 1])) to--;
    value = kit.slice(value, from, to);
    for (let at = 0; at < value.length; at++) {
      const c = value[at];
      if (c === "\0" || c === "\r" || c === "\n" || c > "\xff") {
        throw new TypeError("Headers: a value holds a character that a header can't carry");
      }
    }
    return value;
  }

  class Headers {
    // By name: the list of values.
    #map = new Map(); #sorted = null; #fixed = false;

    static {
      kit.isHeaders = (value) => value !== null && typeof value === "object" && #map in value;
      kit.headerPairs = (headers) => headers.#pairs();
      kit.fixHeaders = (headers) => { headers.#fixed = true; };
      kit.headerGet = (headers, name) => headers.#get(name);
      kit.headerSet = (headers, name, value) => headers.#put(name, [value]);
    }

    constructor(init = undefined) {
      if (init === undefined) return;
      if (init === null || (typeof init !== "object" && typeof init !== "function")) {
        throw new TypeError("Headers: the argument is not an object");
      }
      const iterate = init[iterator];
      if (kit.isHeaders(init)) {
        const pairs = init.#pairs();
        for (let at = 0; at < pairs.length; at++) this.#append(pairs[at][0], pairs[at][1]);
      } else if (iterate !== undefined && iterate !== null) {
        for (const pair of { [iterator]: () => kit.apply(iterate, init, []) }) {
          const both = typeof pair === "object" && pair !== null ? [...pair] : [];
          if (both.length !== 2) throw new TypeError("Headers: each pair has a name and a value");
          this.#append(nameOf(both[0]), valueOf(both[1]));
        }
      } else {
        const keys = ownKeys(init);
        for (let at = 0; at < keys.length; at++) {
          const own = getOwnPropertyDescriptor(init, keys[at]);
          if (own !== undefined && own.enumerable) this.#append(nameOf(keys[at]), valueOf(init[keys[at]]));
        }
      }
    }

    #put(name, values) {
      mapSet(this.#map, name, values);
      this.#sorted = null;
    }

    #append(name, value) {
      const values = mapGet(this.#map, name);
      if (values === undefined) this.#put(name, [value]);
      else push(values, value);
      this.#sorted = null;
    }

    #get(name) {
      const values = mapGet(this.#map, name);
      return values === undefined ? null : join(values, ", ");
    }

    // Sorted by name; each Set-Cookie by itself.
    #pairs() {
      if (this.#sorted !== null) return this.#sorted;
      const list = [];
      mapEach(this.#map, (values, name) => {
        if (name !== "set-cookie") push(list, [name, join(values, ", ")]);
        else for (let at = 0; at < values.length; at++) push(list, [name, values[at]]);
      });
      sort(list, (a, b) => a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0);
      this.#sorted = list;
      return list;
    }

    #writable() { if (this.#fixed) throw new TypeError("Headers: these can't be changed"); }

    append(name, value) {
      kit.need("append", 2, arguments.length);
      name = nameOf(name);
      value = valueOf(value);
      this.#writable();
      this.#append(name, value);
    }

    delete(name) {
      kit.need("delete", 1, arguments.length);
      name = nameOf(name);
      this.#writable();
      mapDelete(this.#map, name);
      this.#sorted = null;
    }

    get(name) {
      kit.need("get", 1, arguments.length);
      return this.#get(nameOf(name));
    }

    getSetCookie() {
      const values = mapGet(this.#map, "set-cookie") ?? [];
      const copy = [];
      for (let at = 0; at < values.length; at++) push(copy, values[at]);
      return copy;
    }

    has(name) {
      kit.need("has", 1, arguments.length);
      return mapHas(this.#map, nameOf(name));
    }

    set(name, value) {
      kit.need("set", 2, arguments.length);
      name = nameOf(name);
      value = valueOf(value);
      this.#writable();
      this.#put(name, [value]);
    }
  }

  kit.isToken = (value) => { try { nameOf(value); return true; } catch { return false; } };
  kit.pairs(Headers, kit.headerPairs);
  kit.idl(Headers);
});
