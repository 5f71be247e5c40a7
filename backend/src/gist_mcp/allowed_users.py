"""Who may use this server: reads `ALLOWED_USERS`, and decides about an account. Pure rules.

GitHub's numeric id is what counts. A login can be given up, and then anybody can take it, so it is
only the way in which an operator names an account: it is looked up once
(`tokens/allowed_accounts.py`), and from then on it stands for the id that it had.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final, Self

MAX_LOGINS: Final = 1_000
"""Each is one question to GitHub, out of the 5,000 an hour of all users of the OAuth App."""

MAX_LOGIN_CHARACTERS: Final = 39
"""GitHub: the longest login, the short code of a managed user included."""

_SEPARATORS = re.compile(r"[\s,]+")
_USER_ID = re.compile(r"[1-9][0-9]{0,18}")
_LOGIN = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*(?:_[a-z0-9]+)?")
"""Letters, digits and single hyphens, none at an end; managed users of an enterprise have its short
code behind an underscore (GitHub Docs, username considerations). In lower case."""


class Verdict(Enum):
    """What is known about an account."""

    ALLOWED = "it is one of those that may use this server"
    REFUSED = "it is none of them"
    UNDECIDED = "it may be the account of a login that is not looked up yet"


@dataclass(frozen=True)
class AllowedUsers:
    """The accounts that an operator has named. None at all means everybody.

    `logins` are in lower case: GitHub compares them without case.
    """

    user_ids: frozenset[int] = frozenset()
    logins: frozenset[str] = frozenset()

    @classmethod
    def parse(cls, text: str) -> Self:
        """The accounts in a text, separated by commas or white space.

        An entry of digits is a numeric id, every other a login. `@` before a login is left out, and
        makes a login of digits too. Raises `ValueError`, which repeats nothing of the text.
        """
        entries = [entry for entry in _SEPARATORS.split(text) if entry]
        if not entries:
            # Nobody can be meant, and everybody must not be.
            raise ValueError("names nobody; leave it out, or empty, to let everybody sign in")
        user_ids, logins = set[int](), set[str]()
        for position, entry in enumerate(entries, start=1):
            login = entry.removeprefix("@").lower()
            if _is_user_id(entry):
                user_ids.add(int(entry))
            elif _is_login(login) and not entry.isdigit():
                logins.add(login)
            else:
                # By its position: what stands there by mistake may be a secret.
                raise ValueError(f"entry {position} is neither a GitHub login nor a numeric id")
        if len(logins) > MAX_LOGINS:
            raise ValueError(f"has more than {MAX_LOGINS} logins; give numeric ids instead")
        return cls(frozenset(user_ids), frozenset(logins))

    @property
    def is_everybody(self) -> bool:
        """True if nobody is named: every account may use this server."""
        return not self.user_ids and not self.logins

    def unresolved(self, resolved: Mapping[str, int | None]) -> list[str]:
        """The logins that were not looked up yet, in order."""
        return sorted(self.logins - resolved.keys())

    def verdict(self, user_id: int, resolved: Mapping[str, int | None]) -> Verdict:
        """Whether an account may use this server.

        `resolved` has the id for each login that was looked up, `None` for one that is nobody's.
        """
        if self.is_everybody or user_id in self.user_ids:
            return Verdict.ALLOWED
        if any(resolved.get(login) == user_id for login in self.logins):
            return Verdict.ALLOWED
        # Fail closed, and claim nothing that is not known: the account may be one of these.
        return Verdict.UNDECIDED if self.unresolved(resolved) else Verdict.REFUSED


def is_managed(login: str) -> bool:
    """True for the login of a managed user (GitHub Enterprise). Nobody else can take such a login,
    and GitHub shows it to members of the enterprise only.
    """
    return "_" in login


def _is_user_id(entry: str) -> bool:
    return _USER_ID.fullmatch(entry) is not None


def _is_login(login: str) -> bool:
    return len(login) <= MAX_LOGIN_CHARACTERS and _LOGIN.fullmatch(login) is not None
