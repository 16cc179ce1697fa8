"""The dashboards as they are checked in: as they would be rendered, whole, in both languages, and nothing dangles."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from dashboards import commands, references
from dashboards.places import LANGUAGES
from dashboards.render import COLUMNS, JSON, checked_in, panels, rendered, targets
from shouwang.boards import CENTRE, FLEET, MONITOR, board_of_kind, board_uid
from shouwang.kinds import load
from shouwang.trouble import Trouble

FILES = checked_in()
BOARDS: dict[str, dict[str, Any]] = {name: json.loads(text) for name, text in FILES.items()}
_CHINESE = re.compile(r"[\u4e00-\u9fff]")


def test_what_is_checked_in_is_what_would_be_rendered() -> None:
    wanted = rendered(load())
    differ = sorted(name for name in wanted.keys() | FILES.keys() if wanted.get(name) != FILES.get(name))
    assert not differ, "`make generate` renders them anew"


def test_each_level_and_each_kind_has_one_in_each_language() -> None:
    names = [FLEET, CENTRE, MONITOR, *map(board_of_kind, load())]
    assert FILES.keys() == {f"{lang}/{board_uid(name, lang)}.json" for name in names for lang in LANGUAGES}


def test_nothing_dangles() -> None:
    assert references.dangling(FILES) == []


@pytest.mark.parametrize(
    ("mistake", "instead", "says"),
    [
        ('"uid": "shouwang-ledger"', '"uid": "shouwang-leger"', "asks data source 'shouwang-leger'"),
        ("${township:csv}", "${townships:csv}", "variable 'townships' is used and not declared"),
        ("/d/shouwang-centre-en?", "/d/shouwang-center-en?", "leads to dashboard 'shouwang-center-en'"),
        ('"text": "centre_name"', '"text": "center_name"', "names column 'centre_name'"),
        ('"uid": "shouwang-fleet-en"', '"uid": "shouwang-fleet-zh"', "its uid is 'shouwang-fleet-zh'"),
        ("${__data.fields.key:", "${__data.fields.code:", "names column 'code'"),
    ],
)
def test_a_planted_reference_is_caught(mistake: str, instead: str, says: str) -> None:
    name = "en/shouwang-fleet-en.json"
    assert mistake in FILES[name]
    found = references.dangling({**FILES, name: FILES[name].replace(mistake, instead)})
    assert any(says in line for line in found)


@pytest.mark.parametrize("name", sorted(BOARDS))
def test_it_keeps_to_the_house_rules(name: str) -> None:
    board = BOARDS[name]
    assert "id" not in board, "that of some Grafana's database"
    assert len(board["uid"]) <= 40
    assert board["description"]
    assert not board["editable"], "what is provisioned is changed here"
    assert board["refresh"] in ("30s", "1m")
    assert {panel["id"] for panel in panels(board)} == set(range(1, sum(1 for _ in panels(board)) + 1))
    taken: set[tuple[int, int]] = set()
    for panel in panels(board):
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= COLUMNS
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, f"{panel['title']} lies over another"
        taken |= cells
        if panel["type"] != "row":
            assert panel["title"]
            assert panel["description"]
            assert panel["fieldConfig"]["defaults"]["noValue"], "an empty answer reads as words"
    for _, target in targets(board):
        assert re.search(
            r"centre =~ /\^\$\{centre:regex\}\$/|shouwang.monitor|whole_at", target.get("query", "whole_at")
        )


@pytest.mark.parametrize("name", sorted(name for name in BOARDS if name.startswith("zh/")))
def test_both_languages_say_the_same_of_the_same(name: str) -> None:
    zh, en = BOARDS[name], BOARDS[name.replace("zh/", "en/").replace("-zh.json", "-en.json")]
    for one, other in zip(panels(zh), panels(en), strict=True):
        assert (one["id"], one["type"], one["gridPos"]) == (other["id"], other["type"], other["gridPos"])
        assert _CHINESE.search(one["title"] + one.get("description", "")), one["title"]
        assert not _CHINESE.search(other["title"] + other.get("description", "")), other["title"]
    for (_, one), (_, other) in zip(targets(zh), targets(en), strict=True):
        assert one.get("query") == other.get("query")
        assert one.get("url") == other.get("url")


def test_the_command_renders_and_checks(tmp_path: Any) -> None:
    commands.render(tmp_path, None, False)
    assert checked_in(tmp_path) == FILES
    commands.check(tmp_path, None)
    changed = tmp_path / "en" / "shouwang-fleet-en.json"
    changed.write_text(changed.read_text("utf-8").replace("Emergencies", "Urgent"), "utf-8")
    (tmp_path / "zh" / "shouwang-centre-zh.json").unlink()
    with pytest.raises(Trouble, match=r"fleet-en\.json: differs\n.*centre-zh\.json: missing"):
        commands.check(tmp_path, None)


def test_a_kind_of_the_users_own_gets_a_dashboard(tmp_path: Any) -> None:
    kinds = tmp_path / "kinds"
    kinds.mkdir()
    own = (JSON.parents[1] / "shouwang" / "kinds" / "water_pump.toml").read_text("utf-8")
    (kinds / "grain_dryer.toml").write_text(own, "utf-8")
    made = rendered(load(kinds))
    assert "zh/shouwang-kind-grain_dryer-zh.json" in made
    assert references.dangling(made) == []
