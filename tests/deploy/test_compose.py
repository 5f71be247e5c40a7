"""`compose.yaml` is well formed.

No package of ours has the schema of the Compose specification, so `compose.schema.json` says what
of it this file uses (https://docs.docker.com/reference/compose-file/); all else is refused.
"""

import json
from pathlib import Path

import jsonschema  # type: ignore[import-untyped]
import pytest

from tests.deploy.values import COMPOSE, Node, read

SCHEMA = json.loads((Path(__file__).parent / "compose.schema.json").read_text())


def test_it_is_of_the_form_that_compose_takes() -> None:
    jsonschema.validate(read(COMPOSE), SCHEMA)


@pytest.mark.parametrize(
    "changes",
    [{"read-only": True}, {"stop_grace_period": 15}, {"environment": {"PORT": 1}}, {"expose": [1]}],
)
def test_what_compose_does_not_take_is_told(changes: Node) -> None:
    composed = read(COMPOSE)
    composed["services"]["server"] |= changes

    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(composed, SCHEMA)


def test_each_volume_that_a_service_names_is_declared() -> None:
    composed = read(COMPOSE)
    named = [each.split(":")[0] for one in composed["services"].values() for each in one["volumes"]]

    assert {each for each in named if not each.startswith(".")} == composed["volumes"].keys()
