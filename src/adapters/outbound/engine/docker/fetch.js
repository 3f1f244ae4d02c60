// `fetch` as a request to the host, which decides: a container has no network. Around it stand Node's own Request and
// Response, which Node loads when they are first used.
(function (request) {
  "use strict";

  const { defineProperty, entries } = Object;
  const { from } = Buffer;

  // What the host answered: {url, status, statusText, headers: [[name, value]], redirected, body}, the body in base64.
  function answered(answer) {
    const { status, statusText = "", headers = [], url = "", redirected = false } = answer;
    const body = typeof answer.body === "string" ? from(answer.body, "base64") : null;
    const response = new Response(body, { status, statusText, headers });
    for (const [name, value] of entries({ url, redirected, type: "basic" })) {
      defineProperty(response, name, { value, configurable: true });
    }
    return response;
  }

  const value = async function fetch(input, init = undefined) {
    const asked = new Request(input, init);
    const { url, method, redirect, signal } = asked;
    signal.throwIfAborted();
    const bytes = asked.body === null ? null : await asked.arrayBuffer();
    const body = bytes === null ? null : from(bytes).toString("base64");
    return new Promise((resolve, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason), { once: true });
      request("fetch", { url, method, headers: [...asked.headers], redirect, body })
        .then((answer) => resolve(answered(answer)))
        .catch(reject);
    });
  };
  defineProperty(globalThis, "fetch", { value, configurable: true, enumerable: true, writable: true });
});
