"""The simulated fleet: real villages, 50 devices each, the same for the same seed."""

import csv
import itertools
from pathlib import Path

import pytest

from shouwang.kinds.declaration import load
from shouwang.topics import DEVICE, NAME
from simulators.fleet import (
    BANK_FEED,
    DEVICES_PER_CENTRE,
    FEEDS,
    TERMINAL_FEED,
    SimCentre,
    naiman,
    of_feed,
    own_devices,
    region,
    write_csv,
)


@pytest.fixture(scope="module")
def banner() -> list[SimCentre]:
    return naiman()


def test_the_whole_banner_has_381_centres_of_50_devices(banner: list[SimCentre]) -> None:
    assert len(banner) == 381
    assert {len(centre.devices) for centre in banner} == {DEVICES_PER_CENTRE} == {50}
    assert len({centre.centre for centre in banner}) == 381
    assert len({centre.township for centre in banner}) == 16
    assert banner[1].centre_name == "北老柜村社区服务中心"


def test_names_are_what_the_contract_allows(banner: list[SimCentre]) -> None:
    for centre in banner:
        assert NAME.fullmatch(centre.centre)
        assert len({device.device for device in centre.devices}) == 50
        assert all(DEVICE.fullmatch(device.device) for device in centre.devices)
    assert all(NAME.fullmatch(feed) for feed in FEEDS)


def test_every_kind_that_we_ship_is_in_every_centre_and_most_are_terminals(banner: list[SimCentre]) -> None:
    kinds = [device.kind for device in banner[0].devices]
    assert set(kinds) == set(load())
    assert kinds.count("call_terminal") == 30


def test_each_device_has_one_path(banner: list[SimCentre]) -> None:
    own = sum(len(own_devices(centre)) for centre in banner)
    terminals, machines = of_feed(banner, TERMINAL_FEED), of_feed(banner, BANK_FEED)
    assert own + len(terminals) + len(machines) == 381 * 50
    assert {device.kind for device in terminals} == {"call_terminal"}
    assert all(device.sim_pool and device.profile == "sim_host" for device in terminals)
    assert {device.kind for device in machines} == {"atm"}


def test_card_numbers_have_their_check_digit(banner: list[SimCentre]) -> None:
    for device in of_feed(banner, TERMINAL_FEED)[:50]:
        digits = [int(digit) for digit in reversed(device.iccid)]
        doubled = [sum(divmod(digit * 2, 10)) for digit in digits[1::2]]
        assert (sum(digits[::2]) + sum(doubled)) % 10 == 0
        assert len(device.iccid) == 20


def test_the_same_seed_gives_the_same_fleet_and_another_does_not() -> None:
    assert naiman(5, seed=3) == naiman(5, seed=3)
    assert naiman(5, seed=3) != naiman(5, seed=4)


def test_a_small_fleet_is_spread_over_townships_and_its_last_centres_may_be_building() -> None:
    few = naiman(20, building=2)
    assert len({centre.township for centre in few}) >= 10
    assert [centre.stage for centre in few] == ["live"] * 18 + ["building"] * 2


@pytest.mark.parametrize("centres", [0, 382])
def test_the_banner_has_no_more_centres_than_villages(centres: int) -> None:
    with pytest.raises(ValueError, match="1 to 381"):
        naiman(centres)


@pytest.mark.slow
def test_a_region_is_made_one_centre_after_the_other_with_codes_of_its_own() -> None:
    first = list(itertools.islice(region(14_592), 2000))
    assert len({centre.centre for centre in first}) == 2000
    assert len(list(region(45))) == 45
    assert len({centre.township for centre in region(45)}) == 2


def test_the_fleet_file_has_a_row_a_device_with_the_headers_of_the_contract(tmp_path: Path) -> None:
    path = tmp_path / "fleet.csv"
    fleet = naiman(3)
    assert write_csv(fleet, path) == 150
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 150
    assert {"region", "centre", "device", "kind", "path", "township_name", "household", "sim_pool"} <= set(rows[0])
    assert rows[0]["centre"] == fleet[0].centre
    assert {row["path"] for row in rows} == {"", *FEEDS}
