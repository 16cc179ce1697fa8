"""Generated histories: whatever the order, doubling or delay of delivery, the same final history comes out (I3)."""

from __future__ import annotations

import itertools
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from collector.facts import Evidence
from shouwang.ledger.corrections import merge
from shouwang.messages import Presence
from tests.collector.village import Village, centres, reading

SAYS: list[dict[str, Any]] = [
    {},
    {"reachable": False},
    {"tamper": True},
    {"mains_power": False, "battery_percent": 30.0},
    {"reachable": False, "mains_power": False},
]
"""ok, a counted failure, degraded, degraded and graver, a failure that is degraded besides."""

Delivery = tuple[int, int]
"""Age in ms, and which of SAYS."""


def _deliveries(oldest_ms: int) -> st.SearchStrategy[list[Delivery]]:
    age = st.integers(min_value=0, max_value=oldest_ms)
    return st.lists(st.tuples(age, st.integers(0, len(SAYS) - 1)), max_size=12, unique_by=lambda each: each[0])


@st.composite
def _twice(draw: st.DrawFn, oldest_ms: int) -> tuple[list[Delivery], list[Delivery]]:
    """The same readings in the order in which they were taken, and in any other, some of them doubled."""
    taken = draw(_deliveries(oldest_ms))
    in_order = sorted(taken, reverse=True)
    doubled = taken + (draw(st.lists(st.sampled_from(taken), max_size=6)) if taken else [])
    return in_order, draw(st.permutations(doubled))


def _final(village: Village, deliveries: list[Delivery], silence_ms: int) -> tuple[Any, ...]:
    """What is known in the end: condition, reasons, history as corrected, and what two further failures make of it."""
    for age_ms, what in deliveries:
        village.hear("c0", [reading("call_terminal", "call-00", age_ms, **SAYS[what])])
    device = village.watch._device(1)
    assert device is not None
    known = device.condition, device.reasons
    history = _corrected(village.evidence, village.now.wall_ms - silence_ms, village.now.wall_ms)
    after = []
    for _ in range(2):
        village.at_s += 1
        village.hear("c0", [reading("call_terminal", "call-00", 0, reachable=False)])
        after.append((device.condition, device.reasons))
    return known, history, after


def _corrected(evidence: list[Evidence], from_ms: int, to_ms: int) -> list[tuple[int, int, str]]:
    """The spans of the time that was not known."""
    spans = merge((e.from_ms, e.to_ms, e.condition) for e in evidence if e.device.id == 1)
    return [(max(a, from_ms), min(b, to_ms), str(c)) for a, b, c in spans if a < to_ms and b > from_ms]


@given(_twice(85_000))
def test_any_order_within_the_limit_gives_the_same_condition(both: tuple[list[Delivery], list[Delivery]]) -> None:
    finals = []
    for deliveries in both:
        village = Village(centres(1, 2)).start()
        village.working.clear()
        village.hear("c0", [reading("call_terminal", "call-00")])
        village.wait(86, 1.0)
        finals.append(_final(village, deliveries, 0))
    assert finals[0] == finals[1]


@given(_twice(1_000_000))
def test_any_order_of_a_backlog_gives_the_same_history(both: tuple[list[Delivery], list[Delivery]]) -> None:
    finals = []
    for deliveries in both:
        village = Village(centres(1, 2)).start().wait(100, 1.0)
        village.up.clear()
        village.wait(900, 1.0)
        village.presence("c0", connection=2)
        finals.append(_final(village, deliveries, 840_000))
    assert finals[0] == finals[1]


@given(_twice(1_000_000), st.booleans())
def test_any_order_of_what_a_silent_device_had_to_say(
    both: tuple[list[Delivery], list[Delivery]], was_heard: bool
) -> None:
    finals = []
    for deliveries in both:
        village = Village(centres(1, 2)).start()
        if not was_heard:
            village.working.discard(1)
        village.wait(40, 1.0)
        village.working.discard(1)
        village.wait(1000, 1.0)
        finals.append(_final(village, [each for each in deliveries if each[0] > 90_000], 900_000))
    assert finals[0] == finals[1]


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["boot-0001", "boot-0002", "boot-0003"]), st.integers(1, 4), st.booleans(), st.booleans()
        ),
        max_size=30,
    )
)
def test_no_order_of_presence_makes_a_path_ping_pong_for_ever(
    messages: list[tuple[str, int, bool, bool]],
) -> None:
    village = Village(centres(1, 2)).start().wait(5)
    for boot, connection, online, retained in messages:
        village.presence("c0", online=online, boot=boot, connection=connection, retained=retained)
        village.presence("c0", online=online, boot=boot, connection=connection)  # doubled
    turns = [what for what, _ in village.path_turns("c0")]
    assert all(one != other for one, other in itertools.pairwise(turns))
    before = len(village.transitions)
    for boot, connection, online, _ in messages:  # all of them once more, late
        village.presence("c0", online=online, boot=boot, connection=connection)
    assert len(village.transitions) - before <= 2 * len({boot for boot, *_ in messages})


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["report", "presence", "wait"]),
            st.integers(0, 400 * 86_400_000),
            st.integers(0, 604_800_000),
            st.integers(0, len(SAYS) - 1),
        ),
        max_size=20,
    )
)
def test_nothing_said_by_one_centre_changes_another(said: list[tuple[str, int, int, int]]) -> None:  # I8
    village = Village(centres(2, 2)).start().wait(5)
    for what, age_ms, held_ms, which in said:
        before = len(village.transitions)
        if what == "report":
            strangers = [
                reading("call_terminal", name, age_ms, **SAYS[which]) for name in ("call-00", "c1/call-00", "x")
            ]
            village.hear("c0", [*strangers, reading("camera", "call-01", age_ms)], held_ms)
        elif what == "presence":
            message = Presence(v=1, online=which % 2 == 0, boot=f"boot-{which:04}", connection=1 + age_ms)
            village.take(village.watch.presence("c0", message, village.now, held_ms))
        assert {turn.path for turn in village.transitions[before:]} <= {"c0"}
        if what == "wait":
            village.wait(1 + which)
    assert {turn.condition for turn in village.transitions if turn.path == "c1"} <= {"online", "ok"}
