"""What `make budgets` can be told, by environment variables; `make budgets USERS=50` sets one."""

from collections.abc import Mapping
from dataclasses import dataclass

from benchmarks.settings import SettingError, seconds_of, whole_number


@dataclass(frozen=True)
class BudgetSettings:
    """One simulation. A pause is the average of one person."""

    users: int
    processes: int
    seconds: float
    call_pause_seconds: float
    direct_percent: int
    """So many of a hundred users bring a GitHub token as it is; the others have tokens of ours,
    which last an hour, and refresh once."""
    known_sign_ins: int
    new_sign_ins: int
    """Sign-ins of users, from browsers that have signed in here before and from others."""
    random_tokens_per_second: float
    garbage_codes_per_second: float
    """What strangers send."""
    stranger_addresses: int
    seed: int


def parse_budget_settings(environ: Mapping[str, str]) -> BudgetSettings:
    """The settings in `environ`. Raises `SettingError`."""
    direct_percent = whole_number(environ, "DIRECT_PERCENT", 50, least=0)
    if direct_percent > 100:
        raise SettingError("DIRECT_PERCENT: must be at most 100")
    return BudgetSettings(
        users=whole_number(environ, "USERS", 500),
        processes=whole_number(environ, "PROCESSES", 8),
        seconds=seconds_of(environ, "SECONDS", 3600),
        call_pause_seconds=seconds_of(environ, "CALL_PAUSE_SECONDS", 20),
        direct_percent=direct_percent,
        known_sign_ins=whole_number(environ, "KNOWN_SIGN_INS", 100, least=0),
        new_sign_ins=whole_number(environ, "NEW_SIGN_INS", 20, least=0),
        random_tokens_per_second=seconds_of(environ, "RANDOM_TOKENS_PER_SECOND", 2),
        garbage_codes_per_second=seconds_of(environ, "GARBAGE_CODES_PER_SECOND", 1),
        stranger_addresses=whole_number(environ, "STRANGER_ADDRESSES", 1000),
        seed=whole_number(environ, "SEED", 11, least=0),
    )
