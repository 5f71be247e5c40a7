"""Reads what is durable in a release (`api_of_releases/`), and compares two as Reboot does."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc_tools  # type: ignore[import-untyped]
import rebootdev
from google.protobuf.descriptor_pb2 import DescriptorProto, FileDescriptorSet
from grpc_tools import protoc
from rebootdev.server import service_descriptor_validator as reboot_check

WELL_KNOWN_TYPES = Path(grpc_tools.__path__[0]) / "_proto"
PACKAGES = Path(rebootdev.__path__[0]).parent
"""Where `rbt/v1alpha1/options.proto` lies, which every file of ours imports."""


def described(folder: Path, scratch: Path) -> FileDescriptorSet:
    """The states and methods in a folder of Protocol Buffers, as Reboot records them with a state.

    `scratch` is an empty folder for what the compiler writes.
    """
    files = [str(path) for path in sorted(folder.rglob("*.proto"))]
    assert files, f"{folder} has no files"
    compiled = scratch / "descriptors"
    places = [f"-I{place}" for place in (folder, WELL_KNOWN_TYPES, PACKAGES)]
    options = [f"--descriptor_set_out={compiled}", "--include_imports"]
    assert protoc.main(["protoc", *places, *options, *files]) == 0
    return FileDescriptorSet.FromString(compiled.read_bytes())


def incompatibilities(older: FileDescriptorSet, newer: FileDescriptorSet) -> list[str]:
    """Why Reboot would not start `newer` on the state of `older`; empty if it would.

    And one reason that Reboot does not see: it stores numbers of fields, but exports their names.
    """
    # The check remembers which messages it has compared, for as long as the process lives.
    compared: Any = reboot_check._compare_messages.__defaults__
    compared[0].clear()
    try:
        reboot_check.validate_descriptor_sets_are_backwards_compatible(older, newer)
    except reboot_check.ProtoValidationError as refused:
        return list(refused.validation_errors)
    names = dict(_names_of_fields(newer))
    return [
        f"Field `{name}` is called `{names[place]}`, which no import of older state knows"
        for place, name in _names_of_fields(older)
        if names.get(place, name) != name
    ]


def _names_of_fields(described: FileDescriptorSet) -> Iterator[tuple[str, str]]:
    """The name of each field of ours, by its message and number."""
    for file in described.file:
        if file.package.startswith("gist_state"):
            for message in file.message_type:
                yield from _names_in(message, f"{file.package}.{message.name}")


def _names_in(message: DescriptorProto, place: str) -> Iterator[tuple[str, str]]:
    for field in message.field:
        yield f"{place}:{field.number}", field.name
    for nested in message.nested_type:
        yield from _names_in(nested, f"{place}.{nested.name}")
