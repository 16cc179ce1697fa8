"""Availability over REST, and on the terminal."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from sqlalchemy import Engine

from api.report import as_text, span
from shouwang import cli
from shouwang.clock import parse_rfc3339, rfc3339
from shouwang.ledger.engine import open_engine
from shouwang.trouble import WrongUsage
from tests.api import world
from tests.api.conftest import Api
from tests.api.world import BAXIAN, GUANGMING, MINUTE_MS, NOW_MS

DAY = {"from": rfc3339(NOW_MS - 1440 * MINUTE_MS), "to": rfc3339(NOW_MS)}


async def test_a_device_is_counted_minute_by_minute(api: Api) -> None:
    body = (await api.get("/availability", by="device", **DAY)).json()
    (line,) = [item for item in body["items"] if item["key"] == f"{GUANGMING}/call-01"]
    assert line["seconds"]["silent"] == 20 * 60
    assert line["seconds"]["degraded"] == 0  # all of it lay in a maintenance window of the township
    assert line["seconds"]["maintenance"] == 10 * 60
    # unheard for 50 minutes, of which 30 later turned out to have been ok; and before its first transition
    assert line["seconds"]["unknown"] == (50 - 30 + 1440 - 700) * 60
    assert sum(line["seconds"].values()) == 1440 * 60
    assert sum(line["percent"].values()) == pytest.approx(100, abs=0.01)


@pytest.mark.parametrize(("by", "keys"), [("township", 2), ("kind", 3), ("centre", 3), ("net", 3)])
async def test_lines_are_by_what_was_asked(api: Api, by: str, keys: int) -> None:
    body = (await api.get("/availability", by=by, **DAY)).json()
    assert len(body["items"]) == keys
    assert sum(item["devices"] for item in body["items"]) == 7  # two were never heard
    assert (await api.as_("viewer", townships=[BAXIAN]).get("/availability", by="township")).json()["items"][0][
        "key"
    ] == BAXIAN


async def test_lines_go_on_by_cursor(api: Api) -> None:
    whole = (await api.get("/availability", by="device", **DAY)).json()["items"]
    first = (await api.get("/availability", by="device", limit=3, **DAY)).json()
    rest = (await api.get("/availability", by="device", cursor=first["next_cursor"], **DAY)).json()
    assert first["items"] + rest["items"] == whole
    assert rest["next_cursor"] is None


@pytest.mark.parametrize(
    "query", [{}, {"by": "colour"}, {"by": "kind", "from": "2020-01-01"}, {"by": "kind", "from": "3000-01-01"}]
)
async def test_what_cannot_be_counted_is_said(api: Api, query: dict[str, str]) -> None:
    assert (await api.get("/availability", **query)).status_code == 422


def test_a_month_is_a_month_in_local_time() -> None:
    from_ms, to_ms = span("2026-12", None, None, NOW_MS)
    assert rfc3339(from_ms) == "2026-11-30T16:00:00.000Z"
    assert rfc3339(to_ms) == "2026-12-31T16:00:00.000Z"
    assert span(None, None, "2026-11-24T08:00:00+08:00", NOW_MS)[1] == parse_rfc3339("2026-11-24T00:00:00Z")
    for month, from_ in (("2026-13", None), ("10/2026", None), ("2026-10", "2026-10-01")):
        with pytest.raises(WrongUsage):
            span(month, from_, None, NOW_MS)


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state directory whose ledger is the filled one, made by the migrations."""
    assert cli.main(["user", "add", "li", "--state", str(tmp_path / "state")]) == 0
    engine: Engine = open_engine(f"sqlite:///{tmp_path / 'state' / 'ledger.db'}")
    world.fill(engine)
    engine.dispose()
    monkeypatch.chdir(tmp_path)
    return tmp_path / "state"


def test_it_is_printed_as_text_csv_and_json(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    common = ["report", "--by", "centre", "--from", str(DAY["from"]), "--to", str(DAY["to"]), "--state", str(state)]
    capsys.readouterr()
    assert cli.main([*common, "--json"]) == 0
    items = json.loads(capsys.readouterr().out)["items"]
    assert cli.main([*common, "--format", "csv"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [row["key"] for row in rows] == [item["key"] for item in items]
    assert [float(row["ok_percent"]) for row in rows] == [item["percent"]["ok"] for item in items]
    assert cli.main(common) == 0
    text = capsys.readouterr().out
    assert "光明村" in text
    assert len(text.splitlines()) == 2 + len(items)
    assert cli.main([*common, "--month", "2026-10"]) == 2


def test_a_table_lines_up_whatever_the_script() -> None:
    percent = {"ok": 99.5, "down": 0.5}
    items = [
        {"key": "a", "name": "光明村", "devices": 5, "percent": percent},
        {"key": "abc", "name": "x", "devices": 500, "percent": percent},
    ]
    lines = as_text({"by": "centre", "from": "x", "to": "y"}, items).splitlines()[2:]
    columns = [len(line.encode("gb18030")) for line in lines]  # two bytes a Chinese character, as wide as it is shown
    assert columns[0] == columns[1]
