"""A cash machine and a bank's host behind a real agent: asked at intervals, heard in between, cheap."""

import asyncio
import json
import signal
from pathlib import Path

import pytest

from simulators.devices.iso8583 import BankHost
from simulators.devices.xfs4iot import CashMachine
from tests.edge.listening import Listener
from tests.edge.test_agent import AgentProcess
from tests.servers import Mosquitto
from tests.waiting import until

pytestmark = pytest.mark.system

MEMORY_KB_MAX = 40 * 1024


async def test_a_jam_is_told_at_once_and_the_link_is_a_device_of_its_own(mosquitto: Mosquitto, tmp_path: Path) -> None:
    machine, host = await CashMachine().start(), await BankHost().start()
    agent = AgentProcess(mosquitto.url, tmp_path / "state")
    devices = [
        {"device": "atm-01", "kind": "atm", "driver": "xfs4iot", "target": machine.target},
        {"device": "link-01", "kind": "bank_link", "driver": "iso8583", "target": f"127.0.0.1:{host.port}"},
    ]
    config = {"v": 1, "revision": "r1", "devices": [each | {"report_every_s": 30} for each in devices]}
    async with Listener(mosquitto.url, "centre-1") as listener:
        await listener.configure(json.dumps(config).encode())
        await agent.start()
        await until(lambda: {"atm-01", "link-01"} <= set(listener.readings()), "both", limit_s=20)
        assert listener.latest["atm-01"]["dispenser"] == "ok"
        assert listener.latest["link-01"]["host_link"] is True
        assert "reachable" not in listener.latest["link-01"], "nobody asked a terminal"
        began_s = asyncio.get_running_loop().time()
        await machine.jam()
        await until(lambda: listener.latest["atm-01"]["dispenser"] == "stop", "the jam", limit_s=10)
        assert asyncio.get_running_loop().time() - began_s < 2, "long before it is asked again"
        assert agent.memory_kb() < MEMORY_KB_MAX
        assert await agent.end(signal.SIGTERM) == 0
    machine.stop()
    host.stop()
