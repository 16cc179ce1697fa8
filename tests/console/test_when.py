"""Instants and spans as people say them."""

import pytest

from api.console import when
from api.console.language import language
from shouwang.clock import parse_rfc3339

ZH, EN = language("zh"), language("en")
NOW_MS = parse_rfc3339("2026-11-24T14:02:11+08:00")


@pytest.mark.parametrize(
    ("ms", "zh", "en"),
    [
        (-5, "0 秒", "0 s"),
        (45_900, "45 秒", "45 s"),
        (60_000, "1 分钟", "1 min"),
        (12 * 60_000 + 59_000, "12 分钟", "12 min"),
        (3_600_000, "1 小时", "1 h"),
        (3 * 3_600_000 + 5 * 60_000, "3 小时 5 分", "3 h 5 min"),
        (24 * 3_600_000, "1 天", "1 d"),
        (52 * 3_600_000, "2 天 4 小时", "2 d 4 h"),
    ],
)
def test_a_span_is_said_in_at_most_two_units(ms: int, zh: str, en: str) -> None:
    assert when.span(ms, ZH) == zh
    assert when.span(ms, EN) == en


@pytest.mark.parametrize(
    ("ms", "zh"),
    [(90_000, "90 秒"), (60_000, "1 分钟"), (390_000, "6 分钟 30 秒"), (90_000_000, "25 小时"), (7_200_000, "2 小时")],
)
def test_a_limit_is_said_to_the_second(ms: int, zh: str) -> None:
    assert when.exactly(ms, ZH) == zh


@pytest.mark.parametrize(
    ("instant", "said"),
    [
        ("2026-11-24T06:02:00Z", "14:02"),
        ("2026-11-23T16:01:00Z", "00:01"),  # it is the same day in Shanghai, though not in UTC
        ("2026-11-23T15:59:00Z", "11-23 23:59"),
        ("2025-12-31T16:00:00Z", "01-01 00:00"),
        ("2025-12-31T15:59:00Z", "2025-12-31 23:59"),
        (None, "–"),
    ],
)
def test_an_instant_is_told_in_shanghai_as_short_as_it_is_clear(instant: str | None, said: str) -> None:
    assert when.local(instant, NOW_MS) == said


def test_the_whole_instant_stands_in_titles() -> None:
    assert when.whole("2026-11-24T06:02:11.500Z") == "2026-11-24 14:02:11"
