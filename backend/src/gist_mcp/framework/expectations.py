"""What can be expected of a name of the framework, and how it is compared with what is installed.

The expectations themselves are in `private_names.py`.
"""

import hashlib
import importlib
import importlib.metadata
import inspect
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, override

WRITTEN_FOR: Final = {"reboot": "0.40.1", "durable-mcp": "0.7.1"}
"""The versions whose private names we know."""


class FrameworkChanged(RuntimeError):
    """Reboot or DurableMCP is not what this project was written for. The start ends with it.

    To go on would mean to guess: what differs might show late, and to users.
    """

    def __init__(self, differences: Sequence[str]) -> None:
        self.differences = tuple(differences)
        versions = ", ".join(
            f"{name} {version} (installed: {_installed(name)})"
            for name, version in WRITTEN_FOR.items()
        )
        super().__init__(
            f"The framework has changed: {'; '.join(differences)}. gist_mcp was written for "
            f'{versions}. docs/decisions.md says under "Private names" how to go on.'
        )


def _installed(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "none"


def check_all(expected: Iterable["Exists"]) -> None:
    """Raises `FrameworkChanged`, which names every difference."""
    differences = [found for each in expected if (found := each.difference()) is not None]
    if differences:
        raise FrameworkChanged(differences)


class NotAsExpected(Exception):
    """One name differs; the text says how."""


@dataclass(frozen=True)
class Exists:
    """That a name exists.

    `name` is the module, a colon, and the name in it, with dots where it is nested.
    """

    name: str

    def difference(self) -> str | None:
        """What differs from what is expected, or `None`."""
        try:
            self.compare(look_up(self.name))
        except NotAsExpected as found:
            return f"{self.name} {found}"
        return None

    def compare(self, found: Any) -> None:
        """Raises `NotAsExpected`."""


def look_up(name: str) -> Any:
    """What is installed under a name of this form. Raises `NotAsExpected`.

    Where we have put something else, this finds what was there before.
    """
    module, _, attributes = name.partition(":")
    try:
        found: Any = importlib.import_module(module)
        for attribute in attributes.split("."):
            found = getattr(found, attribute)
    except (ImportError, AttributeError):
        raise NotAsExpected("is gone") from None
    return original(found)


@dataclass(frozen=True)
class Takes(Exists):
    """That a function, or the constructor of a class, has these parameters in this order.

    A `*` stands before those that are passed by name only.
    """

    parameters: str

    @override
    def compare(self, found: Any) -> None:
        try:
            parameters = _parameters(inspect.signature(found))
        except (TypeError, ValueError):
            raise NotAsExpected("is no function") from None
        if parameters != self.parameters:
            raise NotAsExpected(f"takes ({parameters}) and not ({self.parameters})")


def _parameters(signature: inspect.Signature) -> str:
    names: list[str] = []
    for each in signature.parameters.values():
        if each.kind is each.KEYWORD_ONLY and "*" not in names:
            names.append("*")
        names.append(each.name)
    return ", ".join(names)


@dataclass(frozen=True)
class Is(Exists):
    """That a name has one of these values. More than one where we set it ourselves."""

    values: tuple[object, ...]

    def __init__(self, name: str, *values: object) -> None:
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "values", values)

    @override
    def compare(self, found: Any) -> None:
        if found not in self.values:
            raise NotAsExpected(f"is {found!r} and not {' or '.join(map(repr, self.values))}")


@dataclass(frozen=True)
class IsSameAs(Exists):
    """That two names are of one object, so that replacing a part of it has an effect."""

    other: str

    @override
    def compare(self, found: Any) -> None:
        if found is not look_up(self.other):
            raise NotAsExpected(f"is not {self.other}")


@dataclass(frozen=True)
class Sets(Exists):
    """That a class sets these attributes when an object of it is made."""

    attributes: tuple[str, ...]

    @override
    def compare(self, found: Any) -> None:
        code = getattr(found.__init__, "__code__", None)
        known = code.co_names if code is not None else ()
        if missing := [each for each in self.attributes if each not in known]:
            raise NotAsExpected(f"sets no {', '.join(missing)}")


@dataclass(frozen=True)
class HasFields(Exists):
    """That a Protobuf message has exactly these fields.

    A new one may be one more that has to be copied, or emptied, with the others.
    """

    fields: tuple[str, ...]

    def __init__(self, name: str, *fields: str) -> None:
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "fields", fields)

    @override
    def compare(self, found: Any) -> None:
        fields = tuple(found.DESCRIPTOR.fields_by_name)
        if sorted(fields) != sorted(self.fields):
            raise NotAsExpected(f"has the fields {', '.join(fields)}")


@dataclass(frozen=True)
class HasBody(Exists):
    """That the source of a function has not changed by a letter: we put our own in its place, or
    depend on its order of steps.

    `digest` is the beginning of the SHA-256 of the source.
    """

    digest: str

    @override
    def compare(self, found: Any) -> None:
        try:
            source = inspect.getsource(found)
        except (OSError, TypeError):
            raise NotAsExpected("has no source to compare") from None
        digest = hashlib.sha256(source.encode()).hexdigest()[: len(self.digest)]
        if digest != self.digest:
            raise NotAsExpected(f"has another body, of digest {digest}")


@dataclass(frozen=True)
class Answers(Exists):
    """That a function answers this when it is called with this one argument.

    `read` makes something that can be compared of the answer.
    """

    argument: object
    answer: object
    read: Callable[[Any], object] = str

    @override
    def compare(self, found: Any) -> None:
        answer = self.read(found(self.argument))
        if answer != self.answer:
            raise NotAsExpected(f"answers {answer!r} and not {self.answer!r}")


def replaces[Function: Callable[..., Any]](stock: Any) -> Callable[[Function], Function]:
    """For what we put in the place of `stock`: it remembers that as `replaced`."""

    def remember(replacement: Function) -> Function:
        vars(replacement)["replaced"] = original(stock)
        return replacement

    return remember


def original(found: Any) -> Any:
    """What the framework brought, where something of ours may be in its place."""
    return getattr(found, "replaced", found)
