"""A site made of several devices, told in one reading."""

import asyncio
from pathlib import Path
from typing import Any

from edge.allowed import Allowed, AllowedFile
from edge.probing import Answer, Around, make_probe
from edge.secrets import Secrets
from simulators.devices.ntp import TimeServer
from simulators.devices.snmp import SnmpDevice, router_values, ups_values


async def ask(state: Path, timeout_s: float = 3.0, **settings: Any) -> Answer:
    around = Around(
        allowed=Allowed(AllowedFile(loopback=True)), secrets=Secrets(None, {"ups": "power"}), state_directory=state
    )
    return await make_probe("host", "", settings, around).ask(timeout_s)


async def test_ups_router_and_clock_stand_in_the_site_s_reading(tmp_path: Path) -> None:
    ups = await SnmpDevice.start("127.0.1.1", community="power", values=ups_values(percent=64, source=5))
    router = await SnmpDevice.start("127.0.1.2", values=router_values(up=False))
    server = await TimeServer.start(ahead_ms=3_000)
    also = [
        {
            "driver": "snmp",
            "target": f"127.0.1.1:{ups.port}",
            "settings": {"mapping": ["ups-mib"], "community": "secret:ups"},
        },
        {
            "driver": "snmp",
            "target": f"127.0.1.2:{router.port}",
            "settings": {"mapping": ["router", "if-mib"], "values": {"interface": "pppoe-wan"}},
        },
    ]
    answer = await ask(tmp_path, also=also, ntp_server=f"127.0.0.1:{server.port}")
    assert answer.reachable
    assert answer.reason == ""
    said = answer.fields
    assert (said["mains_power"], said["ups_battery_percent"], said["ups_runtime_s"]) == (False, 64, 3600)
    assert (said["router_link"], said["parts_out"]) == (False, 0)
    assert -3_100 < said["clock_offset_ms"] < -2_900
    assert said["disk_read_only"] is False
    for each in (ups, router):
        each.stop()
    server.stop()


async def test_a_part_that_does_not_answer_is_said_and_costs_the_others_nothing(tmp_path: Path) -> None:
    ups = await SnmpDevice.start("127.0.1.1", values=ups_values())
    silent = await SnmpDevice.start("127.0.1.2", silent=True)
    also = [
        {"driver": "snmp", "target": f"127.0.1.2:{silent.port}"},
        {
            "driver": "snmp",
            "target": f"127.0.1.1:{ups.port}",
            "settings": {"mapping": ["ups-mib"]},
            "only": ["mains_power"],
        },
        {"driver": "tcp", "target": "192.0.2.1:80"},
    ]
    began = asyncio.get_running_loop().time()
    answer = await ask(tmp_path, 0.4, also=also)
    assert asyncio.get_running_loop().time() - began < 2
    assert answer.reachable
    assert answer.fields["mains_power"] is True
    assert "ups_battery_percent" not in answer.fields  # `only`
    assert answer.fields["parts_out"] == 2
    assert answer.fields["parts_out_names"] == f"snmp 127.0.1.2:{silent.port}, tcp 192.0.2.1:80"
    assert "192.0.2.1 is outside of the allowed networks" in str(answer.reason)
    ups.stop()
    silent.stop()


async def test_a_time_server_that_is_gone_costs_the_reading_its_clock_alone(tmp_path: Path) -> None:
    answer = await ask(tmp_path, 0.3, ntp_server="127.0.0.1:9")
    assert answer.reachable
    assert "clock_offset_ms" not in answer.fields
    assert str(answer.reason).startswith("clock: ")


async def test_a_time_server_is_asked_no_more_than_once_a_minute(tmp_path: Path) -> None:
    server = await TimeServer.start(ahead_ms=-4_000)
    around = Around(allowed=Allowed(AllowedFile(loopback=True)), state_directory=tmp_path)
    probe = make_probe("host", "", {"ntp_server": f"127.0.0.1:{server.port}"}, around)
    told = [(await probe.ask(2.0)).fields["clock_offset_ms"] for _ in range(3)]
    assert 3_900 < told[0] < 4_100
    assert (told[1:], server.asked) == (told[:1] * 2, 1)
    server.stop()
