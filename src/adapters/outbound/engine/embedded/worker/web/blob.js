// Blob, File and FormData. Their bytes never change, so that slices and copies share them.
(function (kit, host) {
  "use strict";

  const { push, scalar, lower, bytesOf, copyOf, typedLength, bytesSub, concat, utf8Encode } = kit;
  const toNumber = Number;
  const now = Date.now;
  const iterator = Symbol.iterator;
  const replaceAll = kit.uncurry(String.prototype.replaceAll);
  let bytesIn, restore;

  function typeText(value) {
    const text = kit.text(value);
    for (let at = 0; at < text.length; at++) if (text[at] < " " || text[at] > "~") return "";
    return lower(text);
  }

  // A position as Blob.slice counts it: from the end where it is negative.
  function place(value, size) {
    let at = toNumber(value);
    at = at !== at ? 0 : at < 0 ? Math.ceil(at) : Math.floor(at);
    if (at < 0) return size + at > 0 ? size + at : 0;
    return at < size ? at : size;
  }

  class Blob {
    #bytes; #type = "";

    static {
      bytesIn = (blob) => blob.#bytes;
      restore = (blob, bytes, type) => { blob.#bytes = bytes; blob.#type = type; return blob; };
      kit.isBlob = (value) => value !== null && typeof value === "object" && #bytes in value;
    }

    constructor(parts = undefined, options = undefined) {
      const chunks = [];
      if (parts !== undefined) {
        if (parts === null || typeof parts !== "object" || typeof parts[iterator] !== "function") {
          throw new TypeError("Blob: the parts are not a sequence");
        }
        const native = options?.endings !== undefined && kit.text(options.endings) === "native";
        for (const part of parts) {
          const bytes = bytesOf(part);
          if (bytes !== undefined) push(chunks, bytes);
          else if (kit.isBlob(part)) push(chunks, part.#bytes);
          else {
            let text = scalar(part);
            if (native) text = replaceAll(replaceAll(text, "\r\n", "\n"), "\r", "\n");
            push(chunks, utf8Encode(text));
          }
        }
      }
      this.#bytes = concat(chunks);
      if (options?.type !== undefined) this.#type = typeText(options.type);
    }

    get size() { return typedLength(this.#bytes); }
    get type() { return this.#type; }

    slice(start = 0, end = undefined, type = "") {
      const size = typedLength(this.#bytes);
      const from = place(start, size);
      const to = end === undefined ? size : place(end, size);
      const part = bytesSub(this.#bytes, from, to > from ? to : from);
      return restore(new Blob(), part, typeText(type));
    }

    async arrayBuffer() { return kit.bufferOf(copyOf(this.#bytes)); }
    async bytes() { return copyOf(this.#bytes); }
    async text() { return kit.utf8(this.#bytes); }
  }

  class File extends Blob {
    #name; #lastModified;

    static { kit.isFile = (value) => value !== null && typeof value === "object" && #name in value; }

    constructor(parts, name, options = undefined) {
      kit.need("File", 2, arguments.length);
      super(parts, options);
      this.#name = scalar(name);
      const time = options?.lastModified;
      this.#lastModified = time === undefined ? now() : Math.trunc(toNumber(time)) || 0;
    }

    get name() { return this.#name; }
    get lastModified() { return this.#lastModified; }
  }

  kit.makeBlob = (bytes, type) => restore(new Blob(), bytes, type);
  kit.blobBytes = bytesIn;
  const blobType = kit.getter(Blob.prototype, "type");
  kit.blobType = blobType;
  const fileName = kit.getter(File.prototype, "name");
  kit.fileName = fileName;
  const fileTime = kit.getter(File.prototype, "lastModified");
  kit.clonePlatform = function (value) {
    if (!kit.isBlob(value)) return undefined;
    const made = kit.isFile(value)
      ? new File([], fileName(value), { lastModified: fileTime(value) }) : new Blob();
    return restore(made, bytesIn(value), blobType(value));
  };

  class FormData {
    #list = [];

    static {
      kit.formList = (form) => form.#list;
      kit.isForm = (value) => value !== null && typeof value === "object" && #list in value;
    }

    constructor(form = undefined) {
      if (form !== undefined) throw new TypeError("FormData: there are no forms here to take entries from");
    }

    append(name, value, filename = undefined) {
      kit.need("append", 2, arguments.length);
      push(this.#list, [scalar(name), entry(value, filename, arguments.length)]);
    }

    delete(name) {
      kit.need("delete", 1, arguments.length);
      this.#keep(scalar(name));
    }

    #keep(name) {
      const kept = [];
      for (let at = 0; at < this.#list.length; at++) if (this.#list[at][0] !== name) push(kept, this.#list[at]);
      this.#list = kept;
    }

    get(name) {
      kit.need("get", 1, arguments.length);
      name = scalar(name);
      for (let at = 0; at < this.#list.length; at++) if (this.#list[at][0] === name) return this.#list[at][1];
      return null;
    }

    getAll(name) {
      kit.need("getAll", 1, arguments.length);
      name = scalar(name);
      const found = [];
      for (let at = 0; at < this.#list.length; at++) if (this.#list[at][0] === name) push(found, this.#list[at][1]);
      return found;
    }

    has(name) {
      kit.need("has", 1, arguments.length);
      name = scalar(name);
      for (let at = 0; at < this.#list.length; at++) if (this.#list[at][0] === name) return true;
      return false;
    }

    set(name, value, filename = undefined) {
      kit.need("set", 2, arguments.length);
      name = scalar(name);
      const pair = [name, entry(value, filename, arguments.length)];
      const kept = [];
      let placed = false;
      for (let at = 0; at < this.#list.length; at++) {
        if (this.#list[at][0] !== name) push(kept, this.#list[at]);
        else if (!placed) { placed = true; push(kept, pair); }
      }
      if (!placed) push(kept, pair);
      this.#list = kept;
    }
  }

  function entry(value, filename, given) {
    if (!kit.isBlob(value)) {
      if (given > 2) throw new TypeError("FormData: only a Blob has a file name");
      return scalar(value);
    }
    if (kit.isFile(value) && filename === undefined) return value;
    const name = filename !== undefined ? scalar(filename) : "blob";
    const time = kit.isFile(value) ? { lastModified: fileTime(value) } : undefined;
    return restore(new File([], name, time), bytesIn(value), blobType(value));
  }

  // multipart/form-data.
  kit.multipart = function (form, boundary) {
    const escape = (name) =>
      replaceAll(replaceAll(replaceAll(name, "\n", "%0A"), "\r", "%0D"), '"', "%22");
    const lines = (text) => replaceAll(replaceAll(replaceAll(text, "\r\n", "\n"), "\r", "\n"), "\n", "\r\n");
    const chunks = [];
    const list = kit.formList(form);
    for (let at = 0; at < list.length; at++) {
      const name = list[at][0], value = list[at][1];
      let head = `--${boundary}\r\nContent-Disposition: form-data; name="${escape(lines(name))}"`;
      if (typeof value === "string") {
        push(chunks, utf8Encode(`${head}\r\n\r\n${lines(value)}\r\n`));
      } else {
        head += `; filename="${escape(fileName(value))}"\r\nContent-Type: ${blobType(value) || "application/octet-stream"}`;
        push(chunks, utf8Encode(`${head}\r\n\r\n`), bytesIn(value), utf8Encode("\r\n"));
      }
    }
    push(chunks, utf8Encode(`--${boundary}--\r\n`));
    return concat(chunks);
  };

  kit.pairs(FormData, kit.formList);
  kit.idl(Blob);
  kit.idl(File);
  kit.idl(FormData);
});
