"""docs/metrics.md, the alerts and the dashboard speak of the metrics that there are."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]
from prometheus_client.metrics_core import Metric

from gist_mcp.telemetry import metrics
from gist_mcp.telemetry.exposition import AtTheMoment
from gist_mcp.telemetry.metrics import Limit
from tests.support.deployment import REPOSITORY
from tests.support.promtool import promtool_program

PAGE = (REPOSITORY / "docs" / "metrics.md").read_text()
RULES = REPOSITORY / "deploy" / "prometheus"
DASHBOARD = REPOSITORY / "deploy" / "grafana" / "dashboard.json"

ROW = re.compile(r"^\| `(gist_mcp_\w+)` \| (\w+) \| ([^|]*)\|", re.MULTILINE)


def families(tmp_path: Path) -> list[Metric]:
    """Every metric that a server process tells."""
    at_the_moment = AtTheMoment(version="1", state_folder=tmp_path)
    return [*metrics.REGISTRY.collect(), *at_the_moment.collect()]


def told_name(family: Metric) -> str:
    return f"{family.name}_total" if family.type == "counter" else family.name


def series(tmp_path: Path) -> set[str]:
    """The names that a query may ask for."""
    parts = {
        "counter": ("_total",),
        "gauge": ("",),
        "histogram": ("_bucket", "_sum", "_count"),
    }
    return {f"{family.name}{part}" for family in families(tmp_path) for part in parts[family.type]}


def test_the_page_describes_every_metric_with_its_kind_and_no_other(tmp_path: Path) -> None:
    described = {name: kind for name, kind, _ in ROW.findall(PAGE)}

    assert described == {told_name(each): each.type for each in families(tmp_path)}


def test_the_page_names_the_labels_of_each_metric() -> None:
    described = {name: re.findall(r"`(\w+)`", labels) for name, _, labels in ROW.findall(PAGE)}
    counted = {
        told_name(next(iter(each.collect()))): list(each._labelnames)
        for each in vars(metrics).values()
        if hasattr(each, "_labelnames")
    }

    assert {name: described[name] for name in counted} == counted


def test_the_page_describes_every_limit() -> None:
    table = PAGE.partition("\n| `limit` |")[2].partition("\n\n")[0]
    cells = re.findall(r"^\| (`.*?) \|", table, re.MULTILINE)

    assert {word for cell in cells for word in re.findall(r"`(\w+)`", cell)} == set(Limit)


def queries() -> Iterator[str]:
    """Of the rules and of the dashboard."""
    for group in yaml.safe_load((RULES / "alerts.yaml").read_text())["groups"]:
        yield from (rule["expr"] for rule in group["rules"])
    dashboard = json.loads(DASHBOARD.read_text())
    for panel in dashboard["panels"]:
        yield from (target["expr"] for target in panel.get("targets", ()))
    for variable in dashboard["templating"]["list"]:
        yield variable.get("definition", "")


def test_rules_and_dashboard_ask_for_metrics_that_there_are(tmp_path: Path) -> None:
    asked = {name for query in queries() for name in re.findall(r"\bgist_mcp_\w+", query)}

    assert asked
    assert asked <= series(tmp_path)


def test_every_metric_is_on_the_dashboard(tmp_path: Path) -> None:
    shown = DASHBOARD.read_text()

    assert [each.name for each in families(tmp_path) if each.name not in shown] == []


def panels() -> list[dict[str, Any]]:
    loaded: list[dict[str, Any]] = json.loads(DASHBOARD.read_text())["panels"]
    return loaded


def test_panels_do_not_lie_on_one_another() -> None:
    places = [
        (panel["gridPos"]["x"] + x, panel["gridPos"]["y"] + y)
        for panel in panels()
        for x in range(panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["h"])
    ]

    assert len(set(places)) == len(places)
    assert max(x for x, _ in places) < 24
    assert len({panel["id"] for panel in panels()}) == len(panels())


def test_every_alert_is_tested() -> None:
    rules = yaml.safe_load((RULES / "alerts.yaml").read_text())
    tests = yaml.safe_load((RULES / "alerts_test.yaml").read_text())

    defined = [rule["alert"] for group in rules["groups"] for rule in group["rules"]]
    fires = {
        case["alertname"]
        for test in tests["tests"]
        for case in test["alert_rule_test"]
        if case["exp_alerts"]
    }
    assert sorted(fires) == sorted(defined)


@pytest.mark.integration
@pytest.mark.parametrize(
    "arguments", [("check", "rules", "alerts.yaml"), ("test", "rules", "alerts_test.yaml")]
)
def test_promtool_agrees_with_the_rules(arguments: tuple[str, ...]) -> None:
    ended = subprocess.run(
        [promtool_program(), *arguments], cwd=RULES, capture_output=True, text=True, check=False
    )

    assert ended.returncode == 0, ended.stdout + ended.stderr
