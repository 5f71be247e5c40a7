// One `create_gist` call with the TypeScript SDK, its settings as they come.
//
// Arguments: the MCP URL, a token, the gist's description, and the SDK's line: `sdk` (1.x,
// @modelcontextprotocol/sdk) or `client` (2.x, @modelcontextprotocol/client). Prints `BEGUN` at
// the first event, which a client can come back with, and `RESULT` with the gist's id.

import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [url, token, description, line] = process.argv.slice(2);
// The packages are beside the working directory, not beside this file.
const require = createRequire(`${process.cwd()}/package.json`);
const load = (name) => import(pathToFileURL(require.resolve(name)));

async function sdk() {
  if (line === "client") {
    return load("@modelcontextprotocol/client");
  }
  const parts = await Promise.all(
    ["client/index.js", "client/streamableHttp.js"].map((path) =>
      load(`@modelcontextprotocol/sdk/${path}`),
    ),
  );
  return Object.assign({}, ...parts);
}

const { Client, StreamableHTTPClientTransport } = await sdk();
const client = new Client({ name: "durability-tests", version: "1" });
const headers = { Authorization: `Bearer ${token}` };
await client.connect(
  new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers } }),
);
const call = {
  name: "create_gist",
  arguments: { description, filename: "notes.md", content: "# Notes\n" },
};
let hasBegun = false;
const options = {
  // Once: the last line has to be the result.
  onresumptiontoken: () => {
    if (!hasBegun) console.log("BEGUN");
    hasBegun = true;
  },
};
const result = await (line === "client"
  ? client.callTool(call, options)
  : client.callTool(call, undefined, options));
console.log("RESULT", result.structuredContent?.id ?? JSON.stringify(result));
process.exit(0);
