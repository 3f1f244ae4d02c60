// Gets itself a token with the TypeScript SDK's first generation.
// usage: oauth_v1.mjs legacy URL [step-up]

import { UnauthorizedError } from '@modelcontextprotocol/sdk/client/auth.js';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { authorize } from './oauth.mjs';

const url = new URL(process.argv[3]);
await authorize(
  (authProvider) => ({
    client: new Client({ name: 'sdk-v1', version: '1.0.0' }),
    transport: new StreamableHTTPClientTransport(url, { authProvider }),
  }),
  (transport, back) => transport.finishAuth(back.get('code')),
  (error) => error instanceof UnauthorizedError,
  true,
);
