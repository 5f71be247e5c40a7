"""`/login/oauth/authorize`: the page, and what follows from its two buttons."""

import secrets
from collections.abc import Mapping

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from github_simulator import choices
from github_simulator.model import Account, AuthorizationCode, Grant
from github_simulator.oauth.authorization_request import (
    PARAMETERS,
    AuthorizationRequest,
    Refusal,
    error_parameters,
    parse_authorization_request,
    refusal,
    with_parameters,
)
from github_simulator.oauth.browser import is_own_form, page, sign_in, signed_in_user
from github_simulator.oauth.credentials import sha256_hex
from github_simulator.oauth.scopes import IN_WORDS, normalised
from github_simulator.simulator import Simulator, base_url_of, simulator_of

CODE_LIFETIME_SECONDS = 600
CODE_CHARACTERS = 20
TOKENS_PER_HOUR_WITHOUT_PROMPT = 10


async def show_page(request: Request) -> Response:
    """GET: the consent page, a refusal, or straight back for what was granted before."""
    simulator = simulator_of(request)
    asked = parse_authorization_request(request.query_params)
    refused = refusal(asked, simulator.app, simulator.settings)
    if refused is not None:
        return _refuse(request, asked, refused)
    grant = _standing_grant(request, asked)
    if grant is not None:
        account = simulator.world.accounts[grant.user_id]
        return _approve(request, asked, account, grant.scopes)
    return _consent_page(request, asked)


async def decide(request: Request) -> Response:
    """POST: the form with `account`, any number of `scope`, and `decision`."""
    simulator = simulator_of(request)
    form = await request.form()
    if not is_own_form(request, _text(form, "authenticity_token")):
        return PlainTextResponse("This page is out of date: go back and load it again.", 403)
    asked = parse_authorization_request(_texts(form))
    refused = refusal(asked, simulator.app, simulator.settings)
    if refused is not None:
        return _refuse(request, asked, refused)
    account = simulator.world.account_by_login(_text(form, "account"))
    decision = _text(form, "decision")
    if account is None or decision not in ("approve", "deny"):
        return PlainTextResponse("Choose an account, then Authorize or Cancel.", 400)
    sign_in(request, account.user_id)
    if decision == "deny":
        denied = Refusal(
            "redirect",
            "access_denied",
            "The user has denied your application access.",
            asked.target(simulator.app),
        )
        return _refuse(request, asked, denied)
    return _approve(request, asked, account, _approved_scopes(simulator, asked, account, form))


def _text(form: FormData, name: str) -> str:
    value = form.get(name)
    return value if isinstance(value, str) else ""


def _texts(form: FormData) -> Mapping[str, str]:
    """The request's parameters as the page's hidden fields carry them."""
    # `scope` is the name of the checkboxes, so the original value has another one.
    names = {"requested_scope" if name == "scope" else name: name for name in PARAMETERS}
    found = {names[field]: form.get(field) for field in names if field in form}
    return {name: value for name, value in found.items() if isinstance(value, str)}


def _standing_grant(request: Request, asked: AuthorizationRequest) -> Grant | None:
    """The grant that lets a request without `scope` pass without a page."""
    user_id = signed_in_user(request)
    if user_id is None or asked.scope is not None or asked.prompt == "select_account":
        return None
    simulator = simulator_of(request)
    hour_ago = simulator.clock.now() - 3600
    recent = [
        token
        for token in simulator.world.tokens.values()
        if (token.user_id, token.client_id) == (user_id, asked.client_id)
        and token.created_at > hour_ago
    ]
    if len(recent) >= TOKENS_PER_HOUR_WITHOUT_PROMPT:
        return None
    return simulator.world.grant_of(user_id, asked.client_id)


def _consent_page(request: Request, asked: AuthorizationRequest) -> Response:
    simulator = simulator_of(request)
    suggested = simulator.world.account_by_login(asked.login or "")
    accounts = list(simulator.world.accounts.values())
    signed_in = signed_in_user(request)
    chosen = suggested.user_id if suggested else signed_in or accounts[0].user_id
    hidden = {
        ("requested_scope" if name == "scope" else name): value
        for name in PARAMETERS
        if (value := getattr(asked, name)) is not None
    }
    return page(
        request,
        "authorize.html",
        form_target=asked.target(simulator.app),
        hidden=hidden,
        accounts=accounts,
        chosen=chosen,
        scopes=[(scope, IN_WORDS.get(scope, scope)) for scope in normalised(asked.scopes)],
        target=asked.target(simulator.app),
    )


def _approved_scopes(
    simulator: Simulator, asked: AuthorizationRequest, account: Account, form: FormData
) -> list[str]:
    """What was asked for and left ticked; without `scope`, everything granted before."""
    if asked.scope is None:
        grant = simulator.world.grant_of(account.user_id, asked.client_id)
        return list(grant.scopes) if grant else []
    ticked = set(form.getlist("scope"))
    return [scope for scope in normalised(asked.scopes) if scope in ticked]


def _approve(
    request: Request, asked: AuthorizationRequest, account: Account, scopes: list[str]
) -> Response:
    """Remember the grant, make a code, and go back to the app with it."""
    simulator = simulator_of(request)
    now = simulator.clock.now()
    grant = simulator.world.grant_of(account.user_id, asked.client_id)
    if grant is None:
        grant = Grant(account.user_id, asked.client_id, [], now)
        simulator.world.grants.append(grant)
    grant.scopes = normalised([*grant.scopes, *scopes])
    code = secrets.token_hex(CODE_CHARACTERS // 2)
    simulator.world.codes[sha256_hex(code)] = AuthorizationCode(
        client_id=asked.client_id,
        user_id=account.user_id,
        scopes=scopes,
        redirect_uri=asked.target(simulator.app),
        code_challenge=asked.code_challenge if simulator.product.takes_pkce else None,
        offline_access=asked.wants_offline_access,
        expires_at=now + CODE_LIFETIME_SECONDS,
    )
    simulator.store.changed()
    return _go_back(request, asked, asked.target(simulator.app), {"code": code})


def _refuse(request: Request, asked: AuthorizationRequest, refused: Refusal) -> Response:
    if refused.way == "page":
        is_unknown = refused.error == "unknown_client"
        status = choices.UNKNOWN_CLIENT_STATUS if is_unknown else choices.BE_CAREFUL_STATUS
        return page(request, "be_careful.html", status=status, unknown_client=is_unknown)
    parameters = error_parameters(refused.error, refused.description)
    return _go_back(request, asked, refused.target, parameters)


def _go_back(
    request: Request, asked: AuthorizationRequest, target: str, parameters: dict[str, str]
) -> Response:
    """Redirect to the app; `iss` and `state` come last, in the order seen on github.com."""
    wants_iss = "code" in parameters or choices.ISS_ON_ERROR_REDIRECTS
    if simulator_of(request).settings.send_iss and wants_iss:
        parameters["iss"] = f"{base_url_of(request)}/login/oauth"
    if asked.state is not None:
        parameters["state"] = asked.state
    headers = {"cache-control": "no-store", "referrer-policy": "no-referrer"}
    return RedirectResponse(with_parameters(target, parameters), 302, headers)
