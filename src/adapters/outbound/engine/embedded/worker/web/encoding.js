// TextEncoder and TextDecoder.
(function (kit, host) {
  "use strict";

  const { utf8Encode, utf8Prefix, decode, scalar, lower, bytesOf, mapGet } = kit;
  const trim = kit.uncurry(String.prototype.trim);
  const charCode = kit.uncurry(String.prototype.charCodeAt);
  const wellFormed = kit.uncurry(String.prototype.toWellFormed);

  // The labels of the encodings on offer. As the Encoding Standard has it, what calls itself ASCII or Latin-1 is
  // windows-1252.
  const labels = new Map();
  for (const [name, list] of Object.entries({
    "utf-8": "unicode-1-1-utf-8 unicode11utf8 unicode20utf8 utf-8 utf8 x-unicode20utf8",
    "utf-16le": "csunicode iso-10646-ucs-2 ucs-2 unicode unicodefeff utf-16 utf-16le",
    "utf-16be": "unicodefffe utf-16be",
    "windows-1252": "ansi_x3.4-1968 ascii cp1252 cp819 csisolatin1 ibm819 iso-8859-1 iso-ir-100 iso8859-1 iso88591 "
      + "iso_8859-1 iso_8859-1:1987 l1 latin1 us-ascii windows-1252 x-cp1252",
  })) for (const label of list.split(" ")) labels.set(label, name);

  class TextEncoder {
    #brand = true;
    get encoding() { return this.#brand && "utf-8"; }
    encode(input = "") {
      void this.#brand;
      return utf8Encode(scalar(input));
    }
    encodeInto(source, destination) {
      void this.#brand;
      kit.need("encodeInto", 2, arguments.length);
      source = kit.text(source);
      if (!kit.isView(destination) || kit.typedTag(destination) !== "Uint8Array") {
        throw new TypeError("encodeInto: the destination is not a Uint8Array");
      }
      // A byte holds at most one unit, so that no more of the source can matter.
      const room = kit.typedLength(destination);
      let units = source.length < room ? source.length : room;
      if (units > 0 && units < source.length && (charCode(source, units - 1) & 0xfc00) === 0xd800) units++;
      const [bytes, read] = utf8Prefix(wellFormed(kit.slice(source, 0, units)), room);
      kit.bytesSet(destination, bytes, 0);
      return { read, written: kit.typedLength(bytes) };
    }
  }

  const BOM = "\ufeff";

  class TextDecoder {
    #encoding; #fatal; #ignoreBOM; #left = []; #begun = false;

    constructor(label = "utf-8", options = undefined) {
      const name = mapGet(labels, lower(trim(kit.text(label))));
      if (name === undefined) {
        throw new RangeError(`The encoding '${kit.text(label)}' is not offered (utf-8, utf-16le, utf-16be, windows-1252 are)`);
      }
      this.#encoding = name;
      this.#fatal = Boolean(options?.fatal);
      this.#ignoreBOM = Boolean(options?.ignoreBOM);
    }

    get encoding() { return this.#encoding; }
    get fatal() { return this.#fatal; }
    get ignoreBOM() { return this.#ignoreBOM; }

    decode(input = undefined, options = undefined) {
      const stream = Boolean(options?.stream);
      let bytes = input === undefined ? kit.copyOf(0) : bytesOf(input);
      if (bytes === undefined) throw new TypeError("decode: the input is not an ArrayBuffer or a view of one");
      if (this.#left.length > 0) bytes = kit.concat([kit.copyOf(this.#left), bytes]);
      this.#left = [];
      const begun = this.#begun;
      if (!stream) this.#begun = false;
      const decoded = decode(this.#encoding, bytes, this.#fatal, !stream);
      if (decoded === undefined) {
        this.#begun = false;
        throw new TypeError(`The encoded data was not valid for encoding ${this.#encoding}`);
      }
      let text = decoded[0];
      for (let at = kit.typedLength(bytes) - decoded[1]; at < kit.typedLength(bytes); at++) {
        kit.push(this.#left, bytes[at]);
      }
      if (text.length > 0 && stream) this.#begun = true;
      if (!begun && !this.#ignoreBOM && this.#encoding !== "windows-1252" && text[0] === BOM) text = kit.slice(text, 1);
      return text;
    }
  }

  kit.utf8 = (bytes) => {
    const text = decode("utf-8", bytes, false, true)[0];
    return text[0] === BOM ? kit.slice(text, 1) : text;
  };

  kit.idl(TextEncoder);
  kit.idl(TextDecoder);
});
