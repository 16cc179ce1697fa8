"""Every dashboard against the types of Grafana 11, 12 and 13: the model, and options and field settings of panels."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

from dashboards.render import panels
from tests.dashboards.test_boards import BOARDS

SCHEMAS = Path(__file__).parent / "schemas"
VERSIONS = (11, 12, 13)
EN = {name: board for name, board in BOARDS.items() if name.startswith("en/")}  # the others are alike: test_boards
NOT_TYPED = {"state-timeline": ("spanNulls", "insertNulls")}
"""What the panel reads and its own editor writes, though its type does not say so."""
OTHERWISE = {"custom.hidden": dict.fromkeys((12, 13), "custom.hideFrom"), "custom.hideFrom": {11: "custom.hidden"}}
"""What a version does not know, where the same is said beside it as that version says it."""
PROPERTIES = {"displayName", "mappings", "links", "unit"}
"""Of an override, beside `custom.…`."""


@cache
def validator(version: int, of: str) -> Draft7Validator:
    """Of one of the types that `schemas/make.sh` names."""
    whole = json.loads((SCHEMAS / f"grafana-{version}.json").read_text("utf-8"))
    chosen = whole["definitions"]["Checked"]["properties"][of]
    return Draft7Validator({"$schema": whole["$schema"], "definitions": whole["definitions"], **chosen})


def errors(version: int, of: str, value: Any) -> list[str]:
    return [
        f"{of} {'/'.join(map(str, each.absolute_path))}: {each.message[:160]}"
        for each in validator(version, of).iter_errors(value)
    ]


def wrong(version: int, board: Mapping[str, Any]) -> Iterator[str]:
    """What Grafana's types would not allow."""
    found = list(panels(board))
    without = {**board, "panels": []}  # each is judged as what it is: a row or a panel, not either
    yield from errors(version, "dashboard", without)
    for panel in found:
        if panel["type"] == "row":
            yield from errors(version, "row", {**panel, "panels": []})
            continue
        type_, options, custom = panel["type"], panel["options"], panel["fieldConfig"]["defaults"].get("custom")
        yield from errors(version, "panel", panel)
        yield from (each for each in errors(version, type_, options) if "is a required property" not in each)
        if custom is not None:
            custom = {key: value for key, value in custom.items() if key not in NOT_TYPED.get(type_, ())}
            fields = errors(version, f"{type_} fields", custom)
            yield from (each for each in fields if "is a required property" not in each)
        yield from _overrides(version, panel)


def _overrides(version: int, panel: Mapping[str, Any]) -> Iterator[str]:
    for override in panel["fieldConfig"]["overrides"]:
        for each in override["properties"]:
            name = each["id"]
            if version in OTHERWISE.get(name, {}) and OTHERWISE[name][version] in [
                p["id"] for p in override["properties"]
            ]:
                continue
            if name.startswith("custom."):
                one = {name.removeprefix("custom."): each["value"]}
                found = errors(version, f"{panel['type']} fields", one)
                yield from (error for error in found if "is a required property" not in error)
            elif name not in PROPERTIES:
                yield f"an override sets {name!r}, which is none of {sorted(PROPERTIES)}"


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", sorted(EN))
def test_grafana_knows_all_that_stands_in_it(name: str, version: int) -> None:
    assert list(wrong(version, EN[name])) == []


def _first(board: dict[str, Any], type_: str) -> dict[str, Any]:
    return next(panel for panel in panels(board) if panel["type"] == type_)


MISTAKES: list[tuple[str, Callable[[dict[str, Any]], Any]]] = [
    ("a key of a dashboard", lambda board: board.update(folder="shouwang")),
    ("a key of a panel", lambda board: _first(board, "stat").update(titel="Down")),
    ("an option of a panel", lambda board: _first(board, "stat")["options"].update(colourMode="background")),
    ("a value of an option", lambda board: _first(board, "stat")["options"].update(colorMode="backdrop")),
    ("a number that is a text", lambda board: _first(board, "stat")["gridPos"].update(w="3")),
    ("an option of another panel", lambda board: _first(board, "table")["options"].update(graphMode="none")),
    (
        "a field setting",
        lambda board: _first(board, "state-timeline")["fieldConfig"]["defaults"]["custom"].update(lineWide=1),
    ),
    (
        "a property of an override",
        lambda board: _first(board, "table")["fieldConfig"]["overrides"][0]["properties"].append(
            {"id": "colour", "value": 1}
        ),
    ),
    (
        "a field setting of an override",
        lambda board: _first(board, "table")["fieldConfig"]["overrides"][0]["properties"].append(
            {"id": "custom.cellOptions", "value": {"type": "colour"}}
        ),
    ),
    ("a link's place, which 11 does not know", lambda board: board["links"][0].update(placement="inControlsMenu")),
    ("the foot of a table, which 12 does not know", lambda board: _first(board, "table")["options"].update(footer={})),
]


@pytest.mark.parametrize(("what", "plant"), MISTAKES, ids=[what for what, _ in MISTAKES])
def test_a_planted_mistake_is_seen(what: str, plant: Callable[[dict[str, Any]], Any]) -> None:
    board = copy.deepcopy(EN["en/shouwang-fleet-en.json"])
    plant(board)
    assert any(list(wrong(version, board)) for version in VERSIONS), what
