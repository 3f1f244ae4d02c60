// Runs one call in a container: what the worker of the embedded engine is there, in Node.
//
// A function of (core, print, fetch, seal): the first three are the files of these names, `seal` is what the first frame
// is sealed with. Frames are `u32le length | u8 kind | seal | body` on descriptor 3; the seal of every frame but
// the first is the nonce that comes in before the request, and stays in here. All that is needed of the realm
// is captured before any code that nobody trusts is there.
(function (core, print, fetch, seal) {
  "use strict";

  const fs = require("node:fs");
  const { Socket } = require("node:net");
  const { Script } = require("node:vm");
  const uncurry = Function.prototype.bind.bind(Function.prototype.call);
  const { apply, getOwnPropertyDescriptor, getPrototypeOf } = Reflect;
  const { create, defineProperty } = Object;
  const { parse, stringify } = JSON;
  const { wait } = Atomics;
  const Bytes = Uint8Array;
  const Words = Int32Array;
  const Shared = SharedArrayBuffer;
  const AsyncFunction = (async () => {}).constructor;
  const PromiseType = Promise;
  const RangeErrorType = RangeError;
  const later = setImmediate;
  const process = globalThis.process;
  const { reallyExit } = process;
  const { writeSync } = fs;
  const typed = getPrototypeOf(Bytes.prototype);
  const typedSet = uncurry(typed.set);
  const typedSlice = uncurry(typed.subarray);
  const typedLength = uncurry(getOwnPropertyDescriptor(typed, "length").get);
  const encode = uncurry(TextEncoder.prototype.encode);
  const decode = uncurry(TextDecoder.prototype.decode);
  const encoder = new TextEncoder();
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  const split = uncurry(String.prototype.split);
  const slice = uncurry(String.prototype.slice);
  const match = uncurry(RegExp.prototype.exec);
  const socketRef = uncurry(Socket.prototype.ref);
  const socketUnref = uncurry(Socket.prototype.unref);

  const HEADER = 5;
  const SEAL = 16;
  const MAX_CALL_BODY = 4 << 20;
  const MAX_MESSAGE = 8 << 10;
  const REQUESTS = { __proto__: null, fetch: 0, secret: 1, tool_call: 2, tool_list: 3, input: 4 };
  // What V8 puts before the body of a function that is made from text.
  const LINES_BEFORE_BODY = 2;
  // A place in the tool's own code, or in code that it made itself: then where it did.
  const PLACE = /eval at start \([^()]*\), <anonymous>:(\d+):(\d+)/;
  // What V8 and Node throw where memory does not suffice, or a value would be larger than any memory limit allows.
  const TOO_LARGE = /^RangeError: (?:Invalid (?:string|array buffer|typed array) length|Array buffer allocation failed|Maximum BigInt size exceeded|WebAssembly\.Memory\(\): could not allocate)|^DataCloneError: .*out of memory|^Worker terminated due to reaching memory limit/;

  // ---- frames out

  function write(bytes) {
    for (let at = 0; at < typedLength(bytes);) {
      try {
        at += writeSync(3, bytes, at, typedLength(bytes) - at);
      } catch (error) {
        // A pipe that is full for now, where code has made it one that doesn't wait.
        if (error.code !== "EAGAIN") apply(reallyExit, process, [1]);
      }
    }
  }

  function send(kind, body, first) {
    const bytes = typeof body === "string" ? encode(encoder, body) : body;
    const ahead = first === undefined ? 0 : typedLength(first);
    const length = SEAL + ahead + typedLength(bytes);
    const frame = new Bytes(HEADER + length);
    put32(frame, 0, length);
    frame[4] = kind;
    typedSet(frame, seal, HEADER);
    if (ahead > 0) typedSet(frame, first, HEADER + SEAL);
    typedSet(frame, bytes, HEADER + SEAL + ahead);
    write(frame);
  }

  function put32(bytes, at, value) {
    for (let n = 0; n < 4; n++) bytes[at + n] = value >>> (8 * n);
  }

  const get32 = (bytes, at) =>
    bytes[at] + bytes[at + 1] * 0x100 + bytes[at + 2] * 0x10000 + bytes[at + 3] * 0x1000000;
  const get64 = (bytes, at) => get32(bytes, at) + get32(bytes, at + 4) * 0x100000000;
  const text = (bytes, from, to) => decode(decoder, typedSlice(bytes, from, to));

  // ---- what the call may use, and has used

  const limits = create(null);
  let logged = 0, dropped = 0, reported = false, progressed = 0, calls = 0, awaited = 0, over = false;

  // Each line costs its bytes and one more.
  function log(level, line, json) {
    if (over) return;
    const bytes = encode(encoder, line);
    const length = typedLength(bytes);
    const room = limits.logs - logged;
    if (length < room) {
      logged += length + 1;
      send(0x4c, bytes, head(level, json));
      return;
    }
    let kept = room > 0 ? room - 1 : 0;
    while (kept > 0 && (bytes[kept] & 0xc0) === 0x80) kept--;
    logged = limits.logs;
    if (kept > 0) send(0x4c, typedSlice(bytes, 0, kept), head(level, false));
    dropped += length - kept + 1;
    if (!reported) {
      reported = true;
      reportDropped();
    }
  }

  function head(level, json) {
    const bytes = new Bytes(2);
    bytes[0] = level;
    bytes[1] = json ? 1 : 0;
    return bytes;
  }

  function reportDropped() {
    if (dropped === 0) return;
    const bytes = new Bytes(8);
    put32(bytes, 0, dropped % 0x100000000);
    put32(bytes, 4, dropped / 0x100000000);
    dropped = 0;
    send(0x4f, bytes);
  }

  const host = {
    log,
    progress(json) {
      if (over || progressed >= limits.calls) return;
      progressed++;
      send(0x50, json);
    },
    send(kind, body) {
      const bytes = encode(encoder, body);
      if (typedLength(bytes) > MAX_CALL_BODY) {
        throw new RangeErrorType("the request to the host is over 4 MiB");
      }
      if (over || calls >= limits.calls) return 0;
      calls++;
      const first = new Bytes(5);
      put32(first, 0, calls);
      first[4] = REQUESTS[kind];
      send(0x43, bytes, first);
      // Whoever waits for the host has something to wait for.
      if (awaited++ === 0) socketRef(input);
      return calls;
    },
  };

  // ---- outcomes

  // The one frame that counts, and nothing after it: the host ends what is left.
  function finish(kind, body) {
    if (over) return;
    flush();
    over = true;
    reportDropped();
    send(kind, body);
    wait(new Words(new Shared(4)), 0, 0, 10_000);
    apply(reallyExit, process, [0]);
  }

  function fail(code, message, location, details) {
    const failure = create(null);
    failure.code = code;
    failure.message = clip(message);
    failure.location = location === undefined ? null : location;
    failure.details = details === undefined ? null : details;
    finish(0x45, stringify(failure));
  }

  function failWith(thrown) {
    if (over) return;
    let parts;
    try {
      parts = hooks.describe(thrown);
    } catch {
      fail("tool_error", "the tool threw a value that can't be described");
      return;
    }
    const message = parts[0], stack = parts[1], name = parts[2], refusal = parts[3];
    if (match(TOO_LARGE, message) !== null) {
      fail("memory_exceeded", "the call used more memory than it may");
      return;
    }
    fail(refusal === "" ? "tool_error" : refusal, message, placeOf(stack), nameOf(name));
  }

  function nameOf(name) {
    if (name === "") return undefined;
    const details = create(null);
    details.name = clip(name);
    return details;
  }

  function clip(message) {
    const bytes = encode(encoder, message);
    if (typedLength(bytes) <= MAX_MESSAGE) return message;
    let kept = MAX_MESSAGE;
    while ((bytes[kept] & 0xc0) === 0x80) kept--;
    return `${text(bytes, 0, kept)}…`;
  }

  let code = "";

  function placeOf(stack) {
    const found = match(PLACE, stack);
    return found === null ? undefined : place(+found[1] - LINES_BEFORE_BODY, +found[2]);
  }

  // A place as people count: V8 counts columns in UTF-16 units, and finds that something is missing beyond
  // the last line.
  function place(line, column) {
    const lines = split(code, "\n");
    const number = line > lines.length ? lines.length : line;
    if (number < 1) return undefined;
    const whole = lines[number - 1];
    const before = line > lines.length ? whole : slice(whole, 0, column - 1);
    let characters = 0;
    for (let at = 0; at < before.length; at++) {
      // The second half of a pair is no character of its own.
      if ((before.charCodeAt(at) & 0xfc00) !== 0xdc00) characters++;
    }
    const found = create(null);
    found.line = number;
    found.column = characters + 1;
    return found;
  }

  // Where code can't be parsed: the constructor of functions doesn't say, a script does. It is never run.
  function syntaxPlace() {
    try {
      new Script(`(async function (args, ctx) {\n${code}\n})`, { filename: "tool" });
    } catch (error) {
      const lines = split(error.stack, "\n");
      const line = match(/^tool:(\d+)$/, lines[0]);
      const caret = match(/^(\s*)\^/, lines[2]);
      if (line !== null) return place(+line[1] - 1, caret === null ? 1 : caret[1].length + 1);
    }
    return place(1, 1);
  }

  // ---- one request

  function run(body) {
    limits.output = get64(body, 8);
    limits.logs = get64(body, 16);
    limits.calls = get32(body, 24);
    let at = 60;
    const next = () => {
      const end = at + 4 + get32(body, at);
      const found = text(body, at + 4, end);
      at = end;
      return found;
    };
    const about = next();
    code = next();
    let args;
    try {
      args = parse(text(body, at));
    } catch (error) {
      fail("invalid_input", `the arguments are not JSON: ${error.message}`);
      return;
    }
    // Only what the code waits for keeps it going from here on.
    socketUnref(input);
    let main;
    try {
      main = hooks.start(code, args, about);
    } catch (error) {
      const details = nameOf(error.name);
      fail("tool_error", `${error.name}: ${error.message}`, syntaxPlace(), details);
      return;
    }
    settle(main);
  }

  async function settle(main) {
    // What a promise is awaited by must not be what code has made of it.
    defineProperty(main, "constructor", { __proto__: null, value: PromiseType });
    let value, thrown, threw = false;
    try {
      value = await main;
    } catch (error) {
      threw = true;
      thrown = error;
    }
    // After the promises that were rejected unheard.
    later(() => {
      if (threw) failWith(thrown);
      else answer(value);
    });
  }

  function answer(value) {
    let rich, json;
    try {
      rich = hooks.isRich(value);
      json = hooks.encode(value);
    } catch (error) {
      failWith(error);
      return;
    }
    const bytes = encode(encoder, json);
    const length = typedLength(bytes);
    if (length > limits.output) {
      const details = create(null);
      details.bytes = length;
      details.limit = limits.output;
      const may = `the result has ${length} bytes of JSON, and may have ${limits.output}`;
      fail("output_too_large", may, undefined, details);
      return;
    }
    finish(rich ? 0x4b : 0x44, bytes);
  }

  function check(body) {
    code = text(body, 0);
    try {
      new AsyncFunction("args", "ctx", code);
    } catch (error) {
      const verdict = create(null);
      verdict.message = clip(`${error.message}`);
      verdict.location = syntaxPlace();
      finish(0x4e, stringify(verdict));
      return;
    }
    finish(0x59, "");
  }

  function reply(body) {
    if (--awaited === 0) socketUnref(input);
    hooks.deliver(get32(body, 0), body[4] === 1, text(body, 5));
  }

  function hear(kind, body) {
    switch (kind) {
      case 0x51: case 0x46: run(body); break;
      case 0x53: check(body); break;
      case 0x52: reply(body); break;
      case 0x41: hooks.abort("the call was cancelled"); break;
    }
  }

  // ---- frames in

  let heard = new Bytes(0), nonce = false;

  function take(chunk) {
    if (typedLength(heard) > 0) {
      const both = new Bytes(typedLength(heard) + typedLength(chunk));
      typedSet(both, heard, 0);
      typedSet(both, chunk, typedLength(heard));
      heard = both;
    } else {
      heard = chunk;
    }
    if (!nonce) {
      if (typedLength(heard) < SEAL) return;
      seal = new Bytes(typedSlice(heard, 0, SEAL));
      heard = typedSlice(heard, SEAL);
      nonce = true;
    }
    for (;;) {
      const there = typedLength(heard);
      if (there < HEADER) return;
      const end = HEADER + get32(heard, 0);
      if (there < end) return;
      const kind = heard[4], body = typedSlice(heard, HEADER, end);
      heard = typedSlice(heard, end);
      hear(kind, body);
    }
  }

  fs.rmSync("/tmp/.input", { force: true });
  if (fs.existsSync("/deps/node_modules")) {
    fs.symlinkSync("/deps/node_modules", "/workspace/node_modules");
  }
  const hooks = core(host);
  hooks.seal();
  fetch(host.request);
  const flush = print(log);
  process.setUncaughtExceptionCaptureCallback(failWith);
  process.on("unhandledRejection", failWith);
  process.on("beforeExit", () => {
    fail("never_settled", "the tool's promise can never settle: no timer, request or job is pending");
  });
  const input = new Socket({ fd: 0, readable: true, writable: false });
  input.on("data", take);
  input.on("close", () => apply(reallyExit, process, [0]));
  seal = encode(encoder, seal);
  send(0x48, "{}");
});
