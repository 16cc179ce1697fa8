"""What is a difference between what ought to stand in a Grafana and what does, and what is none."""

from __future__ import annotations

from typing import Any

import pytest

from dashboards.alerts.rules import duration
from dashboards.grafana import Sort, State, Thing
from dashboards.grafana.calling import with_branch
from dashboards.grafana.differing import Found, of_ours


def test_our_branch_keeps_its_place() -> None:
    ours, other = {"object_matchers": [["product", "=", "shouwang"]]}, {"object_matchers": [["a", "=", "b"]]}
    tree = {"receiver": "r", "provenance": "api", "routes": [other, ours]}
    assert with_branch(tree, {**ours, "receiver": "s"}) == {
        "receiver": "r",
        "routes": [other, {**ours, "receiver": "s"}],
    }
    assert with_branch({"receiver": "r"}, ours) == {"receiver": "r", "routes": [ours]}


@pytest.mark.parametrize(
    ("wanted", "present", "same"),
    [
        ({"a": 1}, {"a": 1, "id": 7}, True),
        ({"a": 1}, {"a": 2}, False),
        ({"a": 1}, {}, False),
        ({"a": "", "b": [], "c": False, "d": None}, {}, True),
        ({"a": "secret"}, {"a": "[REDACTED]"}, True),
        ({"a": [{"b": 1}]}, {"a": [{"b": 1, "c": 2}]}, True),
        ({"a": [1]}, {"a": [1, 2]}, False),
        ({"a": [1, 2]}, {"a": [1]}, False),
        ({"a": None}, {"a": 0}, True),
        ({"a": {"b": 1}}, {"a": None}, False),
    ],
)
def test_what_grafana_adds_is_no_difference(wanted: Any, present: Any, same: bool) -> None:
    assert (of_ours(wanted, present) == wanted) is same


@pytest.mark.parametrize(("seconds", "said"), [(0, "0s"), (30, "30s"), (60, "1m"), (120, "2m"), (90, "90s")])
def test_a_duration_is_said_as_grafana_says_it(seconds: int, said: str) -> None:
    assert duration(seconds) == said


def test_of_a_dashboard_all_that_somebody_added_counts() -> None:
    board = {"uid": "x", "title": "t", "panels": [{"id": 1}]}
    thing = Thing(Sort.DASHBOARD, "x", {"folderUid": "f", "dashboard": board})
    assert Found(thing, None).state is State.MISSING
    assert Found(thing, {"folderUid": "f", "dashboard": {**board, "id": 3, "version": 9}}).state is State.SAME
    assert Found(thing, {"folderUid": "g", "dashboard": board}).state is State.DIFFERENT
    changed = Found(thing, {"folderUid": "f", "dashboard": {**board, "panels": [{"id": 1, "transparent": True}]}})
    assert changed.state is State.DIFFERENT
    assert '+    "transparent": true' in changed.diff(to_wanted=False)
    assert '-    "transparent": true' in changed.diff(to_wanted=True)


def test_a_secret_is_left_out_of_what_is_shown() -> None:
    thing = Thing(Sort.CONTACT, "c", {"settings": {"url": 'http://x/?key=a"b'}}, frozenset({'http://x/?key=a"b'}))
    diff = Found(thing, {"settings": {"url": "http://y/"}}).diff(to_wanted=True)
    assert '+  "url": "…"' in diff
    assert "key" not in diff
