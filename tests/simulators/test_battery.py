"""A UPS's battery as it runs down and is charged, told by NUT and by SNMP alike."""

from itertools import pairwise
from pathlib import Path

from edge.probes.nut import words
from edge.probes.snmp.mapping import load_mapping
from edge.probes.snmp.reading import Reader
from simulators.devices.battery import Battery


def test_it_runs_down_faster_at_the_end_and_is_charged_slower() -> None:
    battery = Battery(lasts_s=3_600, mains=False)
    percents = []
    for minute in range(0, 61, 10):
        battery.pass_to(minute * 60)
        percents.append(battery.percent)
    assert percents[0] == 100
    assert percents[-1] == 0
    falls = [before - after for before, after in pairwise(percents)]
    assert all(fall > 0 for fall in falls)
    assert falls == sorted(falls)
    battery.mains = True
    battery.pass_to(2 * 3_600)
    assert 0 < battery.percent < 50
    battery.pass_to(9 * 3_600)
    assert battery.percent == 100


def test_nut_and_snmp_tell_the_same() -> None:
    reader = Reader([load_mapping("ups-mib", Path("/none"))])
    battery = Battery(lasts_s=1_200, mains=False)
    for second in range(0, 1_201, 300):
        battery.pass_to(second)
        by_nut = words.fields(battery.nut())
        told = {oid: value if not isinstance(value, tuple) else value[1] for oid, value in battery.snmp().items()}
        by_snmp = reader.read(told, float(second))
        assert by_nut["mains_power"] is by_snmp["mains_power"] is False
        assert by_nut["ups_low_battery"] is by_snmp["ups_low_battery"]
        assert abs(by_nut["ups_battery_percent"] - by_snmp["ups_battery_percent"]) <= 0.5
        assert abs(by_nut["ups_runtime_s"] - by_snmp["ups_runtime_s"]) <= 30
