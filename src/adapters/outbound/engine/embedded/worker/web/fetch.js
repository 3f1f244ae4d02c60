// Request, Response and fetch. Bodies are whole, not streams; fetch is a request to the host, which decides.
(function (kit, host) {
  "use strict";

  const { push, scalar, text, bytesOf, copyOf, utf8Encode } = kit;
  const { parse, stringify } = JSON;
  const { isArray } = Array;
  const request = host.request;
  const find = kit.uncurry(String.prototype.indexOf);
  const upper = kit.uncurry(String.prototype.toUpperCase);
  const toBase64 = kit.uncurry(Uint8Array.prototype.toBase64);
  const fromBase64 = Uint8Array.fromBase64;
  const Bytes = Uint8Array;
  const toNumber = Number;
  const { random } = kit;

  // A body: its bytes, and the type that it has by itself.
  function extract(value) {
    if (kit.isBlob(value)) return { bytes: kit.blobBytes(value), type: kit.blobType(value) || null };
    const bytes = bytesOf(value);
    if (bytes !== undefined) return { bytes: copyOf(bytes), type: null };
    if (kit.isForm(value)) {
      const boundary = `----dynamic-mcp-${random()}`;
      return { bytes: kit.multipart(value, boundary), type: `multipart/form-data; boundary=${boundary}` };
    }
    if (kit.isParams(value)) {
      return { bytes: utf8Encode(kit.paramsText(value)), type: "application/x-www-form-urlencoded;charset=UTF-8" };
    }
    return { bytes: utf8Encode(scalar(value)), type: "text/plain;charset=UTF-8" };
  }

  let take, bodyOf, setBody;

  class Body {
    #bytes = null; #used = false;

    static {
      bodyOf = (object) => object.#bytes;
      setBody = (object, bytes) => { object.#bytes = bytes; };
      take = (object, what) => {
        if (object.#used) throw new TypeError(`${what}: the body has already been read`);
        if (object.#bytes === null) return new Bytes(0);
        object.#used = true;
        return object.#bytes;
      };
      kit.bodyUsed = (object) => object.#used;
    }

    get bodyUsed() { return this.#used; }
    async arrayBuffer() { return kit.bufferOf(copyOf(take(this, "arrayBuffer"))); }
    async bytes() { return copyOf(take(this, "bytes")); }
    async text() { return kit.utf8(take(this, "text")); }
    async json() { return parse(kit.utf8(take(this, "json"))); }
    async blob() { return kit.makeBlob(take(this, "blob"), typeOf(this) ?? ""); }
    async formData() {
      const type = typeOf(this) ?? "";
      if (find(type, "application/x-www-form-urlencoded") !== 0) {
        throw new TypeError("formData: only application/x-www-form-urlencoded bodies can be read here");
      }
      const form = new FormData();
      const flat = kit.formParse(kit.utf8(take(this, "formData")));
      const list = kit.formList(form);
      for (let at = 0; at < flat.length; at += 2) push(list, [flat[at], flat[at + 1]]);
      return form;
    }
  }

  const FormData = globalThis.FormData;
  const Headers = globalThis.Headers;
  let headersOf;
  const typeOf = (object) => kit.headerGet(headersOf(object), "content-type");

  function fill(object, value) {
    const { bytes, type } = extract(value);
    setBody(object, bytes);
    const headers = headersOf(object);
    if (type !== null && kit.headerGet(headers, "content-type") === null) kit.headerSet(headers, "content-type", type);
  }

  const NORMAL = ["DELETE", "GET", "HEAD", "OPTIONS", "POST", "PUT"];

  class Request extends Body {
    #url; #method = "GET"; #headers; #signal; #redirect = "follow";

    static { kit.isRequest = (value) => value !== null && typeof value === "object" && #url in value; }

    constructor(input, init = undefined) {
      kit.need("Request", 1, arguments.length);
      super();
      const from = kit.isRequest(input) ? input : null;
      if (from === null) {
        const parts = kit.urlParse(scalar(input), null);
        if (parts === undefined) throw new TypeError(`Request: '${scalar(input)}' is not an absolute URL`);
        if (parts[3] !== "" || parts[4] !== "") throw new TypeError("Request: the URL holds a user's name or password");
        this.#url = parts[0];
      } else {
        this.#url = from.#url;
        this.#method = from.#method;
        this.#redirect = from.#redirect;
      }
      if (init?.method !== undefined) this.#method = methodOf(init.method);
      if (init?.redirect !== undefined) {
        this.#redirect = text(init.redirect);
        if (this.#redirect !== "follow" && this.#redirect !== "error" && this.#redirect !== "manual") {
          throw new TypeError("Request: redirect is one of follow, error, manual");
        }
      }
      const signal = init?.signal === undefined ? from?.#signal : init.signal;
      if (signal !== undefined && signal !== null && !kit.isSignal(signal)) {
        throw new TypeError("Request: the signal is not an AbortSignal");
      }
      this.#signal = kit.follow(signal ?? null);
      this.#headers = new Headers(init?.headers === undefined ? from?.#headers : init.headers);
      const body = init?.body;
      const inherits = from !== null && (body === undefined || body === null) && bodyOf(from) !== null;
      if (((body !== undefined && body !== null) || inherits) && (this.#method === "GET" || this.#method === "HEAD")) {
        throw new TypeError(`Request: a ${this.#method} request has no body`);
      }
      if (inherits) setBody(this, take(from, "Request"));
      else if (body !== undefined && body !== null) fill(this, body);
    }

    static {
      kit.requestHeaders = (request) => request.#headers;
      kit.requestParts = (request) => ({ url: request.#url, method: request.#method, redirect: request.#redirect,
        signal: request.#signal });
    }

    get url() { return this.#url; }
    get method() { return this.#method; }
    get headers() { return this.#headers; }
    get signal() { return this.#signal; }
    get redirect() { return this.#redirect; }

    clone() {
      if (kit.bodyUsed(this)) throw new TypeError("clone: the body has already been read");
      const copy = new Request(this.#url, { method: this.#method, headers: this.#headers, signal: this.#signal,
        redirect: this.#redirect });
      setBody(copy, bodyOf(this));
      return copy;
    }
  }

  function methodOf(value) {
    const method = text(value);
    if (!kit.isToken(method)) throw new TypeError(`Request: '${method}' is not a method`);
    const known = upper(method);
    if (known === "CONNECT" || known === "TRACE" || known === "TRACK") {
      throw new TypeError(`Request: the method ${known} is not allowed`);
    }
    for (let at = 0; at < NORMAL.length; at++) if (NORMAL[at] === known) return known;
    return method;
  }

  let plain;

  class Response extends Body {
    #status = 200; #statusText = ""; #headers; #type = "default"; #url = ""; #redirected = false;

    static {
      kit.statusOf = (response) => response.#status;
      kit.responseHeaders = (response) => response.#headers;
      kit.isResponse = (value) => value !== null && typeof value === "object" && #status in value;
      plain = (status, statusText, headers, type, url, redirected) => {
        const made = new Response();
        made.#status = status;
        made.#statusText = statusText;
        made.#headers = headers;
        made.#type = type;
        made.#url = url;
        made.#redirected = redirected;
        return made;
      };
    }

    constructor(body = null, init = undefined) {
      super();
      if (init?.status !== undefined) {
        const status = toNumber(init.status) & 0xffff;
        if (status < 200 || status > 599) throw new RangeError("Response: the status is a number from 200 to 599");
        this.#status = status;
      }
      if (init?.statusText !== undefined) {
        const reason = text(init.statusText);
        for (let at = 0; at < reason.length; at++) {
          if ((reason[at] < " " && reason[at] !== "\t") || reason[at] > "\xff" || reason[at] === "\x7f") {
            throw new TypeError("Response: the status text is not one");
          }
        }
        this.#statusText = reason;
      }
      this.#headers = new Headers(init?.headers);
      if (body !== null && body !== undefined) {
        const status = this.#status;
        if (status === 204 || status === 205 || status === 304) {
          throw new TypeError(`Response: a response with status ${status} has no body`);
        }
        fill(this, body);
      }
    }

    static error() {
      const headers = new Headers();
      kit.fixHeaders(headers);
      return plain(0, "", headers, "error", "", false);
    }

    static redirect(url, status = 302) {
      kit.need("Response.redirect", 1, arguments.length);
      const parts = kit.urlParse(scalar(url), null);
      if (parts === undefined) throw new TypeError("Response.redirect: the URL is not an absolute one");
      status = toNumber(status);
      if (status !== 301 && status !== 302 && status !== 303 && status !== 307 && status !== 308) {
        throw new RangeError("Response.redirect: the status is one of 301, 302, 303, 307, 308");
      }
      const headers = new Headers();
      kit.headerSet(headers, "location", parts[0]);
      kit.fixHeaders(headers);
      return plain(status, "", headers, "default", "", false);
    }

    static json(data, init = undefined) {
      kit.need("Response.json", 1, arguments.length);
      const json = stringify(data);
      if (json === undefined) throw new TypeError("Response.json: the value has no JSON");
      const made = new Response(utf8Encode(scalar(json)), init);
      if (kit.headerGet(made.#headers, "content-type") === null) {
        kit.headerSet(made.#headers, "content-type", "application/json");
      }
      return made;
    }

    get status() { return this.#status; }
    get statusText() { return this.#statusText; }
    get ok() { return this.#status >= 200 && this.#status <= 299; }
    get headers() { return this.#headers; }
    get type() { return this.#type; }
    get url() { return this.#url; }
    get redirected() { return this.#redirected; }

    clone() {
      if (kit.bodyUsed(this)) throw new TypeError("clone: the body has already been read");
      const copy = plain(this.#status, this.#statusText, new Headers(this.#headers), this.#type, this.#url,
        this.#redirected);
      setBody(copy, bodyOf(this));
      return copy;
    }
  }

  headersOf = (object) => kit.isResponse(object) ? kit.responseHeaders(object) : kit.requestHeaders(object);

  // What the host answered, as a Response: {url, status, statusText, headers: [[name, value]], redirected, body},
  // the body in base64.
  function answered(answer) {
    const headers = new Headers(isArray(answer.headers) ? answer.headers : undefined);
    kit.fixHeaders(headers);
    const made = plain(toNumber(answer.status), scalar(answer.statusText ?? ""), headers, "basic",
      scalar(answer.url ?? ""), Boolean(answer.redirected));
    if (typeof answer.body === "string") setBody(made, fromBase64(answer.body));
    return made;
  }

  kit.expose("fetch", async function fetch(input, init = undefined) {
    kit.need("fetch", 1, arguments.length);
    const asked = new Request(input, init);
    const { url, method, redirect, signal } = kit.requestParts(asked);
    if (kit.isAborted(signal)) throw kit.reasonOf(signal);
    const bytes = bodyOf(asked);
    const body = bytes === null ? null : toBase64(take(asked, "fetch"));
    const headers = kit.headerPairs(kit.requestHeaders(asked));
    return new Promise((resolve, reject) => {
      kit.onAbort(signal, reject);
      kit.then(request("fetch", { url, method, headers, redirect, body }),
        (answer) => { try { resolve(answered(answer)); } catch (error) { reject(error); } }, reject);
    });
  }, true);

  for (const name of ["bodyUsed", "arrayBuffer", "bytes", "text", "json", "blob", "formData"]) {
    const own = Object.getOwnPropertyDescriptor(Body.prototype, name);
    for (const Class of [Request, Response]) Object.defineProperty(Class.prototype, name, { ...own, enumerable: true });
  }
  // Body is no class of the platform: its members are each class's own.
  for (const Class of [Request, Response]) Object.setPrototypeOf(Class.prototype, Object.prototype);
  kit.idl(Request);
  kit.idl(Response);
});
