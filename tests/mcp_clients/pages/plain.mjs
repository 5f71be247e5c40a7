// An MCP client on nothing but `fetch`, which knows the address of the MCP server only.

const PROTOCOL_VERSION = "2025-06-18";

const json = async (url, options) => {
  const answer = await fetch(url, options);
  if (!answer.ok) throw new Error(`${url}: ${answer.status} ${await answer.text()}`);
  return answer.json();
};

const base64url = (bytes) =>
  btoa(String.fromCharCode(...new Uint8Array(bytes)))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");

async function discover(mcp) {
  const refused = await fetch(mcp, { method: "POST", headers: { "content-type": "application/json" } });
  const challenge = refused.headers.get("www-authenticate");
  const [, metadataUrl] = challenge.match(/resource_metadata="([^"]+)"/);
  const resource = await json(metadataUrl, { headers: { "mcp-protocol-version": PROTOCOL_VERSION } });
  const issuer = resource.authorization_servers[0];
  const server = await json(`${issuer}/.well-known/oauth-authorization-server`, {
    headers: { "mcp-protocol-version": PROTOCOL_VERSION },
  });
  return { resource, server };
}

export async function signIn(mcp, redirectUri) {
  const { resource, server } = await discover(mcp);
  const client = await json(server.registration_endpoint, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({
      client_name: "A page",
      redirect_uris: [redirectUri],
      token_endpoint_auth_method: "none",
      grant_types: ["authorization_code", "refresh_token"],
      response_types: ["code"],
    }),
  });
  const verifier = base64url(crypto.getRandomValues(new Uint8Array(32)));
  const state = base64url(crypto.getRandomValues(new Uint8Array(16)));
  const challenge = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier));
  const kept = { mcp, redirectUri, resource, server, clientId: client.client_id, verifier, state };
  sessionStorage.setItem("kept", JSON.stringify(kept));
  const query = new URLSearchParams({
    client_id: client.client_id,
    redirect_uri: redirectUri,
    response_type: "code",
    code_challenge: base64url(challenge),
    code_challenge_method: "S256",
    state,
    resource: resource.resource,
  });
  location.assign(`${server.authorization_endpoint}?${query}`);
}

export async function comeBack(query) {
  const kept = JSON.parse(sessionStorage.getItem("kept"));
  if (query.get("state") !== kept.state || query.get("iss") !== kept.server.issuer) {
    throw new Error(`not my answer: ${query}`);
  }
  const tokens = await token(kept, {
    grant_type: "authorization_code",
    code: query.get("code"),
    redirect_uri: kept.redirectUri,
    code_verifier: kept.verifier,
    resource: kept.resource.resource,
  });
  const session = await Session.open(kept.mcp, tokens.access_token);
  const gist = await session.call("create_gist", {
    description: "made in a browser",
    filename: "page.txt",
    content: "content of the page",
  });
  const ended = await session.end();
  const signedOut = await fetch(kept.server.revocation_endpoint, {
    method: "POST",
    body: new URLSearchParams({ token: tokens.refresh_token, client_id: kept.clientId }),
  });
  return { gistId: gist.id, createdBy: gist.created_by, ended, signedOut: signedOut.ok };
}

const token = (kept, fields) =>
  json(kept.server.token_endpoint, {
    method: "POST",
    body: new URLSearchParams({ ...fields, client_id: kept.clientId }),
  });

class Session {
  static async open(mcp, accessToken) {
    const session = new Session();
    session.mcp = mcp;
    session.headers = {
      accept: "application/json, text/event-stream",
      authorization: `Bearer ${accessToken}`,
      "content-type": "application/json",
    };
    const opened = await session.post("initialize", 1, {
      protocolVersion: PROTOCOL_VERSION,
      capabilities: {},
      clientInfo: { name: "page", version: "1" },
    });
    session.headers["mcp-session-id"] = opened.headers.get("mcp-session-id");
    session.headers["mcp-protocol-version"] = (await resultOf(opened)).protocolVersion;
    await session.post("notifications/initialized");
    return session;
  }

  async post(method, id, params) {
    const headers = { ...this.headers, "mcp-method": method };
    const body = JSON.stringify({ jsonrpc: "2.0", id, method, params });
    const answer = await fetch(this.mcp, { method: "POST", headers, body });
    if (!answer.ok) throw new Error(`${method}: ${answer.status} ${await answer.text()}`);
    return answer;
  }

  async call(name, args) {
    const result = await resultOf(await this.post("tools/call", 2, { name, arguments: args }));
    if (result.isError) throw new Error(result.content[0].text);
    return result.structuredContent;
  }

  // The status of the end, and of what comes after it.
  async end() {
    const { accept, ...headers } = this.headers;
    const ended = await fetch(this.mcp, { method: "DELETE", headers });
    const after = await fetch(this.mcp, { headers: { ...headers, accept, "last-event-id": `${"1".repeat(32)}/1` } });
    return [ended.status, after.status];
  }
}

// The JSON-RPC result at the end of an event stream.
async function resultOf(answer) {
  const data = (await answer.text()).matchAll(/^data: ?(.*)$/gm);
  const messages = [...data].filter(([, line]) => line).map(([, line]) => JSON.parse(line));
  const { result } = messages.find((message) => message.result ?? message.error);
  return result;
}
