"""When agents are told what is stored, and when a backlog counts as drained."""

from collector.acks import AckSchedule
from collector.fence import Fence


def test_reports_are_gathered_for_a_second_events_are_acked_at_once() -> None:
    acks = AckSchedule()
    acks.stored("a", 10.0, at_once=False)
    acks.stored("a", 10.9, at_once=False)
    acks.stored("b", 10.0, at_once=True)
    assert acks.due(10.0) == ["b"]
    assert acks.due(10.99) == []
    assert acks.due(11.0) == ["a"]


def test_at_most_one_ack_a_second_a_centre() -> None:
    acks = AckSchedule()
    for tenth in range(31):
        acks.stored("a", tenth / 10, at_once=True)
    sent = []
    for tenth in range(31):
        acks.stored("a", tenth / 10, at_once=True)
        sent += [tenth / 10 for _ in acks.due(tenth / 10)]
    assert sent == [0.0, 1.0, 2.0, 3.0]


def fence() -> Fence:
    made = Fence(("events", "reports"))
    made.connected("events")
    made.connected("reports")
    return made


def test_it_hears_once_the_fence_is_back_through_both_sessions() -> None:
    made = fence()
    sent = made.to_send(1.0)
    assert sent == b"1"
    made.returned("events", sent)
    assert not made.hears
    made.returned("reports", sent)
    assert made.hears
    assert made.to_send(2.0) is None


def test_a_fence_is_repeated_each_five_seconds_until_one_returns() -> None:
    made = fence()
    assert [made.to_send(s) for s in (0.0, 1.0, 4.9, 5.0, 6.0, 10.0)] == [b"1", None, None, b"2", None, b"3"]
    made.returned("events", b"1")
    made.returned("reports", b"3")
    assert made.hears


def test_an_old_fence_proves_nothing_after_a_reconnection() -> None:
    made = fence()
    old = made.to_send(0.0)
    assert old is not None
    made.disconnected("reports")
    made.connected("reports")
    made.returned("reports", old)
    made.returned("events", old)
    assert not made.hears


def test_after_having_been_away_everything_is_heard_anew() -> None:
    made = fence()
    sent = made.to_send(0.0)
    assert sent is not None
    made.returned("events", sent)
    made.returned("reports", sent)
    made.doubt()
    assert not made.hears
    assert made.to_send(0.1) == b"2"


def test_no_fence_is_sent_while_a_session_is_missing() -> None:
    made = Fence(("events", "reports"))
    made.connected("events")
    assert made.to_send(0.0) is None
    made.returned("reports", b"1")
    assert not made.hears
