"""The strip of conditions over a device's charts."""

import pytest

from api.console.device.history import Span, shares, spans_of, step_s


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
