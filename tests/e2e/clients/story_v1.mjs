// Plays the story with the TypeScript SDK's first generation, which knows the sessions up to 2025-11-25.
// usage: story_v1.mjs first|second|look legacy URL | -- COMMAND [ARGUMENT...]

import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { ToolListChangedNotificationSchema } from '@modelcontextprotocol/sdk/types.js';
import { Changes, commandLine, play } from './story.mjs';

const { act, stdio, url } = commandLine();
const changes = new Changes();
const client = new Client({ name: 'sdk-v1', version: '1.0.0' });
client.setNotificationHandler(ToolListChangedNotificationSchema, () => changes.tell());
const transport = stdio ? new StdioClientTransport(stdio) : new StreamableHTTPClientTransport(url);
await client.connect(transport);
await play(act, client, changes);
if (url) await transport.terminateSession();
await client.close();
