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


SESSIONS = ("events", "reports")


def connected() -> Fence:
    made = Fence(SESSIONS)
    for session in SESSIONS:
        made.connected(session)
    return made


def back(fence: Fence, payload: bytes | None, *sessions: str) -> None:
    assert payload is not None
    for session in sessions or SESSIONS:
        fence.returned(session, payload)


def test_it_hears_once_the_fence_is_back_through_both_sessions() -> None:
    fence = connected()
    sent = fence.to_send(1.0)
    back(fence, sent, "events")
    assert not fence.hears(1.1)
    back(fence, sent, "reports")
    assert fence.hears(1.1)
    assert fence.confirmed_s == 1.0


def test_a_fence_is_repeated_each_five_seconds_until_one_returns_then_it_beats() -> None:
    fence = connected()
    assert [fence.to_send(s) for s in (0.0, 1.0, 4.9, 5.0, 6.0, 10.0)] == [b"1", None, None, b"2", None, b"3"]
    back(fence, b"3")
    assert [fence.to_send(s) for s in (10.4, 10.5, 10.9, 11.0)] == [None, b"4", None, b"5"]


def test_a_broker_that_freezes_is_doubted_first_then_we_are_deaf_since_the_last_that_came_back() -> None:
    fence = connected()
    back(fence, fence.to_send(0.0))
    fence.to_send(0.5)
    assert (fence.sure(2.0), fence.hears(2.0)) == (True, True)
    assert (fence.sure(2.1), fence.hears(2.1)) == (False, True)
    assert (fence.sure(5.1), fence.hears(5.1)) == (False, False)
    assert fence.confirmed_s == 0.0
    back(fence, b"2")  # it thaws, and gives back what waited: heard up to when that was sent
    assert fence.confirmed_s == 0.5
    assert not fence.hears(60.0)


def test_an_old_fence_proves_nothing_after_a_reconnection() -> None:
    fence = connected()
    old = fence.to_send(0.0)
    fence.disconnected("reports")
    fence.connected("reports")
    back(fence, old)
    assert fence.confirmed_s is None


def test_after_having_been_away_everything_is_heard_anew() -> None:
    fence = connected()
    back(fence, fence.to_send(0.0))
    fence.doubt()
    assert not fence.hears(0.1)
    assert fence.to_send(0.1) == b"2"


def test_no_fence_is_sent_while_a_session_is_missing() -> None:
    fence = Fence(SESSIONS)
    fence.connected("events")
    assert fence.to_send(0.0) is None
    fence.returned("reports", b"1")
    assert not fence.hears(0.0)
