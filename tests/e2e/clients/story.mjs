// The life of a tool as a client of a TypeScript SDK lives it, in two acts with a restart of the server between.
//
// first: creates text.uppercase, hears of it, calls it, updates it, meets the conflict of a stale revision.
// second: finds it as it was left, calls it, deletes it, hears of that.
// look: what the enterprise profile shows besides tools: resources, the prompt, and its completion.

import assert from 'node:assert/strict';

const NAME = 'text.uppercase';
// Nothing is timed: this only ends a test that hangs.
const HANG_MS = 60_000;

/** Counts what it is told, and lets one wait for the next. */
export class Changes {
  #told = 0;
  #wake = () => {};

  tell() {
    this.#told += 1;
    this.#wake();
  }

  async next() {
    if (this.#told === 0) {
      await new Promise((resolve, reject) => {
        this.#wake = resolve;
        setTimeout(() => reject(new Error('no list_changed came')), HANG_MS).unref();
      });
    }
    this.#told = 0;
  }
}

/** Plays one act with a connected client. */
export async function play(act, client, changes) {
  const tools = async () => (await client.listTools()).tools;
  const names = async () => (await tools()).map((tool) => tool.name);
  const call = (name, args) => client.callTool({ name, arguments: args });
  const ask = async (name, args) => {
    const result = await call(name, args);
    assert.ok(!result.isError, JSON.stringify(result));
    return result.structuredContent;
  };
  const says = async (text, expected) => {
    const result = await call(NAME, { text });
    assert.ok(!result.isError, JSON.stringify(result));
    assert.deepEqual(result.content, [{ type: 'text', text: expected }]);
    assert.equal(result.structuredContent.ok, true);
    assert.equal(result.structuredContent.result, expected);
  };

  const acts = {
    async first() {
      const before = await names();
      assert.ok(before.includes('dynamic.tool.create') && before.includes('system.health'), before.join());
      assert.ok(!before.includes(NAME), before.join());

      const tool = {
        name: NAME,
        description: 'Upper-cases a text',
        code: 'return args.text.toUpperCase();',
        inputSchema: {
          type: 'object',
          properties: { text: { type: 'string', description: 'Any text' } },
          required: ['text'],
        },
      };
      const made = await ask('dynamic.tool.create', { tool });
      assert.equal(made.tool.revision, 1);
      await changes.next();
      const listed = (await tools()).find((tool) => tool.name === NAME);
      assert.deepEqual(listed.inputSchema.required, ['text']);
      await says('hello, wörld', 'HELLO, WÖRLD');

      const wrong = await call(NAME, { text: 7 });
      assert.ok(wrong.isError && wrong.content[0].text.includes('text'), JSON.stringify(wrong));

      const patch = { code: "return args.text.toUpperCase() + '!';" };
      const updated = await ask('dynamic.tool.update', { name: NAME, patch, expectedRevision: 1 });
      assert.equal(updated.tool.revision, 2);
      await says('hello', 'HELLO!');

      const stale = await call('dynamic.tool.update', { name: NAME, patch, expectedRevision: 1 });
      assert.ok(stale.isError && stale.content[0].text.includes('conflict'), JSON.stringify(stale));
      assert.equal(stale.structuredContent.code, 'revision_conflict');
      assert.deepEqual(stale.structuredContent.details, { expected: 1, actual: 2 });
      await says('still', 'STILL!');
    },

    async second() {
      assert.ok((await names()).includes(NAME));
      assert.equal((await ask('dynamic.tool.get', { name: NAME })).tool.revision, 2);
      await says('again', 'AGAIN!');
      const deleted = await ask('dynamic.tool.delete', { name: NAME, expectedRevision: 2 });
      assert.deepEqual(deleted, { name: NAME, deleted: true });
      await changes.next();
      assert.ok(!(await names()).includes(NAME));
      await assert.rejects(call(NAME, { text: 'x' }), (error) => error.code === -32602);
    },

    async look() {
      const { resources } = await client.listResources();
      assert.equal(resources.length, 3);
      for (const { uri } of resources) {
        const [content] = (await client.readResource({ uri })).contents;
        assert.equal(typeof JSON.parse(content.text), 'object');
      }
      assert.deepEqual((await client.listResourceTemplates()).resourceTemplates, []);
      await assert.rejects(
        client.readResource({ uri: 'dynamic://no/such' }),
        (error) => error.code === -32002 || error.code === -32602,
      );

      const [{ name, arguments: declared }] = (await client.listPrompts()).prompts;
      assert.deepEqual(declared.map((argument) => argument.name), ['toolName']);
      const checklist = await client.getPrompt({ name, arguments: { toolName: 'system.health' } });
      assert.ok(checklist.messages[0].content.text.includes('system'));
      const misused = (error) => error.code === -32602;
      for (const wrong of [{}, { toolName: 'no.such.tool' }, { other: 'x' }]) {
        await assert.rejects(client.getPrompt({ name, arguments: wrong }), misused);
      }
      await assert.rejects(client.getPrompt({ name: 'no-such', arguments: {} }), misused);

      const ref = { type: 'ref/prompt', name };
      const complete = (argument) => client.complete({ ref, argument });
      const { completion } = await complete({ name: 'toolName', value: 'health' });
      assert.deepEqual(completion.values, ['system.health']);
      await assert.rejects(complete({ name: 'other', value: 'x' }), misused);
    },
  };
  await acts[act]();
}

/** `ACT ERA URL` or `ACT ERA -- COMMAND ARGUMENT...`, read from the command line. */
export function commandLine() {
  const [act, era, ...server] = process.argv.slice(2);
  const stdio = server[0] === '--' ? { command: server[1], args: server.slice(2), stderr: 'inherit' } : undefined;
  return { act, era, stdio, url: stdio ? undefined : new URL(server[0]) };
}
