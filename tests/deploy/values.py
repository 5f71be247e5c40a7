"""What `compose.yaml` and the manifests for Kubernetes make of the image, in the same words."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]

from tests.support.deployment import REPOSITORY

COMPOSE = REPOSITORY / "compose.yaml"
KUBERNETES = REPOSITORY / "deploy" / "kubernetes"
MANIFESTS = sorted([*KUBERNETES.glob("*.yaml"), *KUBERNETES.glob("*.yaml.example")])
GIB = {"2g": 2 * 1024**3, "2Gi": 2 * 1024**3}

type Node = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Values:
    """How the server is run."""

    image: str
    """Name and version, without the registry."""
    secrets: set[str]
    settings: Mapping[str, str]
    """Those with a value in the file."""
    port: int
    folders: set[str]
    """Which it can write to."""
    user: str
    root_is_read_only: bool
    capabilities_dropped: list[str]
    can_gain_rights: bool
    memory_bytes: int
    stop_seconds: int


def read(path: Path) -> Node:
    """The one document of a file."""
    parsed: Node = yaml.safe_load(path.read_text())
    return parsed


def manifest(kind: str) -> Node:
    """The manifest of a kind, of which there is one."""
    (found,) = (each for each in map(read, MANIFESTS) if each["kind"] == kind)
    return found


def of_compose() -> Values:
    """The service `server`."""
    server = read(COMPOSE)["services"]["server"]
    given = server["environment"]
    (port,) = server["expose"]
    return Values(
        image=server["image"],
        secrets={name for name in given if name.startswith(("GITHUB_CLIENT", "TOKEN_KEYS"))},
        settings={name: value for name, value in given.items() if "${" not in value},
        port=int(port),
        folders={*server["tmpfs"], *(each.split(":")[1] for each in server["volumes"])},
        user=server["user"],
        root_is_read_only=server["read_only"],
        capabilities_dropped=server["cap_drop"],
        can_gain_rights="no-new-privileges:true" not in server["security_opt"],
        memory_bytes=GIB[server["mem_limit"]],
        stop_seconds=int(server["stop_grace_period"].removesuffix("s")),
    )


def of_kubernetes() -> Values:
    """The pod."""
    pod = manifest("StatefulSet")["spec"]["template"]["spec"]
    (server,) = pod["containers"]
    settings = {each["name"]: each["value"] for each in server["env"]}
    # Each has its own.
    del settings["PUBLIC_URL"]
    (port,) = server["ports"]
    of_pod, of_container = pod["securityContext"], server["securityContext"]
    return Values(
        image=server["image"].rpartition("/")[2],
        secrets=set(manifest("Secret")["stringData"]),
        settings=settings,
        port=port["containerPort"],
        folders={each["mountPath"] for each in server["volumeMounts"]},
        user=f"{of_pod['runAsUser']}:{of_pod['runAsGroup']}",
        root_is_read_only=of_container["readOnlyRootFilesystem"],
        capabilities_dropped=of_container["capabilities"]["drop"],
        can_gain_rights=of_container["allowPrivilegeEscalation"],
        memory_bytes=GIB[server["resources"]["limits"]["memory"]],
        stop_seconds=pod["terminationGracePeriodSeconds"],
    )
