"""A device's time by condition: tables of cases, and a slow but plain reckoning to compare with."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shouwang.ledger.sweep import History, sweep

CASES = {
    "ok all along": (History(0, 100, [(0, "ok")]), {"ok": 100}),
    "it was so before": (History(50, 100, [(0, "ok")]), {"ok": 50}),
    "a change": (History(0, 100, [(0, "ok"), (40, "down")]), {"ok": 40, "down": 60}),
    "changes outside do not count": (History(10, 50, [(0, "ok"), (10, "down"), (50, "ok")]), {"down": 40}),
    "nothing known yet": (History(0, 100, [(30, "ok")]), {"unknown": 30, "ok": 70}),
    "nothing known at all": (History(0, 100, []), {"unknown": 100}),
    "an empty time": (History(100, 100, [(0, "ok")]), {}),
    "a time that ends before it begins": (History(100, 50, [(0, "ok")]), {}),
    "its path unheard": (History(0, 100, [(0, "ok")], offline=[(20, 50)]), {"ok": 70, "unknown": 30}),
    "down and unheard is unknown": (
        History(0, 100, [(0, "ok"), (30, "down")], offline=[(20, 50)]),
        {"ok": 20, "unknown": 30, "down": 50},
    ),
    "late readings fill what was unknown": (
        History(0, 100, [(0, "ok")], offline=[(20, 60)], corrections=[(20, 50, "ok")]),
        {"ok": 90, "unknown": 10},
    ),
    "late readings fill what was silent": (
        History(0, 100, [(0, "ok"), (50, "silent")], corrections=[(50, 70, "degraded")]),
        {"ok": 50, "degraded": 20, "silent": 30},
    ),
    "late readings change nothing that was known": (
        History(0, 100, [(0, "down")], corrections=[(20, 50, "ok")]),
        {"down": 100},
    ),
    "maintenance lies over everything": (
        History(
            0,
            100,
            [(0, "ok"), (50, "down")],
            offline=[(10, 30)],
            corrections=[(10, 20, "ok")],
            maintenance=[(5, 15), (60, 200)],
        ),
        {"ok": 30, "unknown": 10, "down": 10, "maintenance": 50},
    ),
    "two changes at once: the later said holds": (History(0, 100, [(0, "ok"), (40, "down"), (40, "ok")]), {"ok": 100}),
}


@pytest.mark.parametrize("name", CASES)
def test_cases(name: str) -> None:
    history, expected = CASES[name]
    assert {condition: spent for condition, spent in sweep(history).items() if spent} == expected


def intervals() -> st.SearchStrategy[list[tuple[int, int]]]:
    """Disjoint, in order."""
    edges = st.lists(st.integers(0, 60), max_size=8, unique=True).map(sorted)
    return edges.map(lambda found: list(zip(found[::2], found[1::2], strict=False)))


@given(
    own=st.lists(st.tuples(st.integers(0, 60), st.sampled_from(["ok", "degraded", "down", "silent"])), max_size=8),
    offline=intervals(),
    corrected=intervals(),
    maintenance=intervals(),
    from_ms=st.integers(0, 60),
    to_ms=st.integers(0, 60),
)
def test_it_agrees_with_looking_at_every_instant(
    own: list[tuple[int, str]],
    offline: list[tuple[int, int]],
    corrected: list[tuple[int, int]],
    maintenance: list[tuple[int, int]],
    from_ms: int,
    to_ms: int,
) -> None:
    own.sort(key=lambda step: step[0])
    corrections = [(start, end, "ok" if start % 2 else "degraded") for start, end in corrected]
    expected: dict[str, int] = {}
    for instant in range(from_ms, to_ms):
        condition = next((said for at, said in reversed(own) if at <= instant), "unknown")
        if any(start <= instant < end for start, end in offline):
            condition = "unknown"
        if condition in ("unknown", "silent"):
            condition = next((said for start, end, said in corrections if start <= instant < end), condition)
        if any(start <= instant < end for start, end in maintenance):
            condition = "maintenance"
        expected[condition] = expected.get(condition, 0) + 1
    found = sweep(History(from_ms, to_ms, own, offline, corrections, maintenance))
    assert {condition: spent for condition, spent in found.items() if spent} == expected
