// The Gemini CLI's own code that connects to an MCP server, run by `tests.mcp_clients.driver`.
//
// Arguments: the MCP URL, a folder (its home), `call` or `whole`, and how the server is
// configured: `discovered`, or `explicit`, with the endpoints and client id of the tutorial.

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { pathToFileURL } from "node:url";

const [url, folder, step, how] = process.argv.slice(2);
const core = `${process.cwd()}/node_modules/@google/gemini-cli-core/dist/src`;
const { connectToMcpServer } = await import(pathToFileURL(`${core}/tools/mcp-client.js`));
const { MCPOAuthProvider } = await import(pathToFileURL(`${core}/mcp/oauth-provider.js`));

const NAME = "github-gist-mcp";
const origin = new URL(url).origin;
const explicit = {
  clientId: "github-gist-mcp",
  issuer: origin,
  authorizationUrl: `${origin}/oauth/authorize`,
  tokenUrl: `${origin}/oauth/callback`,
};
const server = {
  httpUrl: url,
  oauth: { enabled: true, ...(how === "explicit" ? explicit : {}) },
};
const workspace = { getDirectories: () => [], onDirectoriesChanged: () => () => {} };
const diagnostics = [];
const config = {
  emitMcpDiagnostic: (...parts) => diagnostics.push(parts.slice(0, 3).map(String).join(" ")),
  sanitizationConfig: {},
  isTrustedFolder: () => true,
};

const file = `${folder}/.gemini/mcp-oauth-tokens.json`;
const stored = () => JSON.parse(readFileSync(file, "utf8"));

const connect = () => connectToMcpServer("1.0.0", NAME, server, false, workspace, config);

async function login(client) {
  const result = await client.callTool({ name: "get_my_profile", arguments: {} });
  return JSON.parse(result.content[0].text).login;
}

const told = {};

async function main() {
  if (how === "explicit" && !existsSync(file)) {
    // What `/mcp auth github-gist-mcp` does. By itself, on a 401, the CLI forgets the client id.
    await new MCPOAuthProvider().authenticate(NAME, server.oauth, url);
  }
  const client = await connect();
  told.called = await login(client);
  const before = stored()[0].token;
  told.scope = before.scope;
  if (step === "call") return;
  await readFile(`${folder}/go-on`);
  told.after_the_kill = await login(client);
  await client.close();
  // As it is an hour later: it looks at the time when it connects.
  const changed = stored();
  changed[0].token.expiresAt = 1;
  writeFileSync(file, JSON.stringify(changed));
  told.after_an_hour = await login(await connect());
  told.refreshed = before.accessToken !== stored()[0].token.accessToken;
}

try {
  await main();
} catch (error) {
  told.error = `${error.name}: ${error.message} ${diagnostics.join("; ")}`;
}
console.log(`RESULT ${JSON.stringify(told)}`);
process.exit(0);
