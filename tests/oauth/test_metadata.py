"""The metadata documents, compared as a whole: clients read every member of them."""

from mcp.shared.auth import OAuthMetadata, ProtectedResourceMetadata

from tests.oauth.site import PUBLIC_URL, Site


def test_the_protected_resource_is_exactly_the_mcp_url(site: Site) -> None:
    paths = ("/.well-known/oauth-protected-resource", "/.well-known/oauth-protected-resource/mcp")

    documents = [site.get(path).json() for path in paths]

    assert documents[0] == documents[1]
    assert documents[0] == {
        "resource": f"{PUBLIC_URL}/mcp",
        "authorization_servers": [PUBLIC_URL],
        "scopes_supported": ["gist", "read:user"],
        "bearer_methods_supported": ["header"],
        "resource_name": "GitHub Gist MCP",
    }


def test_the_authorization_server_says_what_it_can_do(site: Site) -> None:
    document = site.get("/.well-known/oauth-authorization-server").json()

    methods = ["none", "client_secret_post", "client_secret_basic"]
    assert document == {
        "issuer": PUBLIC_URL,
        "authorization_endpoint": f"{PUBLIC_URL}/oauth/authorize",
        "token_endpoint": f"{PUBLIC_URL}/oauth/token",
        "registration_endpoint": f"{PUBLIC_URL}/oauth/register",
        "revocation_endpoint": f"{PUBLIC_URL}/oauth/revoke",
        "scopes_supported": ["gist", "read:user"],
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "token_endpoint_auth_methods_supported": methods,
        "revocation_endpoint_auth_methods_supported": methods,
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": True,
        "client_id_metadata_document_supported": False,
    }


def test_the_models_of_the_mcp_sdk_read_both_documents(site: Site) -> None:
    resource = site.get("/.well-known/oauth-protected-resource/mcp").text
    server = site.get("/.well-known/oauth-authorization-server").text

    read_resource = ProtectedResourceMetadata.model_validate_json(resource)
    read_server = OAuthMetadata.model_validate_json(server)

    assert str(read_resource.resource) == f"{PUBLIC_URL}/mcp"
    assert str(read_server.token_endpoint) == f"{PUBLIC_URL}/oauth/token"
    assert read_server.code_challenge_methods_supported == ["S256"]


def test_issuer_and_authorization_server_are_the_same_string_without_a_slash(site: Site) -> None:
    resource = site.get("/.well-known/oauth-protected-resource").json()
    server = site.get("/.well-known/oauth-authorization-server").json()

    assert [server["issuer"]] == resource["authorization_servers"] == [PUBLIC_URL]
    assert not server["issuer"].endswith("/")


def test_metadata_documents_are_advertised_only_when_on(site: Site) -> None:
    site.configure(CLIENT_ID_METADATA_DOCUMENTS="true")

    document = site.get("/.well-known/oauth-authorization-server").json()

    assert document["client_id_metadata_document_supported"] is True


def test_head_works_on_the_documents(site: Site) -> None:
    for name in ("oauth-protected-resource", "oauth-authorization-server"):
        answer = site.run(site.browser.head(f"/.well-known/{name}"))
        assert (answer.status_code, answer.content) == (200, b"")
        assert answer.headers["content-type"] == "application/json"
