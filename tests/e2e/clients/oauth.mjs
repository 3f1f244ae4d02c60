// What the clients of both TypeScript SDKs do with OAuth: one is refused, finds the authorization server, registers, is
// let in, makes a tool with its admin scope, lets it say who called it, and takes it away. After that its token is spoiled,
// and it has to get itself another. With step-up its first token lacks the admin scope, and it gets itself one that has it
// when a call asks for that.

import assert from 'node:assert/strict';

const REDIRECT = 'http://127.0.0.1:1/callback';

/** Remembers what the SDK wants remembered, for a person who says yes at once. */
class Provider {
  times = 0;
  #client;
  #forgetful;
  #tokens;
  #verifier;
  #back;

  /** `forgetful`: keeps no refresh token. */
  constructor(forgetful) {
    this.#forgetful = forgetful;
  }

  get redirectUrl() {
    return REDIRECT;
  }

  get clientMetadata() {
    return { client_name: 'oauth.mjs', redirect_uris: [REDIRECT], token_endpoint_auth_method: 'none' };
  }

  state() {
    return 'a-state-of-its-own';
  }

  clientInformation() {
    return this.#client;
  }

  saveClientInformation(client) {
    this.#client = client;
  }

  tokens() {
    return this.#tokens;
  }

  saveTokens(tokens) {
    this.#tokens = tokens;
    if (this.#forgetful) delete this.#tokens.refresh_token;
  }

  async redirectToAuthorization(url) {
    this.times += 1;
    // The authorization server sends the browser straight back.
    const answer = await fetch(url, { redirect: 'manual' });
    assert.equal(answer.status, 302);
    this.#back = new URL(answer.headers.get('location'));
    assert.equal(this.#back.searchParams.get('state'), this.state());
  }

  saveCodeVerifier(verifier) {
    this.#verifier = verifier;
  }

  codeVerifier() {
    return this.#verifier;
  }

  /** The parameters with which the browser came back. */
  get back() {
    return this.#back.searchParams;
  }

  spoil() {
    this.#tokens = { ...this.#tokens, access_token: 'spoiled' };
  }
}

/**
 * Plays it. `make(provider)` gives a client and its transport, not connected yet. `forgetful`: the client has to have no
 * refresh token to step up, because it would refresh, and get the same scopes.
 */
export async function authorize(make, finish, isUnauthorized, forgetful = false) {
  const stepUp = process.argv[4] === 'step-up';
  const provider = new Provider(stepUp && forgetful);
  const open = async () => {
    const first = make(provider);
    try {
      await first.client.connect(first.transport);
      return first;
    } catch (error) {
      assert.ok(isUnauthorized(error), error);
      await finish(first.transport, provider.back);
    }
    const second = make(provider);
    await second.client.connect(second.transport);
    return second;
  };
  const use = async () => {
    const { client, transport } = await open();
    const call = async (name, args) => {
      const params = { name, arguments: args };
      const result = await client.callTool(params).catch(async (error) => {
        assert.ok(stepUp && isUnauthorized(error), error);
        await finish(transport, provider.back);
        return client.callTool(params);
      });
      assert.ok(!result.isError, JSON.stringify(result));
      return result.structuredContent;
    };
    const tool = { name: 'who.am_i', description: 'Says who calls', code: 'return ctx.caller;' };
    await call('dynamic.tool.create', { tool });
    const { result } = await call('who.am_i', {});
    assert.equal(result.subject, 'alice');
    assert.deepEqual(result.scopes, stepUp ? ['mcp:admin', 'mcp:use'] : ['mcp:admin']);
    await call('dynamic.tool.delete', { name: 'who.am_i' });
    await client.close();
  };
  await use();
  assert.equal(provider.times, stepUp ? 2 : 1);
  await use();
  if (stepUp) {
    assert.equal(provider.times, 2);
    return;
  }
  provider.spoil();
  await use();
  assert.equal(provider.times, 1, 'a refresh needs nobody');
  assert.notEqual(provider.tokens().access_token, 'spoiled');
}
