"""What was when, and counts by place: rows that a graph can take, on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise

import pytest
from sqlalchemy import Connection

from shouwang.boards import CONDITION_CODES
from shouwang.clock import parse_rfc3339, rfc3339
from shouwang.kinds import Kinds
from shouwang.ledger import over_time
from shouwang.ledger.availability import By, availability
from shouwang.ledger.views import summary
from shouwang.ledger.views.counts import CountedBy, counts
from shouwang.ledger.views.scope import Scope
from tests.api.conftest import Api
from tests.api.world import BAXIAN, DAQIN, GUANGMING, MINUTE_MS, NOW_MS

ALL = Scope(townships=None)
FROM_MS = NOW_MS - 720 * MINUTE_MS


def test_conditions_over_time_are_the_same_time_as_availability(connection: Connection, kinds: Kinds) -> None:
    rows = over_time.conditions(connection, FROM_MS, NOW_MS, NOW_MS, scope=ALL)
    assert [row["at"] for row in rows] == sorted(row["at"] for row in rows)
    by_device: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for row in rows:
        assert row["code"] == CONDITION_CODES[row["condition"]]
        by_device[f"{row['centre']}/{row['device']}"].append((parse_rfc3339(row["at"]), row["condition"]))
    spent: dict[tuple[str, str], float] = defaultdict(float)
    for name, changes in by_device.items():
        for (start, condition), (end, _) in pairwise(changes):
            spent[name, condition] += (end - start) / 1000
    counted = availability(connection, kinds.declared, By.DEVICE, FROM_MS, NOW_MS, NOW_MS, scope=ALL)
    assert {
        (line.key, condition): seconds for line in counted for condition, seconds in line.seconds.items() if seconds
    } == {key: seconds for key, seconds in spent.items() if seconds}


def test_devices_are_chosen_and_the_terminal_was_what_the_ledger_says(connection: Connection) -> None:
    rows = over_time.conditions(
        connection, FROM_MS, NOW_MS, NOW_MS, scope=ALL, centre=GUANGMING, device="call-01,pos-01", kind="call_terminal"
    )
    assert {row["device"] for row in rows} == {"call-01"}
    minutes_ago = [((NOW_MS - parse_rfc3339(row["at"])) // MINUTE_MS, row["condition"]) for row in rows]
    assert minutes_ago[-3:] == [(90, "ok"), (20, "silent"), (0, "silent")]
    assert (100, "maintenance") in minutes_ago, "degraded, while a window lay over it"


def test_the_gravest_open_incident_of_each_township(connection: Connection) -> None:
    rows = over_time.gravest(connection, FROM_MS, NOW_MS, NOW_MS, scope=ALL)
    daqin = [row for row in rows if row["key"] == DAQIN]
    assert daqin[0]["severity"] == "none"
    assert daqin[0]["at"] == rfc3339(FROM_MS)
    assert daqin[-1]["severity"] == "critical"
    assert daqin[-1]["at"] == rfc3339(NOW_MS)
    assert {row["key"] for row in rows} == {DAQIN, BAXIAN}
    only = over_time.gravest(connection, FROM_MS, NOW_MS, NOW_MS, scope=ALL, township=BAXIAN)
    assert {row["key"] for row in only} == {BAXIAN}
    assert not over_time.gravest(connection, FROM_MS, NOW_MS, NOW_MS, scope=Scope(frozenset({DAQIN})), township=BAXIAN)


@pytest.mark.parametrize("by", list(CountedBy))
def test_counts_by_anything_add_up_to_the_summary(connection: Connection, kinds: Kinds, by: CountedBy) -> None:
    whole = summary(connection, ALL, kinds, NOW_MS)
    lines = counts(connection, ALL, kinds, NOW_MS, by)
    for name in ("total", "ok", "down", "silent", "unknown", "not_connected"):
        assert sum(line[name] for line in lines) == whole["devices"][name]
    assert sum(line["terminals_unwatched"] for line in lines) == whole["terminals"]["unwatched"]
    assert all(line["key"] for line in lines)
    of_one = counts(connection, ALL, kinds, NOW_MS, by, township=DAQIN, kind="camera")
    assert sum(line["total"] for line in of_one) == 2


async def test_several_townships_are_one_question(api: Api) -> None:
    both = (await api.get("/summary", township=f"{DAQIN},{BAXIAN}")).json()
    one = (await api.get("/summary", township=DAQIN)).json()
    everywhere = (await api.get("/summary", township="*")).json()
    assert both["devices"] == everywhere["devices"]
    assert one["devices"]["total"] < both["devices"]["total"]
    assert set(one["townships"]) == {DAQIN}
    lists = [(await api.get("/devices", township=said)).json()["items"] for said in (DAQIN, f"{DAQIN},{BAXIAN}", "*")]
    assert len(lists[0]) < len(lists[1]) == len(lists[2])
    incidents = (await api.get("/incidents", open="true", township=f"{DAQIN},{BAXIAN}")).json()["items"]
    assert incidents
    assert {each["township"] for each in incidents} <= {DAQIN, BAXIAN}


async def test_a_delay_is_what_passed_between_it_was_so_and_it_was_known(api: Api) -> None:
    rows = (await api.get("/delays", **{"from": rfc3339(FROM_MS), "to": rfc3339(NOW_MS)})).json()["items"]
    assert [(row["device"], row["condition"]) for row in rows] == [("call-01", "silent")]
    assert rows[0]["delay_s"] >= 0


async def test_it_keeps_to_the_askers_townships(api: Api) -> None:
    viewer = api.as_("viewer", [BAXIAN])
    for path in ("/counts?by=centre", "/timeline/devices", "/timeline/incidents", "/delays"):
        assert GUANGMING not in (await viewer.get(path)).text
        assert DAQIN not in (await viewer.get(path)).text
    assert (await viewer.get("/summary", township=DAQIN)).json()["devices"]["total"] == 0


async def test_a_time_that_cannot_be_is_said(api: Api) -> None:
    for path in ("/timeline/devices", "/timeline/incidents", "/delays"):
        answer = await api.get(path, **{"from": rfc3339(NOW_MS), "to": rfc3339(FROM_MS)})
        assert answer.status_code == 422
        assert "query.from" in answer.text


async def test_the_worst_devices_come_first_where_that_is_asked(api: Api) -> None:
    answer = (await api.get("/devices", gravest_first="true", centre=GUANGMING, limit=3)).json()
    assert [item["condition"] for item in answer["items"]] == ["down", "silent", "unknown"]
    assert answer["next_cursor"] is None
