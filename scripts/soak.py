"""Runs a soak: several people, all tools, random faults and SIGKILLs, then an audit.

SOAK_SECONDS (600) says for how long, SOAK_SEED repeats an earlier plan. Exits with 1 if GitHub's
gists, the ledger and the clients' results do not agree, and keeps the state and the log then.
"""

import os
import random
import sys
import tempfile
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(REPOSITORY), str(REPOSITORY / "api"), str(REPOSITORY / "backend" / "src")]

from tests.durability.audit import disagreements  # noqa: E402
from tests.durability.soak import Soak  # noqa: E402
from tests.durability.stage import stage  # noqa: E402


def main() -> int:
    """One soak and its audit."""
    seconds = float(os.environ.get("SOAK_SECONDS", "600"))
    seed = int(os.environ.get("SOAK_SEED", random.SystemRandom().randrange(10**6)))
    folder = Path(tempfile.mkdtemp(prefix="soak-"))
    print(f"Soaking for {seconds:g} seconds; SOAK_SEED={seed} repeats the plan.", flush=True)
    plan = random.Random(seed)  # noqa: S311 - a plan, no secret
    effect_validation, servers = plan.choice(("quiet", "disabled")), plan.choice((1, 2))
    print(f"Effect validation {effect_validation}, server processes: {servers}", flush=True)
    with stage(folder, servers=servers, effect_validation=effect_validation) as built:
        soak = Soak(built, seed=seed, seconds=seconds)
        soak.run()
        problems = soak.problems + disagreements(built, soak.asked)
    told = sum(each.gist_id is not None for each in soak.asked)
    doubtful = sum(each.may_exist for each in soak.asked)
    print(f"{soak.kills} kills, {soak.faults} faults, {len(soak.asked)} calls of create_gist:")
    print(f"{soak.cancelled} cancelled, {soak.deleted} ended with their session;")
    print(f"{told} told of their gist, {doubtful} left in doubt, the rest refused.")
    if not problems:
        print("GitHub, the ledger and the clients agree.")
        return 0
    print(f"They do not agree (SOAK_SEED={seed}; state and log in {folder}):")
    print("\n".join(f"- {problem}" for problem in problems))
    return 1


if __name__ == "__main__":
    sys.exit(main())
