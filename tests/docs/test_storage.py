"""`docs/storage.md` names every durable field of ours, and none that does not exist."""

import importlib
import inspect
import pkgutil
import re
from pathlib import Path

import pytest
from pydantic import BaseModel
from reboot.api import StateModel

import gist_state.v1

PAGE = (Path(__file__).parents[2] / "docs" / "storage.md").read_text()
GENERATED = ("_rbt", "_pb2", "_pb2_grpc")


def stored_models() -> dict[str, type[BaseModel]]:
    """The state models and every model that lies in one, by name."""
    waiting: list[type[BaseModel]] = []
    for module in pkgutil.iter_modules(gist_state.v1.__path__):
        if not module.name.endswith(GENERATED):
            declared = vars(importlib.import_module(f"gist_state.v1.{module.name}")).values()
            waiting += [
                each
                for each in declared
                if inspect.isclass(each) and issubclass(each, StateModel) and each is not StateModel
            ]
    found: dict[str, type[BaseModel]] = {}
    while waiting:
        model = waiting.pop()
        found[model.__name__] = model
        text = " ".join(str(field.annotation) for field in model.model_fields.values())
        module_names = vars(inspect.getmodule(model))
        for name in set(re.findall(r"\w+", text)) - found.keys():
            inner = module_names.get(name)
            if inspect.isclass(inner) and issubclass(inner, BaseModel):
                waiting.append(inner)
    return found


MODELS = stored_models()


def described(model_name: str) -> dict[str, str]:
    """The table below the heading of a model: field and description."""
    section = re.search(rf"^### `{model_name}`\n(.*?)(?=^##|\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert section, f"docs/storage.md has no section for {model_name}"
    return dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", section[1], re.MULTILINE))


def test_the_walk_finds_states_and_what_lies_in_them() -> None:
    assert {"McpSessionState", "SignInsState", "SignInRecord", "WriteRecord"} <= MODELS.keys()


@pytest.mark.parametrize("name", sorted(MODELS))
def test_every_field_is_described_as_it_is_declared(name: str) -> None:
    declared = {
        field_name: field.description for field_name, field in MODELS[name].model_fields.items()
    }

    assert described(name) == declared


def test_nothing_is_described_that_is_not_stored() -> None:
    assert set(re.findall(r"^### `(\w+)`$", PAGE, re.MULTILINE)) == MODELS.keys()


@pytest.mark.parametrize("name", sorted(MODELS))
def test_every_model_says_how_long_it_is_kept(name: str) -> None:
    section = PAGE.partition(f"### `{name}`")[2].partition("###")[0]

    assert "Kept: " in section
