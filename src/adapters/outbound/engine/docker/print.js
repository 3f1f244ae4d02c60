// Makes lines of log of all that is printed through Node's own ways: `console`, `process.stdout` and
// `process.stderr`. What goes past them is caught outside, where its level and its order are not known.
(function (log) {
  "use strict";

  const { Console } = require("node:console");
  const { Writable } = require("node:stream");
  const { apply } = Reflect;
  const { defineProperty, keys } = Object;
  const uncurry = Function.prototype.bind.bind(Function.prototype.call);
  const endsWith = uncurry(String.prototype.endsWith);
  const slice = uncurry(String.prototype.slice);
  const find = uncurry(String.prototype.indexOf);
  const text = String;
  const DEBUG = 0, INFO = 1, WARNING = 3, ERROR = 4;
  const LEVELS = { __proto__: null, debug: DEBUG, trace: DEBUG, warn: WARNING, error: ERROR, assert: ERROR };

  // A console of Node's own, whose lines come here at the level of the method that was called.
  let level = INFO;
  const line = {
    write: (written) => log(level, endsWith(written, "\n") ? slice(written, 0, -1) : written, false),
  };
  const inner = new Console({ stdout: line, stderr: line, ignoreErrors: false });
  for (const name of keys(inner)) {
    const method = inner[name];
    if (typeof method !== "function") continue;
    const own = LEVELS[name];
    globalThis.console[name] = (...args) => {
      const before = level;
      if (own !== undefined) level = own;
      try {
        return apply(method, inner, args);
      } finally {
        level = before;
      }
    };
  }

  const unfinished = [];

  function sink(at) {
    const mine = unfinished.length;
    unfinished[mine] = { at, text: "" };
    return new Writable({
      decodeStrings: false,
      write(chunk, encoding, done) {
        let rest = unfinished[mine].text + (typeof chunk === "string" ? chunk : text(chunk));
        for (let end = find(rest, "\n"); end >= 0; end = find(rest, "\n")) {
          log(at, slice(rest, 0, end), false);
          rest = slice(rest, end + 1);
        }
        unfinished[mine].text = rest;
        done();
      },
    });
  }

  for (const [name, at, fd] of [["stdout", INFO, 1], ["stderr", WARNING, 2]]) {
    const stream = sink(at);
    stream.fd = fd;
    defineProperty(process, name, { value: stream, configurable: true, enumerable: true, writable: true });
  }

  // Logs what has no end of line yet.
  return () => {
    for (let n = 0; n < unfinished.length; n++) {
      if (unfinished[n].text !== "") log(unfinished[n].at, unfinished[n].text, false);
      unfinished[n].text = "";
    }
  };
});
