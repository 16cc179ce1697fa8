"""Simulated devices: what they say is what the contract takes, healthy when calm, and moved by what befalls them."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shouwang.kinds import Kinds
from shouwang.messages import Codec
from shouwang.vocabulary import Condition
from simulators.device import CALM, Device, Moment, Surroundings

KINDS = Kinds()
CODEC = Codec(KINDS)


def verdict(device: Device, moment: Moment, around: Surroundings = CALM) -> Condition:
    """What the house would say of the device's next reading, after the way over the wire."""
    said = device.reading(moment, around)
    assert said is not None
    reading = CODEC.reading(msgspec.json.encode({"device": device.name, "kind": device.kind, "age_ms": 0, **said}))
    return KINDS.judges[device.kind](reading).condition


@pytest.mark.parametrize("kind", sorted(KINDS))
@given(
    seed=st.integers(0, 10_000),
    hours=st.lists(st.floats(0, 24 * 7, allow_nan=False), min_size=1, max_size=6).map(sorted),
)
def test_a_calm_device_is_ok_at_every_hour(kind: str, seed: int, hours: list[float]) -> None:
    device = Device("device-01", kind, seed)
    for hour in hours:
        assert verdict(device, Moment(hour * 3600, hour % 24)) is Condition.OK


def test_two_devices_with_one_seed_say_the_same_and_two_names_do_not() -> None:
    moments = [Moment(30.0 * n, 8.0) for n in range(20)]
    first, second = (Device("call-01", "call_terminal", 5) for _ in range(2))
    other = Device("call-02", "call_terminal", 5)
    said = [first.reading(moment) for moment in moments]
    assert said == [second.reading(moment) for moment in moments]
    assert said != [other.reading(moment) for moment in moments]


def test_a_silent_device_says_nothing_and_one_that_does_not_answer_says_only_that() -> None:
    device = Device("call-01", "call_terminal")
    assert device.reading(Moment(0, 8), Surroundings(silent=True)) is None
    unanswered = device.reading(Moment(30, 8), Surroundings(reachable=False))
    assert unanswered == {"reachable": False, "why": {"code": "no_answer", "values": {"s": 5}}}


def test_without_mains_the_battery_drains_and_with_mains_it_charges() -> None:
    device = Device("call-01", "call_terminal")
    full = device.battery_percent
    assert verdict(device, Moment(3600, 9), Surroundings(mains=False)) is Condition.DEGRADED
    drained = device.battery_percent
    assert 5 < full - drained < 20
    device.reading(Moment(2 * 3600, 10))
    assert device.battery_percent > drained
    device.reading(Moment(60 * 3600, 20), Surroundings(mains=False))
    assert device.battery_percent == 0


def test_a_draining_battery_empties_on_mains_too() -> None:
    device = Device("call-01", "call_terminal")
    verdict(device, Moment(3600, 9), Surroundings(drain_percent_s=85 / 3600))
    assert device.battery_percent < 20
    assert verdict(device, Moment(3600, 9), Surroundings(drain_percent_s=0.001)) is Condition.DEGRADED


def test_a_feed_that_repeats_old_states_says_how_old_they_are() -> None:
    device = Device("c/call-25", "call_terminal")
    said = device.reading(Moment(1000, 9), Surroundings(stale_since_s=400))
    assert said is not None
    assert said["last_heard_age_ms"] == 600_000
    assert "reachable" not in said


def test_an_unknown_kind_is_named_with_those_that_are_known() -> None:
    with pytest.raises(ValueError, match=r"'toaster'.*call_terminal"):
        Device("toaster-01", "toaster")
