"""The other pages: the start page, a gist's page, and what a user granted the app."""

from pathlib import Path

from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from github_simulator.oauth.browser import is_own_form, page
from github_simulator.oauth.credentials import revoke_grant
from github_simulator.oauth.scopes import IN_WORDS
from github_simulator.simulator import simulator_of

_STYLESHEET = (Path(__file__).parent.parent / "templates" / "simulator.css").read_text()


async def stylesheet(_: Request) -> Response:
    """The one stylesheet of all pages."""
    return Response(_STYLESHEET, headers={"cache-control": "no-cache"}, media_type="text/css")


async def home(request: Request) -> Response:
    """What this server is, and who can sign in."""
    return page(request, "home.html", accounts=simulator_of(request).world.accounts.values())


async def not_found(request: Request) -> Response:
    """GitHub's 404 for people."""
    return page(request, "not_found.html", status=404)


async def gist_page(request: Request) -> Response:
    """A gist for people: where `html_url` leads."""
    world = simulator_of(request).world
    gist = world.gists.get(request.path_params["gist_id"])
    if gist is None or gist.blocked:
        return await not_found(request)
    owner = world.accounts[gist.owner_id]
    return page(request, "gist.html", gist=gist, owner=owner)


async def connection(request: Request) -> Response:
    """`/settings/connections/applications/CLIENT_ID`: each account's grant."""
    simulator = simulator_of(request)
    if request.path_params["client_id"] != simulator.app.client_id:
        return await not_found(request)
    grants = [
        (simulator.world.accounts[grant.user_id], [IN_WORDS.get(s, s) for s in grant.scopes])
        for grant in simulator.world.grants
    ]
    return page(request, "connection.html", grants=grants)


async def revoke_connection(request: Request) -> Response:
    """POST: revoke the app's access for one account, with all its tokens."""
    simulator = simulator_of(request)
    form = await request.form()
    if not is_own_form(request, str(form.get("authenticity_token", ""))):
        return PlainTextResponse("This page is out of date: go back and load it again.", 403)
    account = simulator.world.account_by_login(str(form.get("account", "")))
    client_id = request.path_params["client_id"]
    if account is None or client_id != simulator.app.client_id:
        return await not_found(request)
    revoke_grant(simulator, account.user_id, client_id)
    return RedirectResponse(request.url.path, 303)
