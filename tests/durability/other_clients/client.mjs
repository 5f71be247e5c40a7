// One create_gist call with the TypeScript SDK, which reconnects by itself.
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";

const [url, token, description] = process.argv.slice(2);
const transport = new StreamableHTTPClientTransport(new URL(url), {
  requestInit: { headers: { Authorization: `Bearer ${token}` } },
  // Its default of two tries gives up before a server is back that takes seconds to start.
  reconnectionOptions: {
    maxRetries: 30,
    initialReconnectionDelay: 500,
    maxReconnectionDelay: 2000,
    reconnectionDelayGrowFactor: 1.2,
  },
});
const client = new Client({ name: "durability-tests", version: "1" });
await client.connect(transport);
const result = await client.callTool({
  name: "create_gist",
  arguments: { description, filename: "notes.md", content: "# Notes\n", public: false },
});
console.log(result.structuredContent.id);
process.exit(0);
