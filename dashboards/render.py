"""Dashboards as the JSON that Grafana loads: what the builders give, put right where the SDK errs, and as text."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from grafana_foundation_sdk.builders.dashboard import Dashboard
from grafana_foundation_sdk.cog.encoder import JSONEncoder

from dashboards.boards import boards
from dashboards.looks import Tongue
from dashboards.places import LANGUAGES
from shouwang.kinds import Kind

JSON = Path(__file__).parent / "json"
"""Where they are checked in: a folder a language."""
COLUMNS = 24


def rendered(kinds: Mapping[str, Kind]) -> dict[str, str]:
    """Every dashboard: `en/shouwang-fleet-en.json` → its text."""
    found: dict[str, str] = {}
    for language in LANGUAGES:
        for board in boards(kinds, Tongue(language)):
            made = as_json(board)
            found[f"{language}/{made['uid']}.json"] = text_of(made)
    return found


def text_of(board: Mapping[str, Any]) -> str:
    """A dashboard as it stands in its file."""
    return json.dumps(board, ensure_ascii=False, sort_keys=True, indent=1) + "\n"


def as_json(board: Dashboard) -> dict[str, Any]:
    """A dashboard, put right: the SDK (0.0.21) numbers no panels, though links to one need it, leaves those of a folded
    row without a place, moves every link into a menu that Grafana 11 does not know, and gives query variables what
    belongs to variables of another type. And a table's foot is no option of it any more since Grafana 12."""
    made: dict[str, Any] = json.loads(JSONEncoder().encode(board.build()))
    for number, panel in enumerate(panels(made), 1):
        panel["id"] = number
        panel.pop("repeatDirection", None)
        if panel["type"] == "table":
            panel["options"].pop("footer", None)
    for row in made["panels"]:
        if row.get("collapsed"):
            _lay_out(row)
    _without_placement(made)
    for variable in made["templating"]["list"]:
        for key in ("auto", "auto_min", "auto_count"):
            variable.pop(key, None)
    return made


def panels(board: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Every panel and row of a dashboard, those of folded rows too."""
    for panel in board["panels"]:
        yield panel
        yield from panel.get("panels") or ()


def targets(board: Mapping[str, Any]) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Every question that its panels ask: (panel, target)."""
    for panel in panels(board):
        for target in panel.get("targets") or ():
            yield panel, target


def checked_in(folder: Path = JSON) -> dict[str, str]:
    """What stands in the files, by name."""
    return {str(path.relative_to(folder)): path.read_text("utf-8") for path in sorted(folder.glob("*/*.json"))}


def write(found: Mapping[str, str], folder: Path) -> list[str]:
    """Writes them, takes away dashboards of ours that are none any more, and names what changed."""
    before = checked_in(folder)
    for name in before.keys() - found.keys():
        (folder / name).unlink()
    for name, text in found.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if before.get(name) != text:
            path.write_text(text, "utf-8")
    return sorted(name for name in before.keys() | found.keys() if before.get(name) != found.get(name))


def _lay_out(row: dict[str, Any]) -> None:
    x, y, height = 0, row["gridPos"]["y"] + 1, 0
    for panel in row["panels"]:
        place = panel["gridPos"]
        if x + place["w"] > COLUMNS:
            x, y, height = 0, y + height, 0
        place["x"], place["y"] = x, y
        x, height = x + place["w"], max(height, place["h"])


def _without_placement(value: Any) -> None:
    if isinstance(value, dict):
        if "asDropdown" in value:
            value.pop("placement", None)
        for each in value.values():
            _without_placement(each)
    elif isinstance(value, list):
        for each in value:
            _without_placement(each)
