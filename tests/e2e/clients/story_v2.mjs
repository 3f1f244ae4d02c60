// Plays the story with the TypeScript SDK's second generation, which speaks either era.
// usage: story_v2.mjs first|second|look legacy|auto|modern URL | -- COMMAND [ARGUMENT...]

import assert from 'node:assert/strict';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { Changes, commandLine, play } from './story.mjs';

const { act, era, stdio, url } = commandLine();
const mode = era === 'modern' ? { pin: '2026-07-28' } : era;
const changes = new Changes();
const client = new Client({ name: 'client-v2', version: '1.0.0' }, { versionNegotiation: { mode } });
client.setNotificationHandler('notifications/tools/list_changed', () => changes.tell());
const transport = stdio ? new StdioClientTransport(stdio) : new StreamableHTTPClientTransport(url);
await client.connect(transport);
const modern = client.getNegotiatedProtocolVersion() === '2026-07-28';
assert.equal(modern, era !== 'legacy');
const subscription = modern ? await client.listen({ toolsListChanged: true }) : undefined;
await play(act, client, changes);
await subscription?.close();
await client.close();
