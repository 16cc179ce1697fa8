"""What stands in the READMEs of a site's drivers works as it stands there, against devices that speak the protocol."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from edge.allowed import Allowed, AllowedFile
from edge.probing import Answer, Around, make_probe
from edge.secrets import Secrets
from shouwang import kinds
from simulators.devices.dns import NameServer
from simulators.devices.modbus import ModbusDevice, meter
from simulators.devices.ntp import TimeServer
from simulators.devices.nut import NutServer, on_mains
from simulators.devices.snmp import SnmpDevice, router_values, ups_values
from tests.edge.sample import sample_of

AROUND = Around(allowed=Allowed(AllowedFile(loopback=True)), secrets=Secrets(None, {"ups": "p0wer"}))


@asynccontextmanager
async def device_for(driver: str) -> AsyncIterator[str]:
    """A device that the sample's settings fit, and its `host:port`."""
    made: Any
    match driver:
        case "snmp":
            made = await SnmpDevice.start(values=ups_values(), community="p0wer")
        case "nut":
            made = await NutServer({"site": on_mains()}, user="watch", password="p0wer").start()
        case "ntp":
            made = await TimeServer.start()
        case "modbus":
            made = await ModbusDevice(meter()).start()
        case "dns":
            made = await NameServer({"box.banner.example": ["10.8.0.7"]}).start()
    yield f"127.0.0.1:{made.port}"
    made.stop()


def fields_of_its_kind(kind: str, answer: Answer) -> dict[str, Any]:
    known = kinds.load()[kind].fields
    return {name: value for name, value in answer.as_fields().items() if name in known}


@pytest.mark.parametrize(
    ("driver", "told"),
    [
        ("snmp", {"mains_power": True, "ups_battery_percent": 100}),
        ("nut", {"mains_power": True, "ups_battery_percent": 100}),
        ("ntp", {"clock_stratum": 2}),
        ("modbus", {"mains_power": True, "load_w": 412.5, "box_temperature_c": 21.5}),
        ("dns", {"dns_ok": True}),
    ],
)
async def test_a_sample_works_as_it_stands(driver: str, told: dict[str, Any]) -> None:
    sample = sample_of(driver)
    assert sample.driver == driver
    async with device_for(driver) as target:
        answer = await make_probe(driver, target, sample.settings, AROUND).ask(3.0)
    assert (answer.reachable, answer.reason) == (True, "")
    assert told.items() <= fields_of_its_kind(sample.kind, answer).items()


async def test_the_site_s_sample_is_one_reading_of_several_devices(tmp_path: Path) -> None:
    sample = sample_of("host")
    around = Around(allowed=AROUND.allowed, secrets=AROUND.secrets, state_directory=tmp_path)
    async with AsyncExitStack() as stack:
        ups = await NutServer({"site": on_mains(charge=55)}).start()
        router = await SnmpDevice.start(values=router_values())
        server = await TimeServer.start()
        stack.callback(ups.stop)
        stack.callback(router.stop)
        stack.callback(server.stop)
        for part, port in zip(sample.settings["also"], (ups.port, router.port), strict=True):
            part["target"] = f"127.0.0.1:{port}"
        sample.settings["ntp_server"] = f"127.0.0.1:{server.port}"
        sample.settings["uplink_targets"] = [f"127.0.0.1:{ups.port}", "127.0.0.1:9"]
        answer = await make_probe("host", sample.target, sample.settings, around).ask(3.0)
    around.close()
    assert (answer.reachable, answer.reason) == (True, "")
    told = fields_of_its_kind(sample.kind, answer)
    assert (told["ups_battery_percent"], told["router_link"], told["parts_out"]) == (55, True, 0)
    assert {"clock_offset_ms", "uplink_rtt_ms", "disk_free_percent", "boot_id"} <= told.keys()
