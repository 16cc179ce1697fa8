"""What pages show of drivers' settings is what the drivers take."""

from edge import described
from edge.probing import drivers as found
from shouwang import drivers


def test_the_description_has_not_drifted() -> None:
    assert described.FILE.read_text("utf-8") == described.rendered(), "make generate, and commit shouwang/drivers.json"


def test_every_driver_is_described_in_both_languages() -> None:
    said = drivers.load()
    assert sorted(said) == found()
    for name, driver in said.items():
        for setting in driver.settings:
            assert set(setting.label) == {"zh", "en"}, (name, setting.name)


def test_who_asks_and_who_hears() -> None:
    said = {name: (driver.asks, driver.hears) for name, driver in drivers.load().items()}
    assert {name for name, how in said.items() if how == (False, True)} == {"mqtt", "scaip"}
    assert (said["icmp"], said["ntp"]) == ((True, False), (True, False))
    assert (said["sip"], said["gbt28181"], said["snmp"]) == ((True, True), (True, True), (True, True))
