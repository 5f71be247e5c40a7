"""What each product of GitHub's does differently: github.com, GitHub Enterprise Server, GHE.com.

Source: GitHub Docs of each product, where `choices` does not say otherwise. What an operator of an
Enterprise Server can switch has a switch in `settings` too; here is how it comes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, get_args

from github_simulator.choices import SERVER_API_VERSIONS, SERVER_VERSION

ProductName = Literal["github.com", "ghes", "ghe.com"]
PRODUCT_NAMES: Final[tuple[ProductName, ...]] = get_args(ProductName)

API_PREFIX: Final = "/api/v3"
GIST_HOST: Final = "/gist.github.com"
RAW_HOST: Final = "/gist.githubusercontent.com"
GIST_PATH: Final = "/gist"
API_VERSIONS: Final = ("2026-03-10", "2022-11-28")


@dataclass(frozen=True, kw_only=True)
class Product:
    """One product. The first of `api_prefixes` is where answers say that the API is.

    Here everything is one host: other hosts of github.com are paths with their names.
    """

    api_prefixes: tuple[str, ...]
    api_versions: tuple[str, ...] = API_VERSIONS
    gists: str
    """Below this path are the pages of gists ..."""
    raw_files: str
    """... and below this their raw files."""
    avatars: str | None
    """Where pictures are on this host; `None`: on a host of their own."""
    headers: Mapping[str, str]
    """What each answer of the API says of the product."""
    takes_pkce: bool
    """False: `code_challenge` and `code_verifier` are ignored."""
    expires_tokens: bool
    """False: neither `offline_access` nor a setting of the app makes a token expire."""
    answers_strangers: bool
    """False: the API answers nobody without a credential."""
    hides_raw_files: bool
    """True: `raw_url` is for browsers that are signed in."""
    has_gists: bool = True
    """False: its users cannot make gists, nor comment on any."""


PRODUCTS: Final[Mapping[ProductName, Product]] = {
    "github.com": Product(
        api_prefixes=("", API_PREFIX),
        gists=GIST_HOST,
        raw_files=RAW_HOST,
        avatars=None,
        headers={},
        takes_pkce=True,
        expires_tokens=True,
        answers_strangers=True,
        hides_raw_files=False,
    ),
    # In private mode and without subdomain isolation.
    "ghes": Product(
        api_prefixes=(API_PREFIX,),
        api_versions=SERVER_API_VERSIONS,
        gists=GIST_PATH,
        raw_files=GIST_PATH,
        avatars="/avatars",
        headers={"x-github-enterprise-version": f"enterprise-server@{SERVER_VERSION}"},
        takes_pkce=False,
        expires_tokens=False,
        answers_strangers=False,
        hides_raw_files=True,
    ),
    "ghe.com": Product(
        api_prefixes=("",),
        gists=GIST_PATH,
        raw_files=GIST_PATH,
        avatars="/avatars",
        headers={},
        takes_pkce=True,
        expires_tokens=True,
        answers_strangers=False,
        hides_raw_files=True,
        has_gists=False,
    ),
}

INITIAL_SWITCHES: Final[Mapping[ProductName, Mapping[str, bool]]] = {
    "github.com": {},
    # Limits are off until an administrator switches them on. Exact matching came with 3.24.
    "ghes": {"send_iss": False, "rate_limits": False, "wildcard_redirects": True},
    "ghe.com": {"send_iss": False},
}
"""Fields of `Settings` that begin with another value."""
