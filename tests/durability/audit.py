"""Do GitHub's gists, the ledger and what the clients were told agree, one to one?"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from tests.durability.stage import USER_IDS, Stage
from tests.support.ledger import LedgerPicture
from tests.support.mcp_client import RunningCall

IN_DOUBT = "not known whether the gist was made"
A_BUG = "Something went wrong on this server"


@dataclass
class Asked:
    """One `create_gist` call of a client, and what it was told.

    `gist_id` for a success. `may_exist`: the client cannot know whether there is a gist, as long
    as it has no answer.
    """

    account: str
    description: str
    key: str | None
    gist_id: str | None = None
    may_exist: bool = True
    text: str = ""

    def arguments(self) -> dict[str, object]:
        """What the tool is called with."""
        arguments: dict[str, object] = {
            "description": self.description,
            "filename": "soak.md",
            "content": f"# {self.description}\n",
            "public": False,
        }
        return arguments if self.key is None else {**arguments, "idempotency_key": self.key}

    def again(self) -> "Asked":
        """The same call once more."""
        return Asked(account=self.account, description=self.description, key=self.key)

    def end(self, call: RunningCall) -> None:
        """Notes how the call ended. Without a result, its first event never came."""
        if call.result is None:
            return
        self.text = call.result.text
        self.may_exist = call.result.is_error and IN_DOUBT in self.text
        if not call.result.is_error:
            self.gist_id = str(call.result.structured["id"])


def disagreements(stage: Stage, asked: Iterable[Asked]) -> list[str]:
    """Everything that does not agree, in words.

    A call that its client cancelled counts like any other, for it ends and says how. One whose
    session its client ended may have made its gist, once.
    """
    asked = list(asked)
    found = [f"A bug was answered: {each.text}" for each in asked if A_BUG in each.text]
    for account in USER_IDS:
        own = [each for each in asked if each.account == account]
        ledger = stage.ledger(account)
        found += _with_github(stage, account, own, ledger)
        found += _within_the_ledger(ledger)
        found += _nothing_is_lost(stage, account, ledger)
    return found


def _with_github(
    stage: Stage, account: str, asked: list[Asked], ledger: LedgerPicture
) -> list[str]:
    found: list[str] = []
    made: dict[str, set[str]] = defaultdict(set)
    for gist in stage.github.gists(account):
        made[gist.description or ""].add(gist.gist_id)
    wanted: dict[str, list[Asked]] = defaultdict(list)
    for each in asked:
        wanted[each.description].append(each)
    for description in made.keys() | wanted.keys():
        calls = wanted[description]
        told = [each.gist_id for each in _distinct(calls) if each.gist_id is not None]
        if len(set(told)) != len(told):
            found.append(f"{description!r}: two calls were told of one gist")
        if missing := set(told) - made[description]:
            found.append(f"{description!r}: told of {missing}, which GitHub does not have")
        extra = made[description] - set(told)
        doubtful = sum(each.may_exist for each in _distinct(calls) if each.gist_id is None)
        if len(extra) > doubtful:
            found.append(f"{description!r}: {len(extra)} gists more than asked for")
        found += [f"{each}: no claim in the ledger" for each in told if each not in ledger.claims]
    return found


def _distinct(calls: list[Asked]) -> list[Asked]:
    """The calls, those with one key counted as one: its success, if it has one."""
    keyed: dict[str, Asked] = {}
    for each in calls:
        if each.key is not None and (each.key not in keyed or keyed[each.key].gist_id is None):
            keyed[each.key] = each
    return [each for each in calls if each.key is None] + list(keyed.values())


def _nothing_is_lost(stage: Stage, account: str, ledger: LedgerPicture) -> list[str]:
    """Each gist is in the ledger: claimed, or made by a change that the ledger has in doubt."""
    found: list[str] = []
    made = [gist.gist_id for gist in stage.github.gists(account)]
    unclaimed = [gist_id for gist_id in made if gist_id not in ledger.claims]
    in_doubt = sum(write.phase == "unknown" for write in ledger.writes)
    if len(unclaimed) > in_doubt:
        found.append(f"{account}: {unclaimed} are not in the ledger, which doubts {in_doubt}")
    listing = stage.player("audit", account).client.call("list_my_gists").wait()
    listed = [gist["id"] for gist in listing.structured["gists"]]
    if listing.structured["count"] != len(made) or listed != made[: len(listed)]:
        found.append(f"{account} is shown {listed}, {listing.structured['count']} in all")
    return found


def _within_the_ledger(ledger: LedgerPicture) -> list[str]:
    found: list[str] = []
    for write in ledger.writes:
        if write.phase == "running":
            found.append(f"{write.write_id} is still running")
        if write.phase == "done" and ledger.claims.get(write.gist_id or "") != write.write_id:
            found.append(f"{write.write_id} ended with a gist that it has not claimed")
    gists = [write.gist_id for write in ledger.writes if write.gist_id is not None]
    if len(set(gists)) != len(gists):
        found.append("Two changes in the ledger have one gist")
    return found
