"""JSON of accounts: the short form inside other objects, and the long one of `/user`."""

from github_simulator.clock import iso_time
from github_simulator.model import Account
from github_simulator.rest.answers import JsonObject
from github_simulator.rest.call import Call


def simple_user(call: Call, account: Account) -> JsonObject:
    """The short form (schema simple-user)."""
    url = f"{call.api_url}/users/{account.login}"
    return {
        "login": account.login,
        "id": account.user_id,
        "node_id": f"U_{account.user_id}",
        "avatar_url": f"{_avatars(call)}/u/{account.user_id}?v=4",
        "gravatar_id": "",
        "url": url,
        "html_url": f"{call.base_url}/{account.login}",
        "followers_url": f"{url}/followers",
        "following_url": f"{url}/following{{/other_user}}",
        "gists_url": f"{url}/gists{{/gist_id}}",
        "starred_url": f"{url}/starred{{/owner}}{{/repo}}",
        "subscriptions_url": f"{url}/subscriptions",
        "organizations_url": f"{url}/orgs",
        "repos_url": f"{url}/repos",
        "events_url": f"{url}/events{{/privacy}}",
        "received_events_url": f"{url}/received_events",
        "type": "User",
        "user_view_type": "public",
        "site_admin": False,
    }


def public_user(call: Call, account: Account) -> JsonObject:
    """The long form as everybody sees it (schema public-user)."""
    gists = call.simulator.world.gists_of(account.user_id)
    return {
        **simple_user(call, account),
        "name": account.name,
        "company": account.company,
        "blog": "",
        "location": account.location,
        "email": None,
        "hireable": None,
        "bio": account.bio,
        "twitter_username": None,
        "public_repos": account.public_repos,
        "public_gists": sum(gist.public for gist in gists),
        "followers": account.followers,
        "following": account.following,
        "created_at": iso_time(account.created_at),
        "updated_at": iso_time(account.created_at),
    }


def private_user(call: Call, account: Account) -> JsonObject:
    """The long form as the user sees it (schema private-user)."""
    gists = call.simulator.world.gists_of(account.user_id)
    return {
        **public_user(call, account),
        "user_view_type": "private",
        "email": account.email,
        "notification_email": account.email,
        "private_gists": sum(not gist.public for gist in gists),
        "total_private_repos": 0,
        "owned_private_repos": 0,
        "disk_usage": 0,
        "collaborators": 0,
        "two_factor_authentication": True,
        "plan": {"name": "free", "space": 976562499, "collaborators": 0, "private_repos": 10000},
    }


def _avatars(call: Call) -> str:
    path = call.simulator.product.avatars
    return "https://avatars.githubusercontent.com" if path is None else call.base_url + path
