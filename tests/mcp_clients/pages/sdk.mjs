// An MCP client on the TypeScript SDK, in a page.

import {
  Client,
  StreamableHTTPClientTransport,
  UnauthorizedError,
} from "@modelcontextprotocol/client";

const read = (name) => JSON.parse(sessionStorage.getItem(name)) ?? undefined;
const write = (name, value) => sessionStorage.setItem(name, JSON.stringify(value));

class Provider {
  redirectUrl = `${location.origin}/sdk/callback`;

  get clientMetadata() {
    return {
      client_name: "A page on the TypeScript SDK",
      redirect_uris: [this.redirectUrl],
      token_endpoint_auth_method: "none",
      grant_types: ["authorization_code", "refresh_token"],
      response_types: ["code"],
    };
  }
  state() {
    return "state-of-the-page";
  }
  clientInformation() {
    return read("client");
  }
  saveClientInformation(information) {
    write("client", information);
  }
  tokens() {
    return read("tokens");
  }
  saveTokens(tokens) {
    write("tokens", tokens);
  }
  saveCodeVerifier(verifier) {
    write("verifier", verifier);
  }
  codeVerifier() {
    return read("verifier");
  }
  redirectToAuthorization(url) {
    location.assign(url);
  }
}

const newTransport = () =>
  new StreamableHTTPClientTransport(new URL(read("mcp")), { authProvider: new Provider() });
const newClient = () => new Client({ name: "page", version: "1" });

export async function signIn(mcp) {
  write("mcp", mcp);
  try {
    await newClient().connect(newTransport());
  } catch (error) {
    // It has sent the browser away.
    if (!(error instanceof UnauthorizedError)) throw error;
  }
}

export async function comeBack(query) {
  await newTransport().finishAuth(query);
  const transport = newTransport();
  const client = newClient();
  await client.connect(transport);
  const answer = await client.callTool({
    name: "create_gist",
    arguments: {
      description: "made in a browser",
      filename: "page.txt",
      content: "content of the page",
    },
  });
  const gist = answer.structuredContent;
  await transport.terminateSession();
  await client.close();
  return { gistId: gist.id, createdBy: gist.created_by };
}
