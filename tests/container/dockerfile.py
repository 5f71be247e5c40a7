"""The Dockerfile, read as a container engine reads it.

Only what ours uses is understood; anything else is an error, so that nothing is passed over
(https://docs.docker.com/reference/dockerfile/).
"""

import json
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import reduce

from tests.support.deployment import REPOSITORY

DOCKERFILE = REPOSITORY / "Dockerfile"
_VARIABLE = re.compile(r"\$(?:(?P<bare>\w+)|\{(?P<name>\w+)(?::(?P<rule>[-+])(?P<word>[^{}]*))?\})")


@dataclass(frozen=True, kw_only=True)
class Instruction:
    """One of the file: `RUN`, and what stands after it."""

    name: str
    value: str


@dataclass(frozen=True, kw_only=True)
class HealthCheck:
    """What tells the engine whether a container is well; times in seconds."""

    command: list[str]
    interval_seconds: int
    timeout_seconds: int
    start_period_seconds: int


@dataclass(frozen=True, kw_only=True)
class Image:
    """What is known of the image after some instructions; its files are elsewhere."""

    arguments: Mapping[str, str] = field(default_factory=dict)
    base: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    user: str = "root"
    folder: str = "/"
    command: list[str] = field(default_factory=list)
    stop_signal: str = "SIGTERM"
    volumes: tuple[str, ...] = ()
    ports: tuple[int, ...] = ()
    health_check: HealthCheck | None = None

    @property
    def variables(self) -> dict[str, str]:
        """What an instruction may name as `$NAME`, and a `RUN` finds in its environment."""
        return {**self.arguments, **self.environment}


def instructions(text: str) -> Iterator[Instruction]:
    """The instructions of a Dockerfile, in their order."""
    # A comment may stand between the lines of an instruction, and is no part of it.
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    for line in re.sub(r"\\\n", "", "\n".join(lines)).splitlines():
        if line.strip():
            name, value = line.split(maxsplit=1)
            yield Instruction(name=name.upper(), value=value.strip())


def read_image(given: Mapping[str, str] | None = None) -> Image:
    """The image that the Dockerfile describes. `given` are `--build-arg`s."""
    arguments = given or {}
    steps = instructions(DOCKERFILE.read_text())
    return reduce(lambda image, step: after(step, image, arguments), steps, Image())


def after(step: Instruction, image: Image, given: Mapping[str, str]) -> Image:
    """What `step` makes of what is known. Raises `ValueError` for one that ours does not use."""
    value = substituted(step.value, image.variables)
    match step.name:
        case "ARG":
            name, _, default = value.partition("=")
            return replace(
                image, arguments={**image.arguments, name: given.get(name, default.strip('"'))}
            )
        case "FROM":
            # What was said before it is not known after it.
            return Image(base=value)
        case "ENV":
            return replace(image, environment={**image.environment, **_pairs(value)})
        case "LABEL":
            return replace(image, labels={**image.labels, **_pairs(value)})
        case "USER":
            return replace(image, user=value)
        case "WORKDIR":
            return replace(image, folder=value)
        case "VOLUME":
            return replace(image, volumes=(*image.volumes, *value.split()))
        case "EXPOSE":
            return replace(image, ports=(*image.ports, *map(int, value.split())))
        case "STOPSIGNAL":
            return replace(image, stop_signal=value)
        case "CMD":
            # As JSON: text would be run by a shell, which passes no signal on.
            return replace(image, command=json.loads(step.value))
        case "HEALTHCHECK":
            return replace(image, health_check=_health_check(step.value))
        case "RUN" | "COPY":
            return image
    raise ValueError(f"{step.name}: not read here")


def substituted(text: str, variables: Mapping[str, str]) -> str:
    """`text` with the variables in their places; one that is not known is empty."""

    def found(match: re.Match[str]) -> str:
        name, rule, word = match["bare"] or match["name"], match["rule"], match["word"]
        value = variables.get(name, "")
        if rule == "-":
            return value or substituted(word, variables)
        if rule == "+":
            return substituted(word, variables) if value else ""
        return value

    return _VARIABLE.sub(found, text)


def _pairs(value: str) -> dict[str, str]:
    return dict(_pair(part) for part in shlex.split(value))


def _pair(part: str) -> tuple[str, str]:
    name, _, value = part.partition("=")
    return name, value


def _health_check(value: str) -> HealthCheck:
    options, _, command = value.partition("CMD")
    seconds = {name: int(number) for name, number in re.findall(r"--([\w-]+)=(\d+)s", options)}
    return HealthCheck(
        command=json.loads(command),
        interval_seconds=seconds["interval"],
        timeout_seconds=seconds["timeout"],
        start_period_seconds=seconds["start-period"],
    )
