// Gets itself a token with the TypeScript SDK's second generation, which speaks either era.
// usage: oauth_v2.mjs legacy|auto|modern URL [step-up]

import { Client, StreamableHTTPClientTransport, UnauthorizedError } from '@modelcontextprotocol/client';
import { authorize } from './oauth.mjs';

const [era, address] = process.argv.slice(2);
const url = new URL(address);
const mode = era === 'modern' ? { pin: '2026-07-28' } : era;
await authorize(
  (authProvider) => ({
    client: new Client({ name: 'client-v2', version: '1.0.0' }, { versionNegotiation: { mode } }),
    transport: new StreamableHTTPClientTransport(url, { authProvider }),
  }),
  (transport, back) => transport.finishAuth(back),
  (error) => error instanceof UnauthorizedError || error.cause instanceof UnauthorizedError,
);
