"""One centre that floods is throttled; the others are not."""

from collector.flood import MESSAGES_A_SECOND, MESSAGES_AT_ONCE, Flood


def admitted(flood: Flood, path: str, seconds: int, a_second: int, size: int = 1_000) -> int:
    return sum(flood.admits(path, size, second + n / a_second) for second in range(seconds) for n in range(a_second))


def test_a_backlog_of_days_passes() -> None:
    assert admitted(Flood(), "a", 600, 40) == 24_000


def test_a_flood_gets_its_burst_and_its_rate_and_no_more() -> None:  # fault 36
    passed = admitted(Flood(), "a", 60, 2_000)
    assert passed <= MESSAGES_AT_ONCE + 60 * MESSAGES_A_SECOND + 1


def test_a_few_huge_messages_are_a_flood_too() -> None:
    assert admitted(Flood(), "a", 10, 50, size=1 << 20) <= 32 + 40 + 1


def test_others_do_not_notice() -> None:
    flood = Flood()
    admitted(flood, "a", 10, 5_000)
    assert admitted(flood, "b", 10, 40) == 400
    flood.forget(1_000.0)
    assert admitted(flood, "a", 1, 100) == 100


def test_a_backlog_of_reports_delays_no_call() -> None:
    flood = Flood()
    admitted(flood, "150525100201/report", 10, 5_000)
    assert not flood.admits("150525100201/report", 1_000, 10.0)
    assert flood.admits("150525100201/event", 1_000, 10.0)
