"""Everything that the application serves over Reboot's RPC surface, from its own descriptors."""

from dataclasses import dataclass
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor, ServiceDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from reboot.aio.applications import Application

from gist_mcp.app import build_application
from gist_mcp.config_source import parse_config


@dataclass(frozen=True)
class ServedMethod:
    """A method of a state type."""

    service: str
    method: str
    state_type: str
    request: Message

    @property
    def is_workflow(self) -> bool:
        """Workflows run as tasks only: Reboot refuses a direct call before it asks who calls."""
        return (self.service, self.method) in {
            ("rbt.mcp.v1.SessionMethods", "HandleMessage"),
            ("rbt.mcp.v1.SessionMethods", "Run"),
            ("gist_state.v1.McpSessionMethods", "RunCall"),
        }

    def __str__(self) -> str:
        return f"{self.service}/{self.method}"


def application() -> Application:
    """Our application, as `main.py` builds it; not started."""
    environ = {
        "TOKEN_KEYS": "k" * 40,
        "GITHUB_CLIENT_ID": "id",
        "GITHUB_CLIENT_SECRET": "secret",
    }
    return build_application(parse_config(environ, production=False), incarnation="test")


def served_methods() -> list[ServedMethod]:
    """Every method of every state type: ours, DurableMCP's and the libraries'."""
    found = []
    for servicer in application().servicers:
        services: dict[str, ServiceDescriptor] = servicer.__file_descriptor__.services_by_name
        for full_name in servicer.__service_names__:
            service = services[full_name.rpartition(".")[2]]
            for method in service.methods:
                found.append(
                    ServedMethod(
                        service.full_name,
                        method.name,
                        servicer.__state_type_name__,
                        plausible(method.input_type),
                    )
                )
    # An application keeps its servicers in no order; test runners that share work need one.
    return sorted(found, key=str)


def plausible(descriptor: Descriptor) -> Message:
    """A message with every field set, so that no request is refused for its form."""
    message: Message = GetMessageClass(descriptor)()
    for field in descriptor.fields:
        if field.message_type is not None:
            _fill(message, field)
        elif _is_repeated(field):
            getattr(message, field.name).append(_scalar(field))
        else:
            setattr(message, field.name, _scalar(field))
    return message


def _is_repeated(field: Any) -> bool:
    return bool(field.label == FieldDescriptor.LABEL_REPEATED)


def _fill(message: Message, field: Any) -> None:
    if field.message_type.GetOptions().map_entry:
        value = _scalar(field.message_type.fields_by_name["value"])
        getattr(message, field.name)["x"] = value
    elif field.message_type.full_name.startswith("google.protobuf."):
        getattr(message, field.name).SetInParent()
    elif _is_repeated(field):
        getattr(message, field.name).append(plausible(field.message_type))
    else:
        getattr(message, field.name).CopyFrom(plausible(field.message_type))


def _scalar(field: FieldDescriptor) -> object:
    if field.cpp_type == FieldDescriptor.CPPTYPE_STRING:
        return b"x" if field.type == FieldDescriptor.TYPE_BYTES else "x"
    return field.cpp_type == FieldDescriptor.CPPTYPE_BOOL or 1
