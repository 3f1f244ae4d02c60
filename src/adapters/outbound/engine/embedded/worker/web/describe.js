// How `console` shows objects of the platform: by what they hold, as it shows plain ones.
(function (kit, host) {
  "use strict";

  const { inspect, push, join } = kit;
  const toHex = kit.uncurry(Uint8Array.prototype.toHex);
  const { Buffer } = globalThis;
  const pairsOf = (list) => {
    const shown = [];
    for (let at = 0; at < list.length && at < 100; at++) push(shown, `${inspect(list[at][0])} => ${inspect(list[at][1])}`);
    if (list.length > 100) push(shown, `... ${list.length - 100} more items`);
    return shown.length === 0 ? "{}" : `{ ${join(shown, ", ")} }`;
  };
  const hexOf = (bytes) => {
    const length = kit.typedLength(bytes);
    const hex = toHex(length > 50 ? kit.bytesSub(bytes, 0, 50) : bytes);
    const shown = [];
    for (let at = 0; at < hex.length; at += 2) push(shown, kit.slice(hex, at, at + 2));
    return `<Buffer${shown.length === 0 ? "" : ` ${join(shown, " ")}`}${length > 50 ? ` ... ${length - 50} more bytes` : ""}>`;
  };

  // The kinds, and how to see what one holds; a subclass comes before its class.
  const kinds = [
    [kit.isURL, (url) => `URL ${inspect({ href: kit.urlText(url) })}`],
    [kit.isParams, (params) => `URLSearchParams ${pairsOf(kit.paramsList(params))}`],
    [kit.isHeaders, (headers) => `Headers ${pairsOf(kit.headerPairs(headers))}`],
    [kit.isForm, (form) => `FormData ${pairsOf(kit.formList(form))}`],
    [kit.isFile, (file) => `File ${inspect({ name: kit.fileName(file), size: sizeOf(file), type: kit.blobType(file) })}`],
    [kit.isBlob, (blob) => `Blob ${inspect({ size: sizeOf(blob), type: kit.blobType(blob) })}`],
    [kit.isRequest, (request) => {
      const { method, url } = kit.requestParts(request);
      return `Request ${inspect({ method, url })}`;
    }],
    [kit.isResponse, (response) => `Response ${inspect({ status: kit.statusOf(response) })}`],
    [kit.isSignal, (signal) => `AbortSignal ${inspect({ aborted: kit.isAborted(signal) })}`],
    [(value) => kit.isView(value) && Buffer.isBuffer(value), (buffer) => hexOf(kit.bytesOf(buffer))],
  ];
  const sizeOf = (blob) => kit.typedLength(kit.blobBytes(blob));

  kit.describe = function (value) {
    for (let at = 0; at < kinds.length; at++) {
      if (kinds[at][0](value)) return kinds[at][1](value);
    }
    return undefined;
  };
});
