// A program on the TypeScript SDK, run by `tests.mcp_clients.driver`.
//
// Arguments: the MCP URL, a folder for what it keeps, `call` or `whole`, and the SDK's line:
// `sdk` (1.x, @modelcontextprotocol/sdk) or `client` (2.x, @modelcontextprotocol/client).

import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [url, folder, step, line] = process.argv.slice(2);
// The packages are beside the working directory, not beside this file.
const require = createRequire(`${process.cwd()}/package.json`);
const load = (name) => import(pathToFileURL(require.resolve(name)));

async function sdk() {
  if (line === "client") {
    return load("@modelcontextprotocol/client");
  }
  const parts = await Promise.all(
    ["client/index.js", "client/streamableHttp.js", "client/auth.js"].map((path) =>
      load(`@modelcontextprotocol/sdk/${path}`),
    ),
  );
  return Object.assign({}, ...parts);
}

const read = (name) =>
  existsSync(`${folder}/${name}`) ? JSON.parse(readFileSync(`${folder}/${name}`, "utf8")) : undefined;
const write = (name, value) => writeFileSync(`${folder}/${name}`, JSON.stringify(value));

const told = {};
let query;
const cameBack = new Promise((resolve) => {
  createServer((request, response) => {
    query = new URL(request.url, "http://localhost").searchParams;
    response.end("ok");
    resolve();
  }).listen(0, "127.0.0.1", function () {
    globalThis.redirectUrl = `http://127.0.0.1:${this.address().port}/callback`;
    start();
  });
});

class Provider {
  get redirectUrl() {
    return globalThis.redirectUrl;
  }
  get clientMetadata() {
    return {
      client_name: "TypeScript SDK",
      redirect_uris: [this.redirectUrl],
      token_endpoint_auth_method: "none",
      grant_types: ["authorization_code", "refresh_token"],
      response_types: ["code"],
    };
  }
  state() {
    return "state-of-the-typescript-sdk";
  }
  clientInformation() {
    return read("client.json");
  }
  saveClientInformation(information) {
    write("client.json", information);
  }
  tokens() {
    return read("tokens.json");
  }
  saveTokens(tokens) {
    write("tokens.json", tokens);
  }
  redirectToAuthorization(address) {
    execFileSync("xdg-open", [address.toString()]);
  }
  saveCodeVerifier(verifier) {
    write("verifier.json", verifier);
  }
  codeVerifier() {
    return read("verifier.json");
  }
}

async function main() {
  const { Client, StreamableHTTPClientTransport, UnauthorizedError } = await sdk();
  const provider = new Provider();
  const connect = async () => {
    const client = new Client({ name: "typescript", version: "1" });
    const transport = new StreamableHTTPClientTransport(new URL(url), { authProvider: provider });
    try {
      await client.connect(transport);
    } catch (error) {
      if (!(error instanceof UnauthorizedError)) throw error;
      await cameBack;
      if (!query.has("code")) throw new Error(query.get("error"));
      await transport.finishAuth(line === "client" ? query : query.get("code"));
      return connect();
    }
    return client;
  };
  const client = await connect();
  const login = async () => {
    const result = await client.callTool({ name: "get_my_profile", arguments: {} });
    return JSON.parse(result.content[0].text).login;
  };
  told.called = await login();
  const before = provider.tokens();
  told.scope = before.scope;
  if (step === "whole") {
    await readFile(`${folder}/go-on`);
    told.after_the_kill = await login();
    // The server answers 401, as it does once the token has run out.
    provider.saveTokens({ ...before, access_token: "run-out" });
    told.after_an_hour = await login();
    told.refreshed = before.access_token !== provider.tokens().access_token;
  }
  await client.close();
}

async function start() {
  try {
    await main();
  } catch (error) {
    told.error = `${error.name}: ${error.message}`;
  }
  console.log(`RESULT ${JSON.stringify(told)}`);
  process.exit(0);
}
