"""What a machine tells of itself, from the files of its system."""

from pathlib import Path
from typing import Any

import pytest

from edge.probes.host.machine import machine_fields
from edge.probing import Around, make_probe


def files(root: Path, **content: str) -> Path:
    for name, text in content.items():
        path = root / name.replace("__", "/").replace("·", "-")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def told(root: Path, box_sensor: str = "") -> dict[str, Any]:
    fields = machine_fields(root, sys=root, proc=root, box_sensor=box_sensor)
    return {name: value for name, value in fields.items() if name not in ("disk_free_percent", "boot_id")}


async def test_the_machine_itself(tmp_path: Path) -> None:
    answer = await make_probe("host", "", {}, Around(state_directory=tmp_path)).ask(2.0)
    assert answer.fields["disk_read_only"] is False
    assert 0 < answer.fields["disk_free_percent"] <= 100
    assert 0 < answer.fields["memory_free_percent"] <= 100
    assert answer.fields["load_per_core"] >= 0
    assert answer.fields["uptime_s"] > 0
    assert len(answer.fields["boot_id"]) == 36
    assert "parts_out" not in answer.fields


def test_power_heat_memory_and_load(tmp_path: Path) -> None:
    files(
        tmp_path,
        class__thermal__thermal_zone0__temp="48250\n",
        class__thermal__thermal_zone1__temp="none\n",
        class__power_supply__AC__type="Mains\n",
        class__power_supply__AC__online="0\n",
        class__power_supply__BAT0__type="Battery\n",
        class__power_supply__BAT0__capacity="63\n",
        meminfo="MemTotal:  1000 kB\nMemAvailable:  250 kB\n",
        uptime="86400.5 1000.0\n",
    )
    assert told(tmp_path) == {
        "disk_read_only": False,
        "memory_free_percent": 25.0,
        "cpu_temperature_c": 48.2,
        "mains_power": False,
        "ups_battery_percent": 63.0,
        "uptime_s": 86400.5,
    }


@pytest.mark.parametrize(
    ("chips", "sensor", "heat"),
    [
        ({"lm75": "21500"}, "", {"box_temperature_c": 21.5}),
        ({"lm75": "21500", "w1_slave_temp": "-31000"}, "", {"box_temperature_c": -31.0}),
        ({"lm75": "72000", "coretemp": "85000"}, "", {"box_temperature_c": 72.0, "cpu_temperature_c": 85.0}),
        ({"nct6775": "33000"}, "", {}),
        ({"nct6775": "33000", "lm75": "20000"}, "nct6775", {"box_temperature_c": 33.0}),
        ({"lm75": "999999"}, "", {}),
    ],
)
def test_the_box_s_temperature_is_that_of_a_chip_that_measures_it(
    chips: dict[str, str], sensor: str, heat: dict[str, float], tmp_path: Path
) -> None:
    for number, (name, value) in enumerate(chips.items()):
        chip = tmp_path / "class/hwmon" / f"hwmon{number}"
        chip.mkdir(parents=True)
        (chip / "name").write_text(f"{name}\n")
        (chip / "temp1_input").write_text(f"{value}\n")
    assert {name: value for name, value in told(tmp_path, sensor).items() if "temperature" in name} == heat


@pytest.mark.parametrize(
    ("life", "errors", "disk"),
    [
        ("0x03 0x01", "0", {"disk_wear_percent": 30.0, "disk_errors": 0}),
        ("0x01 0x0b", "7", {"disk_wear_percent": 100.0, "disk_errors": 7}),
        ("0x00 0x00", "junk", {}),
        ("0xff", "-1", {}),
        ("", "", {}),
    ],
)
def test_a_disk_that_wears_out(life: str, errors: str, disk: dict[str, float], tmp_path: Path) -> None:
    card = tmp_path / "class/mmc_host/mmc0/mmc0:0001"
    card.mkdir(parents=True)
    (card / "life_time").write_text(life)
    files(tmp_path, fs__ext4__mmcblk0p2__errors_count=errors)
    assert {
        name: value for name, value in told(tmp_path).items() if name in ("disk_wear_percent", "disk_errors")
    } == disk


def test_a_machine_whose_disk_cannot_be_looked_at(tmp_path: Path) -> None:
    fields = machine_fields(tmp_path / "gone", sys=tmp_path, proc=tmp_path)
    assert fields["disk_read_only"] is True
    assert "disk_free_percent" not in fields
