"""What `/metrics` tells: the sums over all server processes, in the text format of Prometheus."""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import psutil
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.registry import Collector

from gist_mcp.telemetry.metrics import REGISTRY
from gist_mcp.telemetry.shared_folder import VARIABLE

STATE_BYTES: Final = "gist_mcp_state_size_bytes"
BUILD_INFO: Final = "gist_mcp_build_info"

_LIVE_GAUGES = re.compile(r"gauge_live\w+_(?P<pid>\d+)\.db\Z")


class AtTheMoment(Collector):
    """What the scrape itself finds out: which version this is, and how large its state.

    `state_folder` is `None` where the state is not on this machine; then no size is told.
    """

    def __init__(self, *, version: str, state_folder: Path | None) -> None:
        self._version = version
        self._state_folder = state_folder

    def collect(self) -> Iterator[Metric]:
        """The two metrics."""
        build = GaugeMetricFamily(
            BUILD_INFO, "Always 1; the version is a label.", labels=["version"]
        )
        build.add_metric([self._version], 1)
        yield build
        if self._state_folder is not None:
            text = "What the durable state takes on disk."
            yield GaugeMetricFamily(STATE_BYTES, text, value=disk_usage_bytes(self._state_folder))


def exposition(at_the_moment: Collector) -> bytes:
    """The text. Reads files, so it is not for the event loop."""
    registry = CollectorRegistry()
    registry.register(at_the_moment)
    folder = os.environ.get(VARIABLE)
    if folder is None:
        # No server process: what is asked has the only counts.
        return generate_latest(REGISTRY) + generate_latest(registry)
    _forget_the_dead(Path(folder))
    MultiProcessCollector(registry, path=folder)
    return generate_latest(registry)


def _forget_the_dead(folder: Path) -> None:
    """What an ended process had open is open no more. What it has counted stays counted."""
    for path in folder.iterdir():
        named = _LIVE_GAUGES.match(path.name)
        if named is not None and not psutil.pid_exists(int(named["pid"])):
            mark_process_dead(int(named["pid"]), str(folder))


def disk_usage_bytes(folder: Path) -> int:
    """What the files below a folder take. One that goes meanwhile counts for nothing."""
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(parent, name)).st_blocks * 512
            except FileNotFoundError:
                continue
    return total
