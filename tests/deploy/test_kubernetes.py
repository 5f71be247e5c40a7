"""The manifests are of Kubernetes' schema, and fit each other."""

from pathlib import Path

import kubernetes_validate  # type: ignore[import-untyped]
import pytest

from tests.deploy.values import MANIFESTS, manifest, of_kubernetes, read

OLDEST = "1.29"
"""Older ones are no longer maintained; what the manifests use is in all since."""

NEWEST = kubernetes_validate.latest_version()
SELECTOR = {"app.kubernetes.io/name": "github-gist-mcp"}


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: path.name)
def test_a_manifest_is_of_the_schema(path: Path, version: str) -> None:
    kubernetes_validate.validate(read(path), version, strict=True)


def test_one_pod_has_the_volume() -> None:
    spec = manifest("StatefulSet")["spec"]
    state, _ = spec["template"]["spec"]["volumes"]
    claim = manifest("PersistentVolumeClaim")["metadata"]["name"]

    assert spec["replicas"] == 1
    assert state == {"name": "state", "persistentVolumeClaim": {"claimName": claim}}


def test_everything_is_of_one_name_and_finds_the_pod() -> None:
    pod = manifest("StatefulSet")["spec"]["template"]

    assert {read(path)["metadata"]["name"] for path in MANIFESTS} == {"github-gist-mcp"}
    assert pod["metadata"]["labels"] == SELECTOR
    assert manifest("StatefulSet")["spec"]["selector"]["matchLabels"] == SELECTOR
    assert manifest("Service")["spec"]["selector"] == SELECTOR
    assert manifest("NetworkPolicy")["spec"]["podSelector"]["matchLabels"] == SELECTOR


def test_other_pods_reach_the_public_port_and_no_other() -> None:
    policy = manifest("NetworkPolicy")["spec"]

    (rule,) = policy["ingress"]

    assert policy["policyTypes"] == ["Ingress"]
    assert rule["ports"] == [{"protocol": "TCP", "port": of_kubernetes().port}]


def test_it_is_asked_whether_it_lives_and_whether_it_is_ready() -> None:
    (server,) = manifest("StatefulSet")["spec"]["template"]["spec"]["containers"]

    paths = {
        probe: server[probe]["httpGet"]["path"]
        for probe in ("startupProbe", "livenessProbe", "readinessProbe")
    }

    assert paths == {
        "startupProbe": "/healthz",
        "livenessProbe": "/healthz",
        "readinessProbe": "/readyz",
    }


def test_the_address_is_that_of_the_ingress() -> None:
    (server,) = manifest("StatefulSet")["spec"]["template"]["spec"]["containers"]
    ingress = manifest("Ingress")["spec"]
    (rule,) = ingress["rules"]

    assert {"name": "PUBLIC_URL", "value": f"https://{rule['host']}"} in server["env"]
    assert ingress["tls"][0]["hosts"] == [rule["host"]]


def test_the_example_of_a_secret_is_passed_over_and_empty() -> None:
    """`kubectl apply -f` of the folder takes `.yaml`, `.yml` and `.json`."""
    (path,) = (path for path in MANIFESTS if read(path)["kind"] == "Secret")

    assert path.suffix == ".example"
    assert set(read(path)["stringData"].values()) == {""}
