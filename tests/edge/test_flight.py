"""What is under way, and when it goes once more."""

from edge.flight import WINDOW, Flight, Pace
from edge.rows import Row
from shouwang.ranges import Ranges


def row(number: int, *, event: bool = False) -> Row:
    return Row(number, "boot", number, event, 0, "m", 1, b"")


def test_published_again_after_60_s_doubling_to_15_minutes() -> None:
    flight = Flight(Pace())
    now_s, waits = 0.0, []
    for _ in range(7):
        flight.published(row(1), now_s)
        due_s = flight.next_due_s()
        assert due_s is not None
        waits.append(due_s - now_s)
        assert flight.due(due_s - 0.1) == []
        assert flight.due(due_s) == [1]
        now_s = due_s
    assert waits == [60, 120, 240, 480, 900, 900, 900]


def test_events_come_before_reports_when_both_are_due() -> None:
    flight = Flight(Pace())
    for number in (1, 2, 3):
        flight.published(row(number, event=number == 3), 0)
    assert flight.due(60) == [3, 1, 2]


def test_reports_fill_a_window_and_events_pass_it() -> None:
    flight = Flight(Pace())
    for number in range(1, WINDOW + 1):
        flight.published(row(number), 0)
    assert flight.free == 0
    flight.published(row(99, event=True), 0)
    assert len(flight) == WINDOW + 1
    flight.acknowledged({"boot": Ranges([(1, 10)]), "other": Ranges([(1, 99)])}, 1)
    assert flight.free == 10
    assert 10 not in flight
    assert 11 in flight


def test_what_is_fresh_takes_the_place_of_history_but_not_of_what_is_fresh_too() -> None:
    flight = Flight(Pace())
    for number in range(1, WINDOW + 1):
        flight.published(row(number), 0)
    assert flight.displace({1, 2})
    assert 3 not in flight
    assert not flight.displace(set(range(1, WINDOW + 1)))


def test_a_flood_of_events_is_remembered_within_bounds() -> None:
    flight = Flight(Pace())
    for number in range(10_000):
        flight.published(row(number, event=True), 0)
    assert len(flight) < 300
    assert 9_999 in flight


def test_not_heard_is_said_after_a_minute_without_any_ack() -> None:  # fault 15
    flight = Flight(Pace())
    assert not flight.unheard(1e6)  # nothing was said, so nothing is to be answered
    flight.published(row(1), 100)
    flight.published(row(2), 150)
    assert not flight.unheard(160)
    assert flight.unheard(160.1)
    flight.acknowledged({"boot": Ranges([(1, 1)])}, 170)
    assert not flight.unheard(230)
    assert flight.unheard(230.1)
    flight.acknowledged({"boot": Ranges([(1, 2)])}, 240)
    assert not flight.unheard(1e6)


def test_the_speed_of_a_demo_divides_its_times() -> None:
    assert Pace().at(20) == Pace(3.0, 45.0, 0.25, 3.0)
