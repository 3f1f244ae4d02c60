// A server made with the TypeScript SDK, for tests/it/upstreams to attach: on standard streams or, with a port, on
// HTTP with sessions.
import { randomUUID } from "node:crypto";
import { createServer } from "node:http";

import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { StdioServerTransport } from "@modelcontextprotocol/sdk/server/stdio.js";
import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";
import { ElicitResultSchema } from "@modelcontextprotocol/sdk/types.js";
import { z } from "zod";

const text = (value) => ({ content: [{ type: "text", text: String(value) }] });

function make() {
  const server = new McpServer({ name: "typescript", version: "1.0.0" });
  server.registerTool(
    "add",
    { description: "Adds.", inputSchema: { a: z.number(), b: z.number() } },
    async ({ a, b }) => text(a + b),
  );
  server.registerTool("fail", { description: "Fails.", inputSchema: {} }, async () => {
    throw new Error("it failed");
  });
  server.registerTool("slow", { description: "Reports.", inputSchema: {} }, async (_, extra) => {
    const progressToken = extra._meta?.progressToken;
    for (const progress of [1, 2, 3]) {
      await extra.sendNotification({
        method: "notifications/progress",
        params: { progressToken, progress, total: 3 },
      });
    }
    return text("done");
  });
  const question = {
    mode: "form",
    message: "Who?",
    requestedSchema: { type: "object", properties: { name: { type: "string" } }, required: ["name"] },
  };
  const greet = ({ action, content }) => text(action === "accept" ? `hello ${content.name}` : action);
  // On the session's own stream, and on that of the call.
  server.registerTool("ask", { description: "Asks.", inputSchema: {} }, async () =>
    greet(await server.server.elicitInput(question)),
  );
  server.registerTool("ask_here", { description: "Asks.", inputSchema: {} }, async (_, extra) => {
    const request = { method: "elicitation/create", params: question };
    return greet(await extra.sendRequest(request, ElicitResultSchema));
  });
  server.registerTool("sample", { description: "Samples.", inputSchema: {} }, async () => {
    const messages = [{ role: "user", content: { type: "text", text: "Hi" } }];
    const { content } = await server.server.createMessage({ messages, maxTokens: 9 });
    return text(content.text);
  });
  server.registerTool("grow", { description: "Adds a tool.", inputSchema: {} }, async () => {
    server.registerTool("grown", { description: "New.", inputSchema: {} }, async () => text("new"));
    return text("done");
  });
  return server;
}

const port = process.argv[2];
if (port === undefined) {
  await make().connect(new StdioServerTransport());
} else {
  const sessions = new Map();
  const serve = async (request, response) => {
    let transport = sessions.get(request.headers["mcp-session-id"]);
    if (transport === undefined) {
      transport = new StreamableHTTPServerTransport({
        sessionIdGenerator: randomUUID,
        onsessioninitialized: (id) => sessions.set(id, transport),
      });
      await make().connect(transport);
    }
    await transport.handleRequest(request, response);
  };
  createServer(serve).listen(Number(port), "127.0.0.1");
}
