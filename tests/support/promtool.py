"""promtool, with which Prometheus checks rules (Debian: prometheus)."""

import os
import shutil

import pytest


def promtool_program() -> str:
    """Where it is. Skips the test on a machine without; in CI, which installs it, that fails."""
    program = shutil.which("promtool")
    if program is not None:
        return program
    why = "promtool is not installed (apt-get install prometheus)"
    if "CI" in os.environ:
        pytest.fail(why)
    pytest.skip(why)
