"""What in the dashboards points somewhere: data sources, other dashboards, variables, columns. Nothing may dangle."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from dashboards.places import LEDGER_TYPE, LEDGER_UID, READINGS_TYPE, READINGS_UID
from dashboards.render import panels, targets

DATA_SOURCES = {READINGS_UID: READINGS_TYPE, LEDGER_UID: LEDGER_TYPE}
_BUILT_IN = re.compile(r"__(from|to|url_time_range|data|field|series|interval(_ms)?|dashboard|all_variables)\b")
_VARIABLE = re.compile(r"\$\{(\w+)[}:.]")
_BOARD = re.compile(r'"/d/([^?"]+)\?')
_FIELD = re.compile(r"\$\{__data\.fields\.(\w+)")


def dangling(files: Mapping[str, str]) -> list[str]:
    """Of dashboards by file name (`en/shouwang-fleet-en.json`), what points nowhere: a line each, with the place."""
    boards = {name: json.loads(text) for name, text in files.items()}
    uids = {board["uid"] for board in boards.values()}
    return [f"{name}: {what}" for name, board in sorted(boards.items()) for what in _of(name, board, uids)]


def _of(name: str, board: Mapping[str, Any], uids: set[str]) -> Iterator[str]:
    if not name.endswith(f"/{board['uid']}.json"):
        yield f"its uid is {board['uid']!r}: it would be loaded as another dashboard than its file says"
    ids = [panel["id"] for panel in panels(board)]
    if len(set(ids)) != len(ids):
        yield "two panels have one id"
    variables = board["templating"]["list"]
    declared = {variable["name"] for variable in variables}
    text = json.dumps(board, ensure_ascii=False)
    for used in sorted({found for found in _VARIABLE.findall(text) if not _BUILT_IN.match(found)} - declared):
        yield f"variable {used!r} is used and not declared"
    for place in sorted(set(_BOARD.findall(text))):
        if not _is_there(place, uids):
            yield f"a link leads to dashboard {place!r}, which is none"
    for variable in variables:
        if variable["datasource"]["uid"] not in DATA_SOURCES:
            yield f"variable {variable['name']!r} asks data source {variable['datasource']['uid']!r}"
    for panel, target in targets(board):
        yield from _of_target(panel, target)
    for panel in panels(board):
        yield from _of_columns(panel)


def _is_there(place: str, uids: set[str]) -> bool:
    """A place may be made from a row: `${__data.fields.kind}` stands for any kind."""
    if place == "${__dashboard.uid}":
        return True
    pattern = re.escape(place).replace(re.escape("${__data.fields.kind}"), "[a-z0-9_]+")
    return any(re.fullmatch(pattern, uid) for uid in uids)


def _of_target(panel: Mapping[str, Any], target: Mapping[str, Any]) -> Iterator[str]:
    source = target["datasource"]
    if DATA_SOURCES.get(source["uid"]) != source["type"]:
        yield f"panel {panel['id']} asks data source {source['uid']!r} as {source['type']!r}"
    if panel["datasource"] != source:
        yield f"panel {panel['id']} and its question name two data sources"


def _of_columns(panel: Mapping[str, Any]) -> Iterator[str]:
    """Of a panel whose question names its columns: overrides and links may name no others."""
    columns = {column["text"] for target in panel.get("targets") or () for column in target.get("columns") or ()}
    if not columns or panel["type"] != "table":
        return
    named = {each["matcher"]["options"] for each in panel["fieldConfig"]["overrides"]}
    named |= set(_FIELD.findall(json.dumps(panel)))
    for name in sorted(named - columns):
        yield f"panel {panel['id']} names column {name!r}, which its question does not give"
    for name in sorted(columns - {each["matcher"]["options"] for each in panel["fieldConfig"]["overrides"]}):
        yield f"panel {panel['id']} shows column {name!r} under its own name"
