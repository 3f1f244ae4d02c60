// URL and URLSearchParams over the native parser.
(function (kit, host) {
  "use strict";

  const { urlParse, urlSet, formParse, formSerialize, scalar, push, need } = kit;
  const { ownKeys, getOwnPropertyDescriptor } = Reflect;
  const iterator = Symbol.iterator;
  const sort = kit.uncurry(Array.prototype.sort);
  const HREF = 0, ORIGIN = 1, PROTOCOL = 2, USERNAME = 3, PASSWORD = 4, HOST = 5, HOSTNAME = 6, PORT = 7, PATHNAME = 8,
    SEARCH = 9, HASH = 10;
  let attach, refill;

  class URLSearchParams {
    #list = []; #changed = null;

    static {
      attach = (params, changed) => { params.#changed = changed; };
      refill = (params, query) => { params.#list = paired(formParse(query)); };
      kit.paramsList = (params) => params.#list;
      kit.isParams = (value) => value !== null && typeof value === "object" && #list in value;
      kit.paramsText = (params) => params.#text();
    }

    constructor(init = "") {
      if ((typeof init === "object" && init !== null) || typeof init === "function") this.#fill(init);
      else {
        const text = scalar(init);
        this.#list = paired(formParse(text[0] === "?" ? kit.slice(text, 1) : text));
      }
    }

    #fill(init) {
      const iterate = init[iterator];
      if (iterate !== undefined && iterate !== null) {
        for (const pair of { [iterator]: () => kit.apply(iterate, init, []) }) {
          const both = typeof pair === "object" && pair !== null ? [...pair] : [];
          if (both.length !== 2) throw new TypeError("URLSearchParams: each pair has a name and a value");
          push(this.#list, [scalar(both[0]), scalar(both[1])]);
        }
        return;
      }
      const keys = ownKeys(init);
      for (let at = 0; at < keys.length; at++) {
        const own = getOwnPropertyDescriptor(init, keys[at]);
        if (own === undefined || !own.enumerable) continue;
        this.#replace(scalar(keys[at]), scalar(init[keys[at]]));
      }
    }

    #replace(name, value) {
      const kept = [];
      let placed = false;
      for (let at = 0; at < this.#list.length; at++) {
        const pair = this.#list[at];
        if (pair[0] !== name) push(kept, pair);
        else if (!placed) { placed = true; push(kept, [name, value]); }
      }
      if (!placed) push(kept, [name, value]);
      this.#list = kept;
    }

    #text() {
      const flat = [];
      for (let at = 0; at < this.#list.length; at++) push(flat, this.#list[at][0], this.#list[at][1]);
      return formSerialize(flat);
    }

    #update() { if (this.#changed !== null) this.#changed(this.#text()); }

    get size() { return this.#list.length; }

    append(name, value) {
      need("append", 2, arguments.length);
      push(this.#list, [scalar(name), scalar(value)]);
      this.#update();
    }

    delete(name, value = undefined) {
      need("delete", 1, arguments.length);
      name = scalar(name);
      if (value !== undefined) value = scalar(value);
      const kept = [];
      for (let at = 0; at < this.#list.length; at++) {
        const pair = this.#list[at];
        if (pair[0] !== name || (value !== undefined && pair[1] !== value)) push(kept, pair);
      }
      this.#list = kept;
      this.#update();
    }

    get(name) {
      need("get", 1, arguments.length);
      name = scalar(name);
      for (let at = 0; at < this.#list.length; at++) if (this.#list[at][0] === name) return this.#list[at][1];
      return null;
    }

    getAll(name) {
      need("getAll", 1, arguments.length);
      name = scalar(name);
      const found = [];
      for (let at = 0; at < this.#list.length; at++) if (this.#list[at][0] === name) push(found, this.#list[at][1]);
      return found;
    }

    has(name, value = undefined) {
      need("has", 1, arguments.length);
      name = scalar(name);
      if (value !== undefined) value = scalar(value);
      for (let at = 0; at < this.#list.length; at++) {
        const pair = this.#list[at];
        if (pair[0] === name && (value === undefined || pair[1] === value)) return true;
      }
      return false;
    }

    set(name, value) {
      need("set", 2, arguments.length);
      this.#replace(scalar(name), scalar(value));
      this.#update();
    }

    sort() {
      sort(this.#list, (a, b) => a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0);
      this.#update();
    }

    toString() { return this.#text(); }
  }

  function paired(flat) {
    const list = [];
    for (let at = 0; at < flat.length; at += 2) push(list, [flat[at], flat[at + 1]]);
    return list;
  }

  class URL {
    #parts; #params = null;

    constructor(url, base = undefined) {
      need("URL", 1, arguments.length);
      const parts = parse(url, base);
      if (parts === undefined) {
        const error = new TypeError("Invalid URL");
        error.code = "ERR_INVALID_URL";
        error.input = scalar(url);
        throw error;
      }
      this.#parts = parts;
    }

    static {
      kit.isURL = (value) => value !== null && typeof value === "object" && #parts in value;
      kit.urlText = (url) => url.#parts[HREF];
    }

    static canParse(url, base = undefined) {
      need("URL.canParse", 1, arguments.length);
      return parse(url, base) !== undefined;
    }

    static parse(url, base = undefined) {
      need("URL.parse", 1, arguments.length);
      return parse(url, base) === undefined ? null : new URL(url, base);
    }

    #set(part, value) {
      const parts = urlSet(this.#parts[HREF], part, scalar(value));
      if (parts !== undefined) this.#parts = parts;
      return parts !== undefined;
    }

    get href() { return this.#parts[HREF]; }
    set href(value) {
      const parts = urlParse(scalar(value), null);
      if (parts === undefined) throw new TypeError("Invalid URL");
      this.#parts = parts;
      this.#refill();
    }
    get origin() { return this.#parts[ORIGIN]; }
    get protocol() { return this.#parts[PROTOCOL]; }
    set protocol(value) { this.#set(PROTOCOL, value); }
    get username() { return this.#parts[USERNAME]; }
    set username(value) { this.#set(USERNAME, value); }
    get password() { return this.#parts[PASSWORD]; }
    set password(value) { this.#set(PASSWORD, value); }
    get host() { return this.#parts[HOST]; }
    set host(value) { this.#set(HOST, value); }
    get hostname() { return this.#parts[HOSTNAME]; }
    set hostname(value) { this.#set(HOSTNAME, value); }
    get port() { return this.#parts[PORT]; }
    set port(value) { this.#set(PORT, value); }
    get pathname() { return this.#parts[PATHNAME]; }
    set pathname(value) { this.#set(PATHNAME, value); }
    get search() { return this.#parts[SEARCH]; }
    set search(value) {
      this.#set(SEARCH, value);
      this.#refill();
    }
    get hash() { return this.#parts[HASH]; }
    set hash(value) { this.#set(HASH, value); }
    get searchParams() {
      if (this.#params === null) {
        this.#params = new URLSearchParams();
        attach(this.#params, (query) => this.#set(SEARCH, query));
        this.#refill();
      }
      return this.#params;
    }
    #refill() {
      if (this.#params !== null) refill(this.#params, kit.slice(this.#parts[SEARCH], 1));
    }
    toString() { return this.#parts[HREF]; }
    toJSON() { return this.#parts[HREF]; }
  }

  function parse(url, base) {
    const text = scalar(url);
    return urlParse(text, base === undefined ? null : scalar(base));
  }

  kit.pairs(URLSearchParams, kit.paramsList);
  kit.idl(URLSearchParams);
  kit.idl(URL);
});
