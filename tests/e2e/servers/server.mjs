// A server made with the TypeScript SDK, for tests/it/upstreams to attach.
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { StdioServerTransport } from "@modelcontextprotocol/sdk/server/stdio.js";
import { z } from "zod";

const server = new McpServer({ name: "typescript", version: "1.0.0" });
const text = (value) => ({ content: [{ type: "text", text: String(value) }] });

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
await server.connect(new StdioServerTransport());
