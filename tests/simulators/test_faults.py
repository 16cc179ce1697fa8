"""Faults on a world: each ends by itself, overlapping ones leave what remains."""

import pytest

from simulators.device import CALM, Moment
from simulators.faults import RULES, FaultKind, World
from simulators.fleet import TERMINAL_FEED, SimCentre, SimDevice, naiman, of_feed

FLEET = naiman(3)
CENTRE = FLEET[0]
NOON = Moment(1000.0, 12.0)


def device_of(kind: str, centre: SimCentre = CENTRE) -> SimDevice:
    return next(device for device in centre.devices if device.kind == kind)


@pytest.mark.parametrize(
    ("kind", "device", "field", "value"),
    [
        (FaultKind.CAMERA_FROZEN, "camera", "picture", "frozen"),
        (FaultKind.PAPER_OUT, "pos_terminal", "paper", "out"),
        (FaultKind.PAPER_OUT, "atm", "receipt_paper", "out"),
        (FaultKind.CASH_OUT, "atm", "dispenser", "stop"),
    ],
)
def test_a_fault_says_itself_in_the_readings_of_its_device(
    kind: FaultKind, device: str, field: str, value: str
) -> None:
    world = World()
    fault = world.begin(kind, [device_of(device)], [], 0)
    assert world.around(device_of(device), NOON).says[field] == value
    assert world.around(device_of(device, FLEET[1]), NOON) is CALM
    world.end(fault)
    assert world.around(device_of(device), NOON) is CALM
    assert world.faults == 0


def test_what_overlaps_remains_until_its_own_end() -> None:
    world, camera = World(), device_of("camera")
    frozen = world.begin(FaultKind.CAMERA_FROZEN, [camera], [], 0)
    silent = world.begin(FaultKind.TERMINAL_SILENT, [camera], [], 0)
    again = world.begin(FaultKind.TERMINAL_SILENT, [camera], [], 0)
    world.end(silent)
    world.end(silent)
    assert world.around(camera, NOON).silent
    world.end(again)
    assert not world.around(camera, NOON).silent
    assert world.around(camera, NOON).says["picture"] == "frozen"
    world.end(frozen)
    assert world.faults == 0


def test_in_a_power_cut_the_centre_goes_dark_when_its_ups_is_empty() -> None:
    world = World()
    world.begin(FaultKind.POWER_CUT, [], [CENTRE.centre], 100, {"ups_s": 50})
    assert not world.is_dark(CENTRE.centre, 149)
    assert world.is_dark(CENTRE.centre, 150)
    assert not world.is_dark(FLEET[1].centre, 150)
    assert not world.around(device_of("call_terminal"), NOON).mains
    own_sim = next(device for device in CENTRE.devices if device.path == TERMINAL_FEED)
    assert not world.around(own_sim, NOON).mains
    assert world.around(own_sim, NOON).reachable


def test_a_lost_switch_takes_what_hangs_on_it_and_nothing_else() -> None:
    world = World()
    world.begin(FaultKind.SWITCH_LOST, [], [CENTRE.centre], 0)
    answering = {d.kind for d in CENTRE.devices if world.around(d, NOON).reachable}
    assert answering == {"site", "call_terminal", "atm"}  # the terminals with their own SIM, the bank's machine
    assert not world.is_cut_off(CENTRE.centre)


def test_a_clock_is_wrong_by_hours_in_the_agent_and_in_what_the_site_says() -> None:
    world = World()
    world.begin(FaultKind.CLOCK_WRONG, [], [CENTRE.centre], 0, {"hours": -5})
    assert world.clock_offset_ms(CENTRE.centre) == -18_000_000
    assert world.around(device_of("site"), NOON).says["clock_offset_ms"] == -18_000_000
    assert world.clock_offset_ms(FLEET[1].centre) == 0


def test_a_feed_stops_or_repeats_what_it_heard_long_ago() -> None:
    world = World()
    terminal = of_feed(FLEET, TERMINAL_FEED)[0]
    world.begin(FaultKind.FEED_STALE, [], [TERMINAL_FEED], 700)
    assert world.around(terminal, NOON).stale_since_s == 700
    assert not world.is_dark(TERMINAL_FEED, 1000)
    world.begin(FaultKind.FEED_STOPPED, [], [TERMINAL_FEED], 800)
    assert world.is_dark(TERMINAL_FEED, 1000)


@pytest.mark.parametrize("kind", list(FaultKind))
def test_every_fault_has_its_rule_in_both_languages_and_refuses_settings_it_does_not_have(kind: FaultKind) -> None:
    assert RULES[kind].zh
    assert RULES[kind].en
    with pytest.raises(ValueError, match="unknown setting 'colour'"):
        World().begin(kind, [], [], 0, {"colour": 1})
