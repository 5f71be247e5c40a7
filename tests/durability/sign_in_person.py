"""Somebody who signs in, in a browser, by either flow, while servers die."""

import re
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Literal, Self

import httpx

from gist_mcp.tokens.access_token import open_access_token
from gist_mcp.tokens.sealing import Sealer
from tests.durability.stage import Stage
from tests.mcp_clients.person import BROWSER_ACCEPT, query_of, read_form
from tests.support.consent_form import open_consent
from tests.support.oauth_client import OAuthClient, open_session
from tests.support.tcp_proxy import TcpProxy
from tests.support.world import TOKEN_KEY

Flow = Literal["tutorial", "client"]
REQUEST_SECONDS = 40.0
HREF = re.compile(r'href="(/oauth/authorize)"')
GITHUB_TOKEN = re.compile(r'value="(gho_[^"]+)"')


class Person:
    """One browser with its cookies, and in the client's flow one client that waits for it.

    All of it goes through a proxy in front of the server, which can lose the answers.
    """

    def __init__(
        self,
        stage: Stage,
        flow: Flow,
        account: str = "octocat",
        scopes: list[str] | None = None,
    ) -> None:
        self.stage = stage
        self.flow: Flow = flow
        self.account = account
        self.scopes = scopes
        self.front = TcpProxy(stage.server.url)
        self._threads = ThreadPoolExecutor(max_workers=4)
        headers = {"Host": stage.server.url.partition("//")[2], "Accept": BROWSER_ACCEPT}
        self._browser = httpx.Client(headers=headers, trust_env=False, timeout=REQUEST_SECONDS)

    def __enter__(self) -> Self:
        self.front.__enter__()
        url = self.stage.server.url
        self._client = OAuthClient(url, via=self._front_url) if self.flow == "client" else None
        return self

    def __exit__(self, *_: object) -> None:
        self.front.__exit__(None, None, None)
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._browser.close()

    @property
    def _front_url(self) -> str:
        # The name, not the number: cookies belong to a name, whatever the port.
        return f"http://localhost:{self.front.url.rpartition(':')[2]}"

    @property
    def client(self) -> OAuthClient:
        """The client, which somebody in the tutorial's flow has none of."""
        assert self._client is not None
        return self._client

    def get(self, url: str) -> httpx.Response:
        """The browser goes to an address of the server."""
        return self._browser.get(self._through_front(url))

    def at_once(self, *urls: str) -> list[httpx.Response]:
        """The browser goes to several addresses at the same time."""
        tabs = [self.meanwhile(partial(self.get, url)) for url in urls]
        return [tab.result(REQUEST_SECONDS) for tab in tabs]

    def winner_and_loser(self, *urls: str) -> tuple[httpx.Response, httpx.Response]:
        """Of two addresses gone to at the same time."""
        loser, winner = sorted(self.at_once(*urls), key=self.has_ended)
        return winner, loser

    def open_tab_beside(self, other: "Person") -> httpx.Response:
        """The first page, in `other`'s browser, asked for before that has a cookie."""
        if other is not self:
            self._browser.close()
        self._browser = other._browser
        url = self._client.authorize_url if self._client else "/oauth/authorize"
        answer = self.elsewhere(url)
        self._browser.cookies.update(answer.cookies)
        return answer

    def elsewhere(self, url: str) -> httpx.Response:
        """The same address in another browser."""
        headers = dict(self._browser.headers)
        return httpx.get(self._through_front(url), headers=headers, trust_env=False, timeout=30)

    def meanwhile[T](self, ask: Callable[[], T]) -> Future[T]:
        """`ask` on a thread of its own."""
        return self._threads.submit(ask)

    def first_page(self) -> str:
        """Where it begins: nothing in the tutorial's flow, a client's consent page, sealed."""
        if self._client is None:
            return ""
        page = self.get(self._client.authorize_url)
        assert page.status_code == 200, page.text
        return page.text

    def set_out(self, first_page: str | None = None) -> str:
        """The address at GitHub that the browser is sent to."""
        page = self.first_page() if first_page is None else first_page
        return self.location_after(self.approve(page) if page else self.get("/oauth/authorize"))

    def location_after(self, answer: httpx.Response) -> str:
        """Where the browser is sent, once a consent page that comes first is answered."""
        if answer.status_code == 200:
            answer = self.approve(answer.text)
        assert answer.status_code in (302, 303), answer.text
        return str(answer.headers["location"])

    def approve(self, page: str) -> httpx.Response:
        """Presses the first button of a page of ours."""
        form = {**read_form(page), "decision": "approve"}
        return self._browser.post(f"{self._front_url}/oauth/consent", data=form)

    def agree(self, authorize_url: str) -> str:
        """Says yes at GitHub; returns the address that GitHub sends the browser to."""
        return self.stage.github.approve(authorize_url, self.account, self.scopes)

    def callback(self) -> str:
        """All of it up to the way back from GitHub."""
        return self.agree(self.set_out())

    def code(self) -> str:
        """All of it up to the client's code."""
        return self.code_in(self.get(self.callback()))

    def code_in(self, answer: httpx.Response) -> str:
        """The code in the redirect to the client, which fits the client's request."""
        assert answer.status_code == 302, f"{answer.status_code} {answer.text}"
        location = answer.headers["location"]
        assert location.startswith(self.client.redirect_uri)
        query = query_of(location)
        assert (query["state"], query["iss"]) == (self.client.state, self.stage.server.url)
        return query["code"]

    def has_ended(self, answer: httpx.Response) -> bool:
        """True for the good end of the browser's way."""
        if self.flow == "client":
            return answer.status_code == 302 and "code=" in answer.headers["location"]
        return answer.status_code == 200 and GITHUB_TOKEN.search(answer.text) is not None

    def token_from(self, answer: httpx.Response) -> str:
        """The access token that the good end leads to."""
        assert self.has_ended(answer), f"{answer.status_code} {answer.text}"
        if self.flow == "client":
            redeemed = self.client.redeem(self.code_in(answer))
            assert redeemed.status_code == 200, redeemed.text
            return str(redeemed.json()["access_token"])
        found = GITHUB_TOKEN.search(answer.text)
        assert found is not None
        assert f"Signed in as {self.account}" in answer.text
        return found.group(1)

    def uses(self, access_token: str) -> None:
        """The token is this person's, and it works."""
        url = self.stage.server.url
        if self.flow == "client":
            opened = open_access_token(
                Sealer([TOKEN_KEY]), access_token, resource=f"{url}/mcp", now=0
            )
            assert opened.login == self.account
        answer = open_session(url, access_token)
        assert answer.status_code == 200, f"{answer.status_code} {answer.text}"

    def start_again(self, page: httpx.Response) -> httpx.Response:
        """Does what a friendly page offers, up to where that ends."""
        if self.flow == "client":
            answer = self.approve(page.text)
            assert answer.status_code == 303, answer.text
            location = str(answer.headers["location"])
        else:
            found = HREF.search(page.text)
            assert found is not None, page.text
            location = str(self.get(found.group(1)).headers["location"])
        return self.get(self.agree(location))

    def _through_front(self, url: str) -> str:
        return self._front_url + url.removeprefix(self.stage.server.url)


def friendly(answer: httpx.Response, title: str) -> httpx.Response:
    """The answer, which must be a page that says what happened, and nothing it should not."""
    assert answer.status_code == 400, f"{answer.status_code} {answer.text}"
    assert f"<h1>{title}</h1>" in answer.text, answer.text
    # The sealed request in the form is random text: about once in ten thousand pages it has the
    # beginning of a token in it.
    text = answer.text.replace(read_form(answer.text).get("request", "no form"), "")
    for secret in ("gho_", "ghr_", "ggm_", "Traceback"):
        assert secret not in text, secret
    return answer


def page_of_github(authorize_url: str) -> Callable[[Person], str]:
    """GitHub's page, open now; the person says yes whenever the returned function is called."""
    page = open_consent(authorize_url)
    assert not isinstance(page, str)

    def say_yes(person: Person) -> str:
        return page.submit("approve", person.account, person.scopes)

    return say_yes
