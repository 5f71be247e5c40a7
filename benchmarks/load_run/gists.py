"""Do GitHub's gists agree with what the calls were told: none twice, none lost? Pure."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from benchmarks.load_run.outcome import Kind, Outcome


@dataclass(frozen=True)
class GistCall:
    """A `create_gist` call and what it was told. No two changes have the same description; calls
    with one description are repeats of one change, by its key."""

    account: str
    description: str
    outcome: Outcome
    gist_id: str = ""


def disagreements(
    calls: Iterable[GistCall], made: Mapping[str, Iterable[tuple[str, str]]]
) -> list[str]:
    """Everything that does not agree, in words. `made` has id and description of each gist of each
    account. A call that ended in an error may have made its gist, once."""
    asked: dict[tuple[str, str], list[GistCall]] = defaultdict(list)
    for call in calls:
        asked[call.account, call.description].append(call)
    found: dict[tuple[str, str], set[str]] = defaultdict(set)
    for account, gists in made.items():
        for gist_id, description in gists:
            found[account, description].add(gist_id)
    return [
        f"{' '.join(change)}: {problem}"
        for change in sorted({*asked, *found})
        for problem in _problems(asked[change], found[change])
    ]


def _problems(calls: list[GistCall], made: set[str]) -> Iterable[str]:
    told = {call.gist_id for call in calls if call.gist_id}
    if len(made) > 1:
        yield f"made {len(made)} times"
    if told - made:
        yield "its call was told of a gist that GitHub does not have"
    if made and not calls:
        yield "made, though nobody asked for it"
    elif made and all(call.outcome.kind is Kind.STATED_LIMIT for call in calls):
        yield "made, though its call was refused"
