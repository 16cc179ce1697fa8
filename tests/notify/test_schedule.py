"""When a notification is tried, and by which way."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.notify.schedule import FAILURES_UNTIL_SPARED, LAST_WAIT_MS, Tried, WayHealth, times, wait_ms
from shouwang.vocabulary import Severity

NOW = 1_000_000_000
WAYS = ("webhook", "wecom", "email")
FAILING = WayHealth(failures=FAILURES_UNTIL_SPARED, last_failed_ms=NOW - 500)


def at(
    tried: dict[str, Tried] | None = None,
    health: dict[str, WayHealth] | None = None,
    severity: Severity = Severity.CRITICAL,
) -> dict[str, int]:
    return times(WAYS, tried or {}, health or {}, severity, "id", NOW)


def test_a_new_one_goes_at_once_by_the_first_way_alone() -> None:
    assert list(at()) == ["webhook"]
    assert at()["webhook"] <= NOW


@pytest.mark.parametrize(
    ("failures", "base_ms"), [(1, 1_000), (2, 2_000), (3, 4_000), (9, 256_000), (10, 300_000), (99, 300_000)]
)
def test_the_wait_doubles_up_to_five_minutes(failures: int, base_ms: int) -> None:
    assert base_ms * 0.75 <= wait_ms(failures, "id") <= base_ms * 1.25


def test_many_that_failed_together_do_not_come_back_together() -> None:
    assert len({wait_ms(5, f"id-{n}") for n in range(100)}) > 50


def test_after_three_failures_the_next_way_as_well() -> None:
    assert list(at({"webhook": Tried(2, NOW)})) == ["webhook"]
    found = at({"webhook": Tried(3, NOW)})
    assert list(found) == ["webhook", "wecom"]
    assert found["wecom"] <= NOW < found["webhook"]


def test_an_emergency_does_not_wait_for_a_second_failure() -> None:
    assert list(at({"webhook": Tried(1, NOW)}, severity=Severity.EMERGENCY)) == ["webhook", "wecom"]
    both = {"webhook": Tried(1, NOW), "wecom": Tried(1, NOW)}
    assert list(at(both, severity=Severity.EMERGENCY)) == ["webhook", "wecom", "email"]


def test_every_way_failed_and_each_is_tried_again_for_ever() -> None:
    found = at({way: Tried(40, NOW) for way in WAYS})
    assert set(found) == set(WAYS)
    assert all(NOW < at_ms <= NOW + LAST_WAIT_MS * 1.25 for at_ms in found.values())


def test_a_way_that_fails_for_everybody_is_passed_over_and_spared() -> None:
    found = at(health={"webhook": FAILING})
    assert list(found) == ["webhook", "wecom"]
    assert found["webhook"] > NOW >= found["wecom"]


def test_an_emergency_spares_no_way() -> None:
    assert at(health={"webhook": FAILING}, severity=Severity.EMERGENCY)["webhook"] <= NOW


def test_a_way_that_asked_to_be_left_alone_is() -> None:
    busy = {"webhook": WayHealth().failed(NOW, 60)}
    for severity in Severity:
        found = at(health=busy, severity=severity)
        assert found["webhook"] == NOW + 60_000
        assert found["wecom"] <= NOW
    shortly = {"webhook": WayHealth().failed(NOW, 3)}
    assert list(at(health=shortly)) == ["webhook"]
    assert list(at(health=shortly, severity=Severity.EMERGENCY)) == ["webhook", "wecom"]


@given(
    st.dictionaries(st.sampled_from(WAYS), st.builds(Tried, st.integers(0, 60), st.integers(NOW - 10**7, NOW))),
    st.dictionaries(
        st.sampled_from(WAYS),
        st.builds(WayHealth, st.integers(0, 60), st.integers(NOW - 10**7, NOW), st.integers(0, NOW + 3_600_000)),
    ),
    st.sampled_from(Severity),
)
def test_nothing_owed_is_ever_given_up(
    tried: dict[str, Tried], health: dict[str, WayHealth], severity: Severity
) -> None:
    found = at(tried, health, severity)
    assert "webhook" in found
    assert list(found) == list(WAYS[: len(found)])
    assert min(found.values()) <= NOW + 3_600_000
