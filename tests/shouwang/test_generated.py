"""What is generated and checked in says what the code says; regenerate with `make generate`."""

import json
from typing import Any

import jsonschema
import pytest

from shouwang import schemas
from shouwang.kinds import Kinds, load, pages
from shouwang.messages import Ack, encode
from tests import faults


@pytest.fixture(scope="module")
def kinds() -> Kinds:
    return Kinds()


def test_schemas_have_not_drifted(kinds: Kinds) -> None:
    checked_in = {path.name: path.read_text("utf-8") for path in schemas.FOLDER.glob("*.json")}
    assert checked_in == schemas.rendered(kinds)


def test_pages_of_kinds_have_not_drifted() -> None:
    for name, content in pages.rendered(load()).items():
        assert (pages.DOCS / name).read_text("utf-8") == content, name


def report(**changed: Any) -> dict[str, Any]:
    reading = {"device": "call-07", "kind": "call_terminal", "age_ms": 840, "reachable": True} | changed
    head = {"v": 1, "boot": "7c1f4f0e-9d57-4a3b-8f6e-2f8e6f1c0001", "seq": 17, "oldest": 12, "sent_at_ms": 5}
    return head | {"readings": [reading]}


@pytest.mark.parametrize(
    ("changed", "valid"),
    [
        ({}, True),
        ({"of_tomorrow": 1}, True),
        ({"age_ms": -1}, False),
        ({"battery_percent": 101}, False),
        ({"kind": "toaster"}, False),
    ],
)
def test_the_schema_judges_as_the_decoder_does(kinds: Kinds, changed: dict[str, Any], valid: bool) -> None:
    validator = jsonschema.Draft202012Validator(schemas.schemas(kinds)["report"])
    assert validator.is_valid(report(**changed)) is valid


def test_our_ack_is_valid(kinds: Kinds) -> None:
    sent = json.loads(encode(Ack(v=1, boots={"7c1f4f0e": [(1, 2)]})))
    jsonschema.validate(sent, schemas.schemas(kinds)["ack"])


def test_the_page_about_faults_names_the_tests_that_prove_them() -> None:
    assert faults.PAGE.read_text("utf-8") == faults.page()
    assert faults.PAGE_IN_CHINESE.read_text("utf-8") == faults.page("zh")
    assert list(faults.CHINESE) == list(faults.ROWS)
    assert set(faults.proofs()) <= set(faults.ROWS)
