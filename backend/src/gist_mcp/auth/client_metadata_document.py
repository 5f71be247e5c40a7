"""Client ID Metadata Documents: a client id that is an https URL where the client describes itself
(draft-ietf-oauth-client-id-metadata-document).

Anybody can make us fetch such a URL, so the fetch is guarded against reaching what only we can
reach (SSRF): https only; the name is resolved once, every address must be public, and the
connection goes to an address that was checked, so that a second resolution cannot lead elsewhere
(DNS rebinding); no redirects, no proxy, no cookies; JSON only and not compressed, so that little
stays little; little time, little size, few at once. An answer is remembered, a failure too.
"""

import asyncio
import logging
import re
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Final
from urllib.parse import urlsplit

import httpx
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from gist_mcp.auth.client import Client, display_name
from gist_mcp.auth.public_address import NotPublic, Resolve, checked_address
from gist_mcp.auth.redirect_uri import is_acceptable
from gist_mcp.errors import OAuthError

logger = logging.getLogger(__name__)

MAX_DOCUMENT_BYTES: Final = 5 * 1024
"""The draft's own recommendation."""

FETCH_TIMEOUT_SECONDS: Final = 5.0
REMEMBERED_SECONDS: Final = 300
REMEMBERED_FAILURE_SECONDS: Final = 30
MAX_REMEMBERED: Final = 500
MAX_FETCHES_AT_ONCE: Final = 8
MAX_URL_CHARACTERS: Final = 512
HTTPS_PORT: Final = 443


class Document(BaseModel):
    """What we use of the document."""

    model_config = ConfigDict(strict=True, extra="ignore", hide_input_in_errors=True)

    client_id: str
    redirect_uris: Annotated[list[str], Field(min_length=1, max_length=20)]
    client_name: str | None = None
    token_endpoint_auth_method: str = "none"


@dataclass(frozen=True, kw_only=True)
class _Remembered:
    client: Client | None
    until_seconds: float


class NoDocument(Exception):
    """There is no usable document at the URL. The text is for the log."""


class ClientDocuments:
    """Fetches and remembers documents. One per server process."""

    def __init__(
        self,
        *,
        resolve: Resolve = checked_address,
        make_http: Callable[[], httpx.AsyncClient] | None = None,
        clock: Callable[[], float] = time.time,
        timeout_seconds: float = FETCH_TIMEOUT_SECONDS,
        port: int = HTTPS_PORT,
    ) -> None:
        """`port` is the only one that is connected to, or we could be used to try the doors of
        other people's machines."""
        self._port = port
        self._resolve = resolve
        self._make_http = make_http or _make_http
        self._clock = clock
        self._timeout_seconds = timeout_seconds
        self._remembered: OrderedDict[str, _Remembered] = OrderedDict()
        self._flights: dict[str, asyncio.Task[Client | None]] = {}

    async def client(self, url: str) -> Client:
        """The client that describes itself at `url`. Raises `OAuthError` (`invalid_client`)."""
        known = self._remembered.get(url)
        if known is not None and self._clock() < known.until_seconds:
            return _or_refuse(known.client)
        flight = self._flights.get(url)
        if flight is None:
            if len(self._flights) >= MAX_FETCHES_AT_ONCE:
                text = "Too many clients are being looked up. Try again in a few seconds."
                raise OAuthError("temporarily_unavailable", text, status_code=503)
            flight = asyncio.create_task(self._fetch(url), name="fetch a client document")
            self._flights[url] = flight
            flight.add_done_callback(lambda _: self._flights.pop(url, None))
        return _or_refuse(await asyncio.shield(flight))

    async def _fetch(self, url: str) -> Client | None:
        client: Client | None = None
        try:
            async with asyncio.timeout(self._timeout_seconds):
                client = parse_document(url, await self._get(url))
        except (NoDocument, NotPublic) as reason:
            logger.info("client document refused: %s", reason)
        except (TimeoutError, httpx.HTTPError, httpx.InvalidURL) as error:
            logger.info("client document not fetched: %s", type(error).__name__)
        seconds = REMEMBERED_SECONDS if client is not None else REMEMBERED_FAILURE_SECONDS
        self._remembered[url] = _Remembered(client=client, until_seconds=self._clock() + seconds)
        self._remembered.move_to_end(url)
        if len(self._remembered) > MAX_REMEMBERED:
            self._remembered.popitem(last=False)
        return client

    async def _get(self, url: str) -> bytes:
        """The document's bytes. Raises `NoDocument`, `NotPublic` or errors of httpx."""
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or HTTPS_PORT
        if port != self._port:
            raise NoDocument("not on the port of https")
        address = await self._resolve(host, port)
        target = httpx.URL(url).copy_with(host=address)
        async with (
            self._make_http() as http,
            http.stream(
                "GET",
                target,
                headers={
                    "Host": parts.netloc,
                    "Accept": "application/json",
                    "Accept-Encoding": "identity",
                },
                # The certificate must be for the name, although we connect to the address.
                extensions={"sni_hostname": host},
            ) as response,
        ):
            if response.status_code != 200:
                raise NoDocument(f"status {response.status_code}")
            _check_content(response.headers)
            return await _body(response)


def is_document_url(client_id: str) -> bool:
    """True for a client id that may be fetched (section 3 of the draft): https, with a path,
    without dot segments, query, fragment and user name."""
    if not client_id.startswith("https://") or len(client_id) > MAX_URL_CHARACTERS:
        return False
    if not is_acceptable(client_id) or "?" in client_id:
        return False
    path = urlsplit(client_id).path
    return len(path) > 1 and not {".", ".."} & set(path.split("/"))


def parse_document(url: str, body: bytes) -> Client:
    """The client in a document that was found at `url`. Raises `NoDocument`."""
    try:
        document = Document.model_validate_json(body)
    except ValidationError:
        raise NoDocument("not a client metadata document") from None
    if document.client_id != url:
        raise NoDocument("the document names another client_id")
    # Nobody could have told such a client a secret.
    if document.token_endpoint_auth_method != "none":
        raise NoDocument("the client does not use the method none")
    if not all(map(is_acceptable, document.redirect_uris)):
        raise NoDocument("an unacceptable redirect URI")
    host = urlsplit(url).netloc
    name = display_name(document.client_name or "")
    return Client(
        client_id=url,
        # The host is what the document proves; the name is only what it says.
        name=f"{name} ({host})" if name else host,
        redirect_uris=tuple(document.redirect_uris),
    )


def _make_http() -> httpx.AsyncClient:
    return httpx.AsyncClient(timeout=FETCH_TIMEOUT_SECONDS, follow_redirects=False, trust_env=False)


def _check_content(headers: httpx.Headers) -> None:
    """Raises `NoDocument` for what is not JSON as it stands. A page of a site whose visitors may
    write on it is no document, and a compressed one could be any size."""
    media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json" and not re.fullmatch(
        r"application/[^ ]+\+json", media_type
    ):
        raise NoDocument("not of a media type of JSON")
    if headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise NoDocument("compressed")


async def _body(response: httpx.Response) -> bytes:
    pieces = bytearray()
    async for piece in response.aiter_raw():
        pieces += piece
        if len(pieces) > MAX_DOCUMENT_BYTES:
            raise NoDocument(f"larger than {MAX_DOCUMENT_BYTES} bytes")
    return bytes(pieces)


def _or_refuse(client: Client | None) -> Client:
    if client is None:
        text = "No usable client metadata document is at the URL that the client has as its id."
        raise OAuthError("invalid_client", text, status_code=401)
    return client
