"""The strip of conditions over a device's charts."""

import pytest

from api.console.device.history import Span, begin_ms, default_span_h, shares, spans_of, step_s
from api.console.when import HOUR_MS
from shouwang.clock import rfc3339


@pytest.mark.parametrize(
    ("changes", "before", "spans"),
    [
        ([], None, []),
        ([], "ok", [Span("ok", 0, 100)]),
        ([(40, "silent")], "ok", [Span("ok", 0, 40), Span("silent", 40, 100)]),
        ([(40, "ok")], None, [Span("ok", 40, 100)]),
        ([(-5, "down"), (60, "ok")], "ok", [Span("down", 0, 60), Span("ok", 60, 100)]),
        ([(40, "down"), (40, "ok")], None, [Span("ok", 40, 100)]),
        ([(150, "down")], "ok", [Span("ok", 0, 100)]),
    ],
)
def test_spans_cover_the_time_in_which_something_is_known(
    changes: list[tuple[int, str]], before: str | None, spans: list[Span]
) -> None:
    assert spans_of(changes, before, 0, 100) == spans


@pytest.mark.parametrize(
    ("report_every_s", "condition", "good_h_ago", "span_h"),
    [
        (30, "ok", 0, 1),
        (30, "silent", 0.2, 1),
        (30, "silent", 5, 6),
        (30, "unknown", 70, 168),
        (900, "ok", 0, 6),
        (43_200, "ok", 0, 168),
        (30, "silent", 5_000, 720),
    ],
)
def test_the_smallest_span_that_holds_the_newest_readings(
    report_every_s: float, condition: str, good_h_ago: float, span_h: int
) -> None:
    now_ms = 1_800_000_000_000
    good = rfc3339(now_ms - round(good_h_ago * HOUR_MS))
    device = {"limits": {"report_every_s": report_every_s}, "condition": condition, "good_at": good}
    assert default_span_h(device, now_ms) == span_h


@pytest.mark.parametrize(("heard_min_ago", "drawn_min"), [(None, 60), (1, 5), (20, 20), (600, 60)])
def test_nothing_is_drawn_of_before_it_was_first_heard(heard_min_ago: int | None, drawn_min: int) -> None:
    now_ms = 1_800_000_000_000
    first = None if heard_min_ago is None else rfc3339(now_ms - heard_min_ago * 60_000)
    assert now_ms - begin_ms({"first_heard_at": first}, 1, now_ms) == drawn_min * 60_000


def test_shares_count_a_correction_as_what_it_turned_out_to_be() -> None:
    spans = [Span("ok", 0, 60), Span("unknown", 60, 100), Span("ok", 70, 90, corrected=True)]
    assert shares(spans, 100) == [("ok", "80.0 %"), ("unknown", "20.0 %")]


def test_a_share_is_never_rounded_up_to_all_of_it() -> None:
    spans = [Span("ok", 0, 99_990), Span("down", 99_990, 100_000)]
    assert shares(spans, 100_000)[0] == ("ok", "99.9 %")
    assert shares([Span("ok", 0, 10)], 10) == [("ok", "100 %")]


@pytest.mark.parametrize(
    ("hours", "report_every_s", "step"),
    [(6, 30, 120), (24, 30, 600), (24, 900, 900), (168, 60, 3600), (720, 60, 10_800), (24, 43_200, 43_200)],
)
def test_a_step_is_no_finer_than_the_readings_and_makes_few_points(hours: int, report_every_s: int, step: int) -> None:
    assert step_s(hours, report_every_s) == step
    assert hours * 3600 / step <= 240
