"""What the ledger is read through: truth, order, pages, and nothing out of scope."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Connection

from shouwang.clock import rfc3339
from shouwang.kinds import Kinds
from shouwang.ledger import views
from shouwang.ledger.views import BadCursor, Scope
from tests.api.world import BAXIAN, BAXIAN_VILLAGE, BEILAOGUI, DAQIN, GUANGMING, MINUTE_MS, NOW_MS

ALL = Scope(None, sees_households=True)
NO_NAMES = Scope(None)
ONLY_DAQIN = Scope(frozenset({DAQIN}), sees_households=True)
ONLY_BAXIAN = Scope(frozenset({BAXIAN}))
NOTHING = Scope(frozenset())


def minutes_ago(minutes: int) -> str | None:
    return rfc3339(NOW_MS - minutes * MINUTE_MS)


def conditions(connection: Connection, kinds: Kinds, **filters: Any) -> dict[str, str]:
    found = views.devices(connection, **{"scope": ALL, "kinds": kinds, "now_ms": NOW_MS, **filters})
    return {f"{item['centre']}/{item['device']}": item["condition"] for item in found["items"]}


def test_a_device_is_unknown_where_its_path_is_not_heard_and_else_what_it_last_was(
    connection: Connection, kinds: Kinds
) -> None:
    assert conditions(connection, kinds) == {
        f"{GUANGMING}/call-01": "silent",
        f"{GUANGMING}/cam-01": "down",
        f"{GUANGMING}/kiosk-01": "unknown",  # never heard
        f"{GUANGMING}/pos-01": "ok",
        f"{BEILAOGUI}/call-01": "unknown",
        f"{BEILAOGUI}/cam-01": "unknown",
        f"{BAXIAN_VILLAGE}/call-01": "ok",  # its feed is heard, though its centre is not
        f"{BAXIAN_VILLAGE}/cam-01": "unknown",
    }


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"condition": "down"}, [f"{GUANGMING}/cam-01"]),
        ({"condition": "not_connected"}, [f"{GUANGMING}/kiosk-01"]),
        ({"condition": "maintenance"}, [f"{GUANGMING}/pos-01"]),
        ({"kind": "call_terminal", "township": DAQIN}, [f"{GUANGMING}/call-01", f"{BEILAOGUI}/call-01"]),
        ({"path": "unicom"}, [f"{BAXIAN_VILLAGE}/call-01"]),
        ({"q": "光明 cam"}, [f"{GUANGMING}/cam-01"]),
        ({"q": "王奶奶"}, [f"{GUANGMING}/call-01"]),
        ({"q": "王奶奶", "scope": NO_NAMES}, []),
        ({"q": "%"}, []),
        ({"q": "_"}, []),
        ({"q": "'; drop table devices --"}, []),
        ({"scope": ONLY_BAXIAN}, [f"{BAXIAN_VILLAGE}/call-01", f"{BAXIAN_VILLAGE}/cam-01"]),
        ({"scope": ONLY_BAXIAN, "township": DAQIN}, []),
        ({"scope": NOTHING}, []),
    ],
)
def test_filters_of_devices(connection: Connection, kinds: Kinds, filters: dict[str, Any], expected: list[str]) -> None:
    assert list(conditions(connection, kinds, **filters)) == expected


def test_since_is_when_it_began_to_be_so(connection: Connection, kinds: Kinds) -> None:
    found = views.devices(connection, ALL, kinds, NOW_MS)["items"]
    since = {f"{item['centre']}/{item['device']}": item["since"] for item in found}
    assert since[f"{GUANGMING}/call-01"] == minutes_ago(20)
    assert since[f"{GUANGMING}/pos-01"] == minutes_ago(600)  # well before, but unheard until then
    assert since[f"{BEILAOGUI}/cam-01"] == minutes_ago(30)
    assert since[f"{GUANGMING}/kiosk-01"] is None


def test_a_device_tells_what_it_was_last_known_to_be_and_which_incident_stands_for_it(
    connection: Connection, kinds: Kinds
) -> None:
    lost = views.device(connection, ALL, kinds, NOW_MS, BEILAOGUI, "cam-01")
    assert lost is not None
    assert lost["last_known"] == {"condition": "down", "since": minutes_ago(50)}
    assert lost["incident"]["id"] == "i-offline"
    assert lost["reason"]["zh"] == kinds["camera"].rule("unreachable").reason.zh  # type: ignore[union-attr]
    terminal = views.device(
        connection, ALL, kinds, NOW_MS, GUANGMING, "call-01", {"call_terminal": {"silent_after_s": 40}}
    )
    assert terminal is not None
    assert terminal["household"] == "王奶奶"
    assert terminal["limits"]["silent_after_s"] == 40
    assert terminal["incident"]["id"] == "i-silent"
    of_feed = views.device(connection, ALL, kinds, NOW_MS, BAXIAN_VILLAGE, "call-01")
    assert of_feed is not None
    assert of_feed["incident"] is None  # the carrier's outage names its centre, through which it is not heard


def test_households_are_seen_by_those_alone_who_may(connection: Connection, kinds: Kinds) -> None:
    assert all("household" not in item for item in views.devices(connection, NO_NAMES, kinds, NOW_MS)["items"])
    assert views.device(connection, ONLY_BAXIAN, kinds, NOW_MS, GUANGMING, "call-01") is None


def test_pages_go_on_where_they_ended_and_then_end(connection: Connection, kinds: Kinds) -> None:
    everything = list(conditions(connection, kinds))
    for limit in (1, 3, 7, 8, 100):
        seen: list[str] = []
        cursor = None
        while True:
            found = views.devices(connection, ALL, kinds, NOW_MS, limit=limit, cursor=cursor)
            assert len(found["items"]) <= limit
            seen += [f"{item['centre']}/{item['device']}" for item in found["items"]]
            cursor = found["next_cursor"]
            if cursor is None:
                break
        assert seen == everything


@pytest.mark.parametrize("cursor", ["!", "AAAA", "WzFd", "W10", "a" * 600, "bnVsbA"])
def test_a_cursor_of_another_list_is_refused(connection: Connection, kinds: Kinds, cursor: str) -> None:
    with pytest.raises(BadCursor):
        views.devices(connection, ALL, kinds, NOW_MS, cursor=cursor)


def test_the_summary_counts_each_device_once(connection: Connection, kinds: Kinds) -> None:
    found = views.summary(connection, ALL, kinds, NOW_MS)
    assert found["devices"] == {
        "total": 8,
        "ok": 2,
        "degraded": 0,
        "down": 1,
        "silent": 1,
        "unknown": 4,
        "not_connected": 1,
        "maintenance": 1,
    }
    assert found["terminals"] == {"total": 3, "unwatched": 2}
    assert found["townships"][BAXIAN]["total"] == 2
    assert found["townships"][BAXIAN]["name"] == "八仙筒镇"
    assert found["kinds"]["camera"]["down"] == 1
    assert found["centres"] == {"total": 3, "online": 1, "offline": 2, "not_connected": 0}
    assert found["feeds"]["online"] == 1
    assert found["incidents"] == {
        "total": 5,
        "emergency": 0,
        "critical": 3,
        "major": 1,
        "minor": 1,
        "unacknowledged": 4,
    }
    assert found["deaf"] is False


def test_the_summary_of_one_township_holds_nothing_of_another(connection: Connection, kinds: Kinds) -> None:
    found = views.summary(connection, ONLY_BAXIAN, kinds, NOW_MS)
    assert found["devices"]["total"] == 2
    assert list(found["townships"]) == [BAXIAN]
    assert found["centres"]["total"] == 1
    assert found["incidents"]["total"] == 2  # its own, and the carrier's, which is of no township


@pytest.mark.parametrize(("later_ms", "deaf"), [(0, False), (10_000, False), (20_000, True)])
def test_a_collector_that_does_not_say_that_it_hears_is_deaf(connection: Connection, later_ms: int, deaf: bool) -> None:
    found = views.deafness(connection, NOW_MS + later_ms)
    assert found["deaf"] is deaf
    assert found["deaf_since"] == (rfc3339(NOW_MS - 2_000) if deaf else None)


def test_open_incidents_come_gravest_first_and_longest_first(connection: Connection, kinds: Kinds) -> None:
    order = ["i-offline", "i-silent", "i-carrier", "i-down", "i-baxian-minor"]
    whole = views.incidents(connection, ALL, kinds, NOW_MS, open=True)
    assert [item["id"] for item in whole["items"]] == order
    seen: list[str] = []
    cursor: str | None = None
    while True:
        some = views.incidents(connection, ALL, kinds, NOW_MS, open=True, limit=2, cursor=cursor)
        seen += [item["id"] for item in some["items"]]
        cursor = some["next_cursor"]
        if cursor is None:
            break
    assert seen == order


def test_all_incidents_come_latest_first(connection: Connection, kinds: Kinds) -> None:
    found = views.incidents(connection, ALL, kinds, NOW_MS)
    opened = [item["opened_at"] for item in found["items"]]
    assert len(opened) == 6
    assert opened == sorted(opened, reverse=True)
    closed = views.incidents(connection, ALL, kinds, NOW_MS, open=False)
    assert [item["id"] for item in closed["items"]] == ["i-closed"]


def test_an_incident_tells_its_timeline_and_each_try_to_tell_people(connection: Connection, kinds: Kinds) -> None:
    found = views.incident_view(connection, "i-silent", ALL, kinds, NOW_MS)
    assert found is not None
    assert [entry["what"] for entry in found["timeline"]] == ["opened", "told"]
    (told,) = found["notifications"]
    assert told["type"] == "incident.opened"
    assert [(each["provider"], each["accepted"]) for each in told["tries"]] == [("wecom", False), ("webhook", True)]
    assert found["good_at"] == minutes_ago(22)
    assert found["acknowledgement"] is None
    taken = views.incident_view(connection, "i-down", ALL, kinds, NOW_MS)
    assert taken is not None
    assert taken["acknowledgement"] == {"who": "li", "at": minutes_ago(30)}
    assert "王奶奶" not in str(views.incident_view(connection, "i-silent", views.HOUSE, kinds, NOW_MS))


def test_an_incident_of_another_township_does_not_exist_and_a_common_one_names_ones_own(
    connection: Connection, kinds: Kinds
) -> None:
    assert views.incident_view(connection, "i-silent", ONLY_BAXIAN, kinds, NOW_MS) is None
    carrier = views.incident_view(connection, "i-carrier", ONLY_BAXIAN, kinds, NOW_MS)
    assert carrier is not None
    assert carrier["members"] == [BAXIAN_VILLAGE]
    assert carrier["timeline"][0]["detail"] == {"members": [BAXIAN_VILLAGE]}
    whole = views.incident_view(connection, "i-carrier", ALL, kinds, NOW_MS)
    assert whole is not None
    assert whole["members_total"] == 2


def test_centres_tell_whether_their_agent_is_heard(connection: Connection) -> None:
    found = {item["centre"]: item for item in views.centres(connection, ALL, NOW_MS)["items"]}
    assert found[GUANGMING]["condition"] == "online"
    assert found[BEILAOGUI]["condition"] == "offline"
    assert found[BEILAOGUI]["incident"]["id"] == "i-offline"
    assert found[BAXIAN_VILLAGE]["incident"]["id"] == "i-carrier"
    assert found[GUANGMING]["devices"]["silent"] == 1
    assert found[GUANGMING]["maintenance"] is None  # one device of it is worked on, not the centre


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"condition": "online"}, [GUANGMING]),
        ({"condition": "offline"}, [BEILAOGUI, BAXIAN_VILLAGE]),
        ({"condition": "not_connected"}, []),
        ({"condition": "silent"}, [GUANGMING]),
        ({"township": BAXIAN}, [BAXIAN_VILLAGE]),
        ({"q": "老柜"}, [BEILAOGUI]),
        ({"scope": ONLY_DAQIN}, [GUANGMING, BEILAOGUI]),
    ],
)
def test_filters_of_centres(connection: Connection, filters: dict[str, Any], expected: list[str]) -> None:
    found = views.centres(connection, **{"scope": ALL, "now_ms": NOW_MS, **filters})
    assert [item["centre"] for item in found["items"]] == expected


def test_history_tells_the_time_unheard_as_unknown(connection: Connection, kinds: Kinds) -> None:
    found = views.transitions(connection, ALL, kinds, GUANGMING, "call-01")
    assert found is not None
    assert [(item["condition"], item["at"], item["because"]) for item in found["items"]] == [
        ("silent", minutes_ago(20), "device"),
        ("ok", minutes_ago(90), "device"),
        ("degraded", minutes_ago(100), "device"),
        ("ok", minutes_ago(600), "path"),
        ("unknown", minutes_ago(650), "path"),
        ("ok", minutes_ago(700), "device"),
    ]
    assert found["items"][2]["reasons"] == ["mains_lost"]
    assert found["corrections"][0]["condition"] == "ok"
    assert views.transitions(connection, ONLY_BAXIAN, kinds, GUANGMING, "call-01") is None


def test_history_by_pages_is_the_same_history(connection: Connection, kinds: Kinds) -> None:
    whole = views.transitions(connection, ALL, kinds, GUANGMING, "call-01")
    assert whole is not None
    for limit in (1, 2, 3):
        seen: list[Any] = []
        cursor: str | None = None
        while True:
            some = views.transitions(connection, ALL, kinds, GUANGMING, "call-01", limit=limit, cursor=cursor)
            assert some is not None
            seen += some["items"]
            cursor = some["next_cursor"]
            if cursor is None:
                break
        assert seen == whole["items"]


def test_what_was_set_aside_is_shown_to_whom_it_concerns(connection: Connection) -> None:
    assert [item["device"] for item in views.unregistered(connection, ALL)["items"]] == ["call-77", "robot-1"]
    assert [item["path"] for item in views.asides(connection, ALL)["items"]] == [
        GUANGMING,
        "somebody-else",
        BAXIAN_VILLAGE,
    ]
    assert [item["path"] for item in views.asides(connection, ONLY_BAXIAN)["items"]] == [BAXIAN_VILLAGE]


def test_maintenance_lists_what_holds_or_is_to_come(connection: Connection) -> None:
    assert [item["id"] for item in views.maintenance(connection, ALL, NOW_MS)["items"]] == [3, 1]
    whole = [item["id"] for item in views.maintenance(connection, ALL, NOW_MS, past=True)["items"]]
    assert whole == [3, 4, 1, 2]
    first = views.maintenance(connection, ALL, NOW_MS, past=True, limit=3)
    rest = views.maintenance(connection, ALL, NOW_MS, past=True, limit=3, cursor=first["next_cursor"])
    assert [item["id"] for item in first["items"] + rest["items"]] == whole
    assert [item["id"] for item in views.maintenance(connection, ONLY_BAXIAN, NOW_MS)["items"]] == [3]


def test_agents_are_counted_by_version_and_found_by_what_they_are(connection: Connection) -> None:
    found = views.agents(connection, ALL)
    said = {each["path"]: (each["condition"], each["agent_version"], each["is_feed"]) for each in found["items"]}
    assert said[GUANGMING] == ("online", "1.0.0", False)
    assert said[BEILAOGUI] == ("offline", "1.0.0", False)
    assert said["unicom"] == ("online", "1.0.0", True)
    assert found["versions"] == [{"version": "1.0.0", "agents": 3}, {"version": "0.9.0", "agents": 1}]
    old = views.agents(connection, ALL, version="0.9.0")
    assert [each["path"] for each in old["items"]] == [BAXIAN_VILLAGE]
    first = views.agents(connection, ALL, limit=1)
    rest = views.agents(connection, ALL, cursor=first["next_cursor"])
    assert [each["path"] for each in first["items"] + rest["items"]] == sorted(said)
    assert {each["path"] for each in views.agents(connection, ONLY_BAXIAN)["items"]} == {BAXIAN_VILLAGE, "unicom"}
