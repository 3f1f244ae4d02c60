// crypto: randomness, digests and HMAC. The bytes come from the seed that the host sends with each call.
(function (kit, host) {
  "use strict";

  const { entropy } = host;
  const { digest, hmac, bytesOf, copyOf, text, push } = kit;
  const toHex = kit.uncurry(Uint8Array.prototype.toHex);
  const fromBase64 = Uint8Array.fromBase64;
  const toBase64 = kit.uncurry(Uint8Array.prototype.toBase64);
  const upper = kit.uncurry(String.prototype.toUpperCase);
  const HASHES = { __proto__: null, "SHA-1": 64, "SHA-256": 64, "SHA-384": 128, "SHA-512": 128 };
  const USAGES = { __proto__: null, sign: true, verify: true };
  const QUOTA = 65536;

  function hashOf(algorithm) {
    const named = algorithm !== null && typeof algorithm === "object" ? algorithm.name : algorithm;
    const name = upper(text(named));
    if (HASHES[name] === undefined) {
      throw kit.fail("NotSupportedError", `the hash '${name}' is not offered (SHA-1, SHA-256, SHA-384, SHA-512 are)`);
    }
    return name;
  }

  function hmacOf(algorithm) {
    const named = algorithm !== null && typeof algorithm === "object" ? algorithm.name : algorithm;
    if (upper(text(named)) !== "HMAC") {
      throw kit.fail("NotSupportedError", `the algorithm '${text(named)}' is not offered (HMAC is)`);
    }
  }

  function bytes(source, what) {
    const found = bytesOf(source);
    if (found === undefined) throw new TypeError(`${what}: the data is not an ArrayBuffer or a view of one`);
    return found;
  }

  const key = {};
  let secretOf, makeKey;

  class CryptoKey {
    #secret; #algorithm; #extractable; #usages;

    static {
      secretOf = (object) => object.#secret;
      kit.isKey = (value) => value !== null && typeof value === "object" && #secret in value;
      makeKey = (secret, hash, extractable, usages) => {
        const made = new CryptoKey(key);
        made.#secret = secret;
        made.#algorithm = { name: "HMAC", hash: { name: hash }, length: kit.typedLength(secret) * 8 };
        made.#extractable = extractable;
        made.#usages = usages;
        return made;
      };
    }

    constructor(token = undefined) { if (token !== key) throw new TypeError("Illegal constructor"); }
    get type() { void this.#secret; return "secret"; }
    get extractable() { return this.#extractable; }
    get algorithm() { return this.#algorithm; }
    get usages() { return this.#usages; }

    static {
      kit.keyMay = (object, usage) => {
        for (let at = 0; at < object.#usages.length; at++) if (object.#usages[at] === usage) return true;
        return false;
      };
      kit.keyHash = (object) => object.#algorithm.hash.name;
      kit.keyExtractable = (object) => object.#extractable;
    }
  }

  function usagesOf(list) {
    const usages = [];
    for (const one of list) {
      const usage = text(one);
      if (USAGES[usage] !== true) throw kit.fail("SyntaxError", `an HMAC key has no usage '${usage}'`);
      push(usages, usage);
    }
    if (usages.length === 0) throw kit.fail("SyntaxError", "a secret key needs a usage");
    return usages;
  }

  function usable(object, usage) {
    if (!kit.isKey(object)) throw new TypeError(`${usage}: the key is not a CryptoKey`);
    if (!kit.keyMay(object, usage)) throw kit.fail("InvalidAccessError", `the key is not for '${usage}'`);
  }

  class SubtleCrypto {
    constructor(token = undefined) { if (token !== key) throw new TypeError("Illegal constructor"); }

    async digest(algorithm, data) {
      kit.need("digest", 2, arguments.length);
      return digest(hashOf(algorithm), bytes(data, "digest"));
    }

    async importKey(format, data, algorithm, extractable, usages) {
      kit.need("importKey", 5, arguments.length);
      hmacOf(algorithm);
      const hash = hashOf(algorithm?.hash);
      const allowed = usagesOf(usages);
      let secret;
      if (format === "raw") secret = copyOf(bytes(data, "importKey"));
      else if (format === "jwk" && data !== null && typeof data === "object" && data.kty === "oct") {
        secret = fromBase64(text(data.k), { alphabet: "base64url" });
      } else throw kit.fail("NotSupportedError", "a key is imported as 'raw' or as a 'jwk' of type oct");
      if (kit.typedLength(secret) === 0) throw kit.fail("DataError", "the key is empty");
      return makeKey(secret, hash, Boolean(extractable), allowed);
    }

    async exportKey(format, object) {
      kit.need("exportKey", 2, arguments.length);
      if (!kit.isKey(object)) throw new TypeError("exportKey: the key is not a CryptoKey");
      if (!kit.keyExtractable(object)) throw kit.fail("InvalidAccessError", "the key is not extractable");
      if (format === "raw") return kit.bufferOf(copyOf(secretOf(object)));
      if (format !== "jwk") throw kit.fail("NotSupportedError", "a key is exported as 'raw' or 'jwk'");
      const k = toBase64(secretOf(object), { alphabet: "base64url", omitPadding: true });
      return { kty: "oct", k, alg: `HS${kit.slice(kit.keyHash(object), 4)}`, ext: true, key_ops: object.usages };
    }

    async generateKey(algorithm, extractable, usages) {
      kit.need("generateKey", 3, arguments.length);
      hmacOf(algorithm);
      const hash = hashOf(algorithm?.hash);
      const allowed = usagesOf(usages);
      const bits = algorithm.length === undefined ? HASHES[hash] * 8 : Number(algorithm.length);
      if (!(bits > 0 && bits % 8 === 0 && bits <= QUOTA * 8)) {
        throw kit.fail("OperationError", "the key's length is a positive multiple of 8 bits");
      }
      return makeKey(copyOf(entropy(bits / 8)), hash, Boolean(extractable), allowed);
    }

    async sign(algorithm, object, data) {
      kit.need("sign", 3, arguments.length);
      hmacOf(algorithm);
      usable(object, "sign");
      return hmac(kit.keyHash(object), secretOf(object), bytes(data, "sign"));
    }

    async verify(algorithm, object, signature, data) {
      kit.need("verify", 4, arguments.length);
      hmacOf(algorithm);
      usable(object, "verify");
      const given = bytes(signature, "verify");
      const right = bytesOf(hmac(kit.keyHash(object), secretOf(object), bytes(data, "verify")));
      if (kit.typedLength(given) !== kit.typedLength(right)) return false;
      let different = 0;
      for (let at = 0; at < kit.typedLength(right); at++) different |= given[at] ^ right[at];
      return different === 0;
    }
  }

  const subtle = new SubtleCrypto(key);
  const INTEGERS = { __proto__: null, Int8Array: 1, Uint8Array: 1, Uint8ClampedArray: 1, Int16Array: 2, Uint16Array: 2,
    Int32Array: 4, Uint32Array: 4, BigInt64Array: 8, BigUint64Array: 8 };

  class Crypto {
    #subtle = subtle;
    constructor(token = undefined) { if (token !== key) throw new TypeError("Illegal constructor"); }

    get subtle() { return this.#subtle; }

    getRandomValues(array) {
      void this.#subtle;
      kit.need("getRandomValues", 1, arguments.length);
      if (!kit.isView(array) || INTEGERS[kit.typedTag(array)] === undefined) {
        throw kit.fail("TypeMismatchError", "getRandomValues: the argument is not an array of integers");
      }
      const into = bytesOf(array);
      const count = kit.typedLength(into);
      if (count > QUOTA) {
        throw kit.fail("QuotaExceededError", `getRandomValues: at most ${QUOTA} bytes at once`);
      }
      kit.bytesSet(into, entropy(count), 0);
      return array;
    }

    randomUUID() {
      void this.#subtle;
      const raw = entropy(16);
      raw[6] = (raw[6] & 0x0f) | 0x40;
      raw[8] = (raw[8] & 0x3f) | 0x80;
      const hex = toHex(raw);
      const part = (from, to) => kit.slice(hex, from, to);
      return `${part(0, 8)}-${part(8, 12)}-${part(12, 16)}-${part(16, 20)}-${part(20, 32)}`;
    }
  }

  kit.random = () => toHex(entropy(12));
  kit.idl(CryptoKey);
  kit.idl(SubtleCrypto);
  kit.idl(Crypto);
  const crypto = new Crypto(key);
  Object.defineProperty(globalThis, "crypto", {
    get: () => crypto,
    set(value) { kit.expose("crypto", value, true); },
    enumerable: true,
    configurable: true,
  });
});
