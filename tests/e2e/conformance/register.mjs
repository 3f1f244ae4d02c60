// Makes a running server the one that the conformance suite expects, as any client would: by creating tools.
// usage: register.mjs URL

import assert from 'node:assert/strict';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { tools } from './tools.mjs';

const client = new Client(
  { name: 'conformance-register', version: '1.0.0' },
  { versionNegotiation: { mode: { pin: '2026-07-28' } } },
);
await client.connect(new StreamableHTTPClientTransport(new URL(process.argv[2])));
for (const tool of tools) {
  const made = await client.callTool({ name: 'dynamic.tool.create', arguments: { tool } });
  assert.ok(!made.isError, `${tool.name}: ${JSON.stringify(made.content)}`);
}
await client.close();
