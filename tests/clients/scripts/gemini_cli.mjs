// The Gemini CLI's own code that connects to an MCP server, run by `tests.clients.driver`.
//
// Arguments: the MCP URL, a folder (its home), `call` or `refresh`, and how the server is
// configured: `discovered`, or `explicit`, with the endpoints and client id of the tutorial.

import { existsSync, readFileSync, writeFileSync } from "node:fs";
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

async function profile() {
  const client = await connectToMcpServer("1.0.0", NAME, server, false, workspace, config);
  const result = await client.callTool({ name: "get_my_profile", arguments: {} });
  await client.close();
  return JSON.parse(result.content[0].text);
}

async function main() {
  if (how === "explicit" && !existsSync(file)) {
    // What `/mcp auth github-gist-mcp` does. By itself, on a 401, the CLI forgets the client id.
    await new MCPOAuthProvider().authenticate(NAME, server.oauth, url);
  }
  let answer = await profile();
  const before = stored()[0].token;
  if (step === "refresh") {
    // As it is an hour later.
    const changed = stored();
    changed[0].token.expiresAt = 1;
    writeFileSync(file, JSON.stringify(changed));
    answer = await profile();
  }
  const after = stored()[0].token;
  const refreshed = before.accessToken !== after.accessToken;
  return { login: answer.login, refreshed, scope: after.scope };
}

let result;
try {
  result = await main();
} catch (error) {
  result = { error: `${error.name}: ${error.message} ${diagnostics.join("; ")}` };
}
console.log(`RESULT ${JSON.stringify(result)}`);
process.exit(0);
