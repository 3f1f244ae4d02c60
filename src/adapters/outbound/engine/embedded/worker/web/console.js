// console: each line goes to the call's log.
(function (kit, host) {
  "use strict";

  const { inspect, push, join, slice, mapGet, mapSet, mapDelete, mapHas, uncurry } = kit;
  const { log, now } = host;
  const { stringify } = JSON;
  const { ownKeys, getOwnPropertyDescriptor } = Reflect;
  const { isArray } = Array;
  const find = uncurry(String.prototype.indexOf);
  const replaceAll = uncurry(String.prototype.replaceAll);
  const repeat = uncurry(String.prototype.repeat);
  const fixed = uncurry(Number.prototype.toFixed);
  const integer = parseInt;
  const float = parseFloat;
  const DEBUG = 0, INFO = 1, WARNING = 3, ERROR = 4;
  const MAX_ROWS = 100;

  let indent = 0;
  const counts = new Map();
  const times = new Map();

  // A line's text; printf-like where the first argument is a string that asks for it.
  function format(args) {
    const parts = [];
    let next = 0;
    if (typeof args[0] === "string" && args.length > 1 && find(args[0], "%") >= 0) {
      next = 1;
      const template = args[0];
      let from = 0;
      for (let at = find(template, "%"); at >= 0; at = find(template, "%", at)) {
        const mark = template[at + 1];
        const shown = mark === "%" ? "%" : next < args.length ? directive(mark, args[next]) : undefined;
        if (shown === undefined) { at++; continue; }
        if (mark !== "%") next++;
        push(parts, slice(template, from, at), shown);
        from = at = at + 2;
      }
      push(parts, slice(template, from));
      parts.length = replaceWithOne(parts);
    }
    for (; next < args.length; next++) push(parts, inspect(args[next], false));
    return join(parts, " ");
  }

  function replaceWithOne(parts) {
    parts[0] = join(parts, "");
    return 1;
  }

  function directive(mark, value) {
    switch (mark) {
      case "s": return typeof value === "object" || typeof value === "function" ? inspect(value, false, 0)
        : inspect(value, false);
      case "d": return typeof value === "object" || typeof value === "symbol" ? "NaN"
        : typeof value === "bigint" ? `${value}n` : `${+value}`;
      case "i": return typeof value === "object" || typeof value === "symbol" ? "NaN"
        : typeof value === "bigint" ? `${value}n` : `${integer(value)}`;
      case "f": return typeof value === "symbol" || typeof value === "object" ? "NaN" : `${float(value)}`;
      case "j": try { return stringify(value) ?? "undefined"; } catch { return "[Circular]"; }
      case "o": case "O": return inspect(value, true, 4);
      case "c": return "";
      default: return undefined;
    }
  }

  function write(level, text) {
    if (indent > 0) {
      const margin = repeat("  ", indent < 64 ? indent : 64);
      text = margin + replaceAll(text, "\n", () => `\n${margin}`);
    }
    log(level, text);
  }

  const nameOf = (label) => label === undefined ? "default" : kit.text(label);

  // A table's cells: rows by index or key, columns in the order in which they turn up.
  function table(data, only) {
    const rows = entriesOf(data);
    const columns = [];
    const known = new Map();
    let plain = false;
    const lines = [];
    for (let at = 0; at < rows.length; at++) {
      const cells = new Map();
      const row = { index: rows[at][0], cells, value: undefined };
      const value = rows[at][1];
      if (value !== null && typeof value === "object") {
        const inner = entriesOf(value);
        for (let one = 0; one < inner.length; one++) {
          const key = inner[one][0];
          if (!mapHas(known, key)) {
            if (columns.length >= MAX_ROWS) continue;
            mapSet(known, key, true);
            push(columns, key);
          }
          mapSet(cells, key, inspect(inner[one][1], true, 0));
        }
      } else {
        plain = true;
        row.value = inspect(value);
      }
      push(lines, row);
    }
    const heads = only ?? columns;
    const grid = [["(index)"]];
    for (let at = 0; at < heads.length; at++) push(grid[0], heads[at]);
    if (plain && only === undefined) push(grid[0], "Values");
    for (let at = 0; at < lines.length; at++) {
      const line = [lines[at].index];
      for (let one = 0; one < heads.length; one++) push(line, mapGet(lines[at].cells, heads[one]) ?? "");
      if (plain && only === undefined) push(line, lines[at].value ?? "");
      push(grid, line);
    }
    return draw(grid);
  }

  function entriesOf(object) {
    const list = [];
    if (kit.isMap(object)) {
      kit.mapEach(object, (value, key) => {
        if (list.length < MAX_ROWS) push(list, [kit.text(list.length), [key, value]]);
      });
      return list;
    }
    if (kit.isSet(object)) {
      kit.setEach(object, (value) => { if (list.length < MAX_ROWS) push(list, [kit.text(list.length), value]); });
      return list;
    }
    const count = isArray(object) ? object.length : -1;
    const keys = count < 0 ? ownKeys(object) : undefined;
    for (let at = 0; at < (count < 0 ? keys.length : count) && list.length < MAX_ROWS; at++) {
      const key = count < 0 ? keys[at] : `${at}`;
      if (typeof key !== "string") continue;
      const own = getOwnPropertyDescriptor(object, key);
      if (own === undefined || !own.enumerable) continue;
      push(list, [key, own.get === undefined ? own.value : undefined]);
    }
    return list;
  }

  function draw(grid) {
    const widths = [];
    for (let row = 0; row < grid.length; row++) {
      for (let at = 0; at < grid[row].length; at++) {
        const { length } = grid[row][at];
        if (row === 0) push(widths, length);
        else if (length > widths[at]) widths[at] = length;
      }
    }
    const rule = (left, middle, right) => {
      const bars = [];
      for (let at = 0; at < widths.length; at++) push(bars, repeat("─", widths[at] + 2));
      return left + join(bars, middle) + right;
    };
    const line = (cells) => {
      const shown = [];
      for (let at = 0; at < widths.length; at++) {
        push(shown, ` ${cells[at]}${repeat(" ", widths[at] - cells[at].length)} `);
      }
      return `│${join(shown, "│")}│`;
    };
    const lines = [rule("┌", "┬", "┐"), line(grid[0]), rule("├", "┼", "┤")];
    for (let row = 1; row < grid.length; row++) push(lines, line(grid[row]));
    push(lines, rule("└", "┴", "┘"));
    return join(lines, "\n");
  }

  function since(label) {
    const began = mapGet(times, label);
    if (began === undefined) {
      write(WARNING, `Timer '${label}' does not exist`);
      return undefined;
    }
    const took = now() - began;
    return took < 1000 ? `${label}: ${fixed(took, 3)}ms` : `${label}: ${fixed(took / 1000, 3)}s`;
  }

  const group = (...args) => {
    if (args.length > 0) write(INFO, format(args));
    indent++;
  };
  const info = (...args) => write(INFO, format(args));

  const console = {
    log: info,
    info: (...args) => write(INFO, format(args)),
    debug: (...args) => write(DEBUG, format(args)),
    warn: (...args) => write(WARNING, format(args)),
    error: (...args) => write(ERROR, format(args)),
    trace: (...args) => {
      let where = "";
      try { where = kit.trace(kit.scalar(kit.stackOf(new Error()))); } catch { /* without it */ }
      const first = args.length > 0 ? `Trace: ${format(args)}` : "Trace";
      write(DEBUG, where === "" ? first : `${first}\n${where}`);
    },
    assert: (condition = false, ...args) => {
      if (condition) return;
      if (typeof args[0] === "string") args[0] = `Assertion failed: ${args[0]}`;
      else if (args.length === 0) push(args, "Assertion failed");
      else args = ["Assertion failed:", ...args];
      write(ERROR, format(args));
    },
    dir: (value, options = undefined) => {
      const depth = options === null || typeof options !== "object" ? 2 : options.depth;
      write(INFO, inspect(value, true, depth === null ? Infinity : typeof depth === "number" ? depth : 2));
    },
    dirxml: (...args) => write(INFO, format(args)),
    table: (data = undefined, columns = undefined) => {
      if (data === null || typeof data !== "object") { write(INFO, format([data])); return; }
      const only = isArray(columns) ? columns.map(kit.text) : undefined;
      write(INFO, table(data, only));
    },
    count: (label = undefined) => {
      label = nameOf(label);
      const count = (mapGet(counts, label) ?? 0) + 1;
      mapSet(counts, label, count);
      write(INFO, `${label}: ${count}`);
    },
    countReset: (label = undefined) => {
      if (!mapDelete(counts, nameOf(label))) write(WARNING, `Count for '${nameOf(label)}' does not exist`);
    },
    time: (label = undefined) => {
      label = nameOf(label);
      if (mapHas(times, label)) write(WARNING, `Timer '${label}' already exists`);
      else mapSet(times, label, now());
    },
    timeLog: (label = undefined, ...args) => {
      const shown = since(nameOf(label));
      if (shown !== undefined) write(INFO, args.length === 0 ? shown : `${shown} ${format(args)}`);
    },
    timeEnd: (label = undefined) => {
      const shown = since(nameOf(label));
      mapDelete(times, nameOf(label));
      if (shown !== undefined) write(INFO, shown);
    },
    group,
    groupCollapsed: (...args) => group(...args),
    groupEnd: () => { if (indent > 0) indent--; },
  };
  kit.tag(console, "console");
  kit.expose("console", console);
});
