"""Client ID Metadata Documents: a client id that is an https URL where the client describes itself
(draft-ietf-oauth-client-id-metadata-document).

Anybody can make us fetch such a URL, so the fetch is guarded against reaching what only this server
can reach (server-side request forgery), and limited in time, size and number. An answer is
remembered, a failure too. While a host cannot be reached its last answer holds.
"""

import asyncio
import logging
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import urlsplit

import httpx
from cachetools import LRUCache, TTLCache
from pydantic import BaseModel, ConfigDict, ValidationError

from gist_mcp.clients.client import Client, display_name
from gist_mcp.clients.public_address import (
    NotPublic,
    Resolve,
    Unresolved,
    checked_address,
    is_address,
)
from gist_mcp.clients.redirect_uri import is_acceptable
from gist_mcp.errors import OAuthError

logger = logging.getLogger(__name__)

MAX_DOCUMENT_BYTES: Final = 5 * 1024
"""The draft's own recommendation."""

FETCH_TIMEOUT_SECONDS: Final = 5.0
BUSY_WAIT_SECONDS: Final = 5
"""When there is room for another fetch: each ends by then."""

REMEMBERED_SECONDS: Final = 300
REMEMBERED_FAILURE_SECONDS: Final = 30
MAX_REMEMBERED: Final = 500
STALE_SECONDS: Final = 24 * 3600
"""For so long an answer holds while its host cannot be reached."""

MAX_FETCHES_AT_ONCE: Final = 8
MAX_FETCHES_OF_A_SITE: Final = 2
"""Whoever has a slow host could keep everybody else's clients out with it."""

MAX_URL_CHARACTERS: Final = 512
HTTPS_PORT: Final = 443


class Document(BaseModel):
    """What we use of the document."""

    model_config = ConfigDict(strict=True, extra="ignore", hide_input_in_errors=True)

    client_id: str
    redirect_uris: list[str | None]
    client_name: str | None = None
    token_endpoint_auth_method: str | None = None


@dataclass(frozen=True, kw_only=True)
class _Good:
    client: Client
    fetched_at_seconds: float
    until_seconds: float


class NoDocument(Exception):
    """There is no usable document at the URL. The text is for the log."""


class Unreachable(Exception):
    """The host is not in a state to say. The text is for the log."""


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
        # Not a TTLCache: a document that is too old still holds while its host cannot be reached.
        self._good: LRUCache[str, _Good] = LRUCache(MAX_REMEMBERED)
        # Apart, so that a flood of failures pushes out no client that is good.
        self._failures: TTLCache[str, Callable[[], OAuthError]] = TTLCache(
            MAX_REMEMBERED, REMEMBERED_FAILURE_SECONDS, timer=clock
        )
        self._in_progress: dict[str, asyncio.Task[Client]] = {}
        self._busy: dict[asyncio.Task[Any], str] = {}

    async def client(self, url: str) -> Client:
        """The client that describes itself at `url`.

        Raises `OAuthError`: `invalid_client`, or `temporarily_unavailable` if nobody can say.
        """
        now = self._clock()
        good = self._good.get(url)
        if good is not None and now < good.until_seconds:
            return good.client
        make_error = self._failures.get(url)
        if make_error is not None:
            raise make_error()
        return await self._fetched(url)

    async def _fetched(self, url: str) -> Client:
        """The one answer for all who ask for the URL at the moment."""
        flight = self._in_progress.get(url)
        if flight is None:
            site = _site(url)
            of_site = sum(1 for each in self._busy.values() if each == site)
            if of_site >= MAX_FETCHES_OF_A_SITE or len(self._busy) >= MAX_FETCHES_AT_ONCE:
                last = self._last_answer(url, "too many at once")
                if last is None:
                    # Not remembered as a failure: a flood must not outlast itself.
                    raise _too_many()
                return last
            flight = asyncio.create_task(self._fetch(url), name="fetch a client document")
            self._in_progress[url] = flight
            flight.add_done_callback(lambda _: self._in_progress.pop(url, None))
            self._occupy(flight, site)
        return await asyncio.shield(flight)

    async def _fetch(self, url: str) -> Client:
        """Fetches and remembers. Raises `OAuthError`."""
        try:
            async with asyncio.timeout(self._timeout_seconds):
                client = parse_document(url, await self._get(url))
        except (NoDocument, NotPublic, httpx.InvalidURL) as reason:
            logger.info("client document refused: %s", reason)
            self._good.pop(url, None)
            raise self._failed(url, _no_client) from None
        except (TimeoutError, httpx.HTTPError, Unreachable, Unresolved) as error:
            last = self._last_answer(url, type(error).__name__)
            if last is None:
                raise self._failed(url, _nobody_can_say) from None
            return last
        now = self._clock()
        self._good[url] = _Good(
            client=client, fetched_at_seconds=now, until_seconds=now + REMEMBERED_SECONDS
        )
        return client

    def _last_answer(self, url: str, reason: str) -> Client | None:
        """What the URL said the last time, `None` if that is too long ago."""
        logger.info("client document not fetched: %s", reason)
        now = self._clock()
        good = self._good.get(url)
        if good is None or now >= good.fetched_at_seconds + STALE_SECONDS:
            return None
        self._good[url] = replace(good, until_seconds=now + REMEMBERED_FAILURE_SECONDS)
        return good.client

    def _failed(self, url: str, make_error: Callable[[], OAuthError]) -> OAuthError:
        """The error, remembered so that nobody can have us ask again and again."""
        self._failures[url] = make_error
        return make_error()

    def _occupy(self, task: asyncio.Task[Any], site: str) -> None:
        """Counts the task for its site until it ends."""
        self._busy[task] = site
        task.add_done_callback(lambda _: self._busy.pop(task, None))

    async def _address(self, url: str, host: str, port: int) -> str:
        """The checked address. A lookup cannot be broken off, so one that outlasts its fetch takes
        that one's place until it ends."""
        lookup = asyncio.ensure_future(self._resolve(host, port))
        try:
            return await asyncio.shield(lookup)
        except asyncio.CancelledError:
            task = asyncio.create_task(_ended(lookup), name="a lookup that goes on")
            self._occupy(task, _site(url))
            raise

    async def _get(self, url: str) -> bytes:
        """The document's bytes. Raises `NoDocument`, `NotPublic` or errors of httpx."""
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or HTTPS_PORT
        # Else a stranger could have us try the ports of other people's machines.
        if port != self._port:
            raise NoDocument("not on the port of https")
        # DNS rebinding: the name is resolved once, every address must be public, and the connection
        # goes to an address that was checked. A second resolution could lead elsewhere.
        address = await self._address(url, host, port)
        target = httpx.URL(url).copy_with(host=address)
        async with (
            self._make_http() as http,
            http.stream(
                "GET",
                target,
                headers={
                    "Host": parts.netloc,
                    "Accept": "application/json",
                    # A few compressed bytes could become any number of bytes.
                    "Accept-Encoding": "identity",
                },
                # The certificate must be for the name, although we connect to the address.
                extensions={"sni_hostname": host},
            ) as response,
        ):
            if response.status_code == 429 or response.status_code >= 500:
                raise Unreachable(f"status {response.status_code}")
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
    # Else one site could speak for another one's client.
    if document.client_id != url:
        raise NoDocument("the document names another client_id")
    # Nobody could have told such a client a secret.
    if (document.token_endpoint_auth_method or "none") != "none":
        raise NoDocument("the client does not use the method none")
    # As in a registration: one that we refuse does not spoil the good ones beside it.
    given = dict.fromkeys(uri for uri in document.redirect_uris if uri is not None)
    redirect_uris = tuple(filter(is_acceptable, given))
    if not redirect_uris:
        raise NoDocument("no acceptable redirect URI")
    host = urlsplit(url).netloc
    name = display_name(document.client_name or "")
    return Client(
        client_id=url,
        # The host is what the document proves; the name is only what it says.
        name=f"{name} ({host})" if name else host,
        redirect_uris=redirect_uris,
    )


def _make_http() -> httpx.AsyncClient:
    # No redirects: they could lead to an address that was not checked. No proxy from the
    # environment: it would resolve the name itself. A client for each fetch keeps no cookies.
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
        # Counted as they come: an announced length may be wrong, and a body may have no end.
        if len(pieces) > MAX_DOCUMENT_BYTES:
            raise NoDocument(f"larger than {MAX_DOCUMENT_BYTES} bytes")
    return bytes(pieces)


def _site(url: str) -> str:
    """The last two labels of the host, so that sub-domains count as one. Too coarse for names
    below a suffix such as `co.uk`, whose sites then share their part."""
    host = urlsplit(url).hostname or ""
    return host if is_address(host) else ".".join(host.split(".")[-2:])


async def _ended(lookup: asyncio.Future[str]) -> None:
    await asyncio.wait([lookup])
    # Looked at, or asyncio complains that nobody did.
    _ = lookup.cancelled() or lookup.exception()


def _no_client() -> OAuthError:
    text = "No usable client metadata document is at the URL that the client has as its id."
    return OAuthError("invalid_client", text, status_code=401)


def _too_many() -> OAuthError:
    return _not_now("Too many clients are being looked up.", BUSY_WAIT_SECONDS)


def _nobody_can_say() -> OAuthError:
    text = "The client's metadata document cannot be fetched just now."
    return _not_now(text, REMEMBERED_FAILURE_SECONDS)


def _not_now(text: str, retry_after_seconds: int) -> OAuthError:
    return OAuthError(
        "temporarily_unavailable",
        f"{text} Try again in {retry_after_seconds} seconds.",
        status_code=503,
        retry_after_seconds=retry_after_seconds,
    )
