"""Control: accounts, grants, tokens and gists, changed behind the API's back."""

from pydantic import BaseModel
from starlette.requests import Request

from github_simulator.control.control_error import ControlError
from github_simulator.control.models import (
    AccountChange,
    GistChange,
    GistContent,
    GistView,
    GrantChange,
    NewAccount,
    NewToken,
    RemainingChange,
    Revocation,
    gist_view,
)
from github_simulator.model import Account, Grant
from github_simulator.oauth.credentials import issue_token, revoke_where
from github_simulator.oauth.scopes import normalised
from github_simulator.rest.gist_rules import NewGist
from github_simulator.rest.gist_writing import add_gist
from github_simulator.simulator import simulator_of


class TokenValue(BaseModel):
    """The value of a new token, said this once."""

    token: str


class Revoked(BaseModel):
    """How many tokens died."""

    revoked: int


class AccountView(BaseModel):
    """An account."""

    user_id: int
    login: str
    name: str
    email: str
    email_verified: bool


async def list_users(request: Request) -> list[AccountView]:
    """All accounts."""
    return [_view(account) for account in simulator_of(request).world.accounts.values()]


async def create_user(request: Request) -> AccountView:
    """Make an account."""
    simulator, world = simulator_of(request), simulator_of(request).world
    login = NewAccount.model_validate_json(await request.body()).login
    if world.account_by_login(login) is not None:
        raise ControlError(409, f"There is an account {login} already")
    account = Account(world.next_number(), login, login, f"{login}@example.com")
    world.accounts[account.user_id] = account
    simulator.store.changed()
    return _view(account)


async def change_user(request: Request) -> AccountView:
    """Rename an account, change its email, or take the verification away."""
    account = _account(request)
    change = AccountChange.model_validate_json(await request.body())
    for name, value in change.model_dump(exclude_none=True).items():
        setattr(account, name, value)
    simulator_of(request).store.changed()
    return _view(account)


async def set_remaining(request: Request) -> None:
    """Set what a user has left of the primary limit in this hour."""
    simulator, account = simulator_of(request), _account(request)
    remaining = RemainingChange.model_validate_json(await request.body()).remaining
    window = simulator.limits.window(
        f"user {account.user_id}", simulator.settings.user_rate_limit, simulator.clock.now()
    )
    window.used = max(0, window.limit - remaining)


async def set_grant(request: Request) -> None:
    """Edit what a user allowed the app; the app's tokens of that user follow."""
    simulator, account = simulator_of(request), _account(request)
    change = GrantChange.model_validate_json(await request.body())
    scopes, client_id = normalised(change.scopes), simulator.app.client_id
    grant = simulator.world.grant_of(account.user_id, client_id)
    if grant is None:
        grant = Grant(account.user_id, client_id, [], simulator.clock.now())
        simulator.world.grants.append(grant)
    grant.scopes = scopes
    for token in simulator.world.tokens.values():
        if (token.user_id, token.client_id) == (account.user_id, client_id):
            token.scopes = scopes
    simulator.store.changed()


async def create_token(request: Request) -> TokenValue:
    """Make a token of any kind for a user, without a sign-in."""
    account = _account(request)
    new = NewToken.model_validate_json(await request.body())
    issued = issue_token(
        simulator_of(request),
        account.user_id,
        normalised(new.scopes),
        kind=new.kind,
        expires=new.expires,
    )
    return TokenValue(token=issued.access_token)


async def revoke_tokens(request: Request) -> Revoked:
    """Revoke all tokens of a user, of the app, or of everybody."""
    simulator = simulator_of(request)
    wanted = Revocation.model_validate_json(await request.body() or b"{}")
    user_id = None if wanted.login is None else _by_login(request, wanted.login).user_id
    client_id = simulator.app.client_id if wanted.only_app else None
    return Revoked(revoked=revoke_where(simulator, user_id, client_id))


async def list_gists(request: Request) -> list[GistView]:
    """A user's gists with contents, newest first, whatever the lists show."""
    gists = simulator_of(request).world.gists_of(_account(request).user_id)
    return [gist_view(gist) for gist in gists]


async def create_gists(request: Request) -> list[GistView]:
    """Make gists for a user, as if on the web."""
    account = _account(request)
    content = GistContent.model_validate_json(await request.body())
    new = NewGist(content.description, content.public, content.files)
    simulator = simulator_of(request)
    gists = [add_gist(simulator, account.user_id, new) for _ in range(content.count)]
    return [gist_view(gist) for gist in gists]


async def change_gist(request: Request) -> GistView:
    """Block a gist, lift the block, or show it otherwise than it is."""
    simulator = simulator_of(request)
    gist = simulator.world.gists.get(request.path_params["gist_id"])
    if gist is None:
        raise ControlError(404, "no such gist")
    change = GistChange.model_validate_json(await request.body())
    for name, value in change.model_dump(exclude_none=True).items():
        setattr(gist, name, value)
    simulator.store.changed()
    return gist_view(gist)


def _account(request: Request) -> Account:
    return _by_login(request, request.path_params["login"])


def _by_login(request: Request, login: str) -> Account:
    account = simulator_of(request).world.account_by_login(login)
    if account is None:
        raise ControlError(404, "no such account")
    return account


def _view(account: Account) -> AccountView:
    return AccountView(
        user_id=account.user_id,
        login=account.login,
        name=account.name,
        email=account.email,
        email_verified=account.email_verified,
    )


TABLE = (
    ("GET", "/users", list_users),
    ("POST", "/users", create_user),
    ("PATCH", "/users/{login}", change_user),
    ("PUT", "/users/{login}/remaining", set_remaining),
    ("PUT", "/users/{login}/grant", set_grant),
    ("POST", "/users/{login}/tokens", create_token),
    ("GET", "/users/{login}/gists", list_gists),
    ("POST", "/users/{login}/gists", create_gists),
    ("PATCH", "/gists/{gist_id}", change_gist),
    ("POST", "/tokens/revoke", revoke_tokens),
)
