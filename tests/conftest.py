"""What holds for every test: how Hypothesis searches."""

import os

from hypothesis import HealthCheck, settings

# No deadline: two cores shared with server processes make single examples slow now and then.
# No database: a failure must not depend on what an earlier run has left behind.
settings.register_profile(
    "dev", deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow]
)
# CI tries the same examples every time; new ones are found where somebody is there to look.
settings.register_profile("ci", settings.get_profile("dev"), derandomize=True, print_blob=True)
settings.register_profile("nightly", settings.get_profile("dev"), max_examples=2000)
settings.load_profile(
    os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if "CI" in os.environ else "dev")
)
