"""Reads what is durable in a release (`api_of_releases/`), and compares two as Reboot does."""

import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc_tools  # type: ignore[import-untyped]
import rebootdev
from google.protobuf.descriptor import Descriptor
from google.protobuf.descriptor_pb2 import DescriptorProto, FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.json_format import ParseDict
from google.protobuf.message_factory import GetMessageClass
from grpc_tools import protoc
from pydantic import ValidationError
from rebootdev.options import get_method_options, is_reboot_state
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


def unreadable(older: FileDescriptorSet) -> list[str]:
    """Which stored messages of a release this checkout's code does not read, and why.

    Reboot's check does not see it: a field that the release did not have is null when its state is
    read, whatever default it has, so its declaration has to be `Optional`.
    """
    found = []
    for stored in _stored_messages(older):
        module = stored.file.name.removesuffix(".proto").replace("/", ".")
        message = getattr(importlib.import_module(f"{module}_pb2"), stored.name)
        read = getattr(importlib.import_module(f"{module}_rbt"), f"{stored.name}FromProto")
        try:
            kept = ParseDict(_full(stored), GetMessageClass(stored)())
            read(message.FromString(kept.SerializeToString()))
        except ValidationError as refused:
            found += [f"{stored.name}: {error['loc']} {error['msg']}" for error in refused.errors()]
    return found


def _stored_messages(described: FileDescriptorSet) -> Iterator[Descriptor]:
    """Our states, and what our workflows are called with and end with, which is stored too."""
    pool = DescriptorPool()
    for file in described.file:
        pool.Add(file)
    for file in described.file:
        if file.package.startswith("gist_state"):
            ours = pool.FindFileByName(file.name)
            yield from filter(is_reboot_state, ours.message_types_by_name.values())
            for service in ours.services_by_name.values():
                for method in service.methods:
                    if get_method_options(method).HasField("workflow"):
                        yield from (method.input_type, method.output_type)


def _full(described: Any) -> dict[str, Any]:
    """A message with something in each of its fields, as JSON."""
    return {field.name: _value_of(field) for field in described.fields}


def _value_of(field: Any) -> Any:
    inner = field.message_type
    if inner is not None and inner.GetOptions().map_entry:
        return {"1": _value_of(inner.fields_by_name["value"])}
    if inner is not None:
        value: Any = _full(inner)
    elif field.cpp_type == field.CPPTYPE_BOOL:
        value = True
    else:
        # A number too: JSON of Protocol Buffers has some of them as texts.
        value = "1"
    return [value] if field.label == field.LABEL_REPEATED else value


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
