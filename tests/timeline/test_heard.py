"""A button pressed on a real protocol: from the device to the collector's incident, past a backlog of thousands."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edge.outbox import Outbox
from edge.rows import Reading, pack
from shouwang import clock
from simulators.devices.gbt28181 import GbDevice
from simulators.devices.scaip import Terminal
from tests.servers.process import free_port
from tests.timeline.house import CENTRE, REGION, House
from tests.timeline.product import Program

pytestmark = [pytest.mark.system, pytest.mark.timeout(90)]

BACKLOG = 6_000
WITHIN_MS = 1_000
SCAIP_USER, GB_CODE = "26317", "34020000001340000008"


class Agent(Program):
    """`shouwang agent` that listens on loopback."""

    def __init__(self, directory: Path, broker_url: str) -> None:
        self.outbox = directory / "agent" / "outbox.db"
        self.outbox.parent.mkdir()
        self.listens = ("127.0.0.1", free_port())
        port = f'bind = ["127.0.0.1"]\nport = {self.listens[1]}\n'
        (self.outbox.parent / "listen.toml").write_text(f"[scaip]\n{port}[gbt28181]\n{port}")
        arguments = ["agent", "--centre", CENTRE, "--region", REGION, "--broker", broker_url, "--allow-loopback"]
        super().__init__(directory, "agent", [*arguments, "--state", str(self.outbox.parent)])

    def fill(self, rows: int) -> None:
        """A backlog, as after days without a line: so many rows of an earlier boot."""
        now = clock.SystemClock().now()
        outbox = Outbox(self.outbox, now)
        fields = {"reachable": True, "latency_ms": 12.5, "mains_power": True, "battery_percent": 87.0}
        bodies = [
            pack(
                [Reading("call-01", "call_terminal", now.mono_s - 10 * n, fields | {"latency_ms": float(n % 90)})],
                now.mono_s,
            )[0]
            for n in range(rows, 0, -1)
        ]
        outbox._write(bodies, now, is_event=False)
        outbox.close()


@pytest.fixture
def agent(house: House, tmp_path: Path) -> Iterator[Agent]:
    house.fleet(terminals=1, silent_after_s=600, report_every_s=60)
    house.device("call-07", "call_terminal", driver="scaip", target=SCAIP_USER, silent_after_s=600)
    house.device("call-08", "call_terminal", driver="gbt28181", target=GB_CODE, silent_after_s=600)
    house.device("call-09", "call_terminal", driver="scaip", target="999", silent_after_s=600)
    made = Agent(tmp_path, house.broker)
    yield made
    made.stop()


async def test_a_call_for_help_passes_a_backlog_in_under_a_second(house: House, agent: Agent) -> None:
    house.collector.start()
    agent.fill(BACKLOG)
    agent.start()
    terminal = await Terminal.start("127.0.0.2", user=SCAIP_USER)
    button = await GbDevice.start("127.0.0.3", user=GB_CODE, server=agent.listens)
    await house.until(lambda: len(house.journal()) > 20, why="the backlog does not move")
    async with asyncio.timeout(20):
        while await terminal.heartbeat(agent.listens) != 200:  # noqa: ASYNC110 - another process begins to listen
            await asyncio.sleep(0.05)
        while await button.sign_in() != 200:  # noqa: ASYNC110
            await asyncio.sleep(0.05)

    took_ms: dict[str, int] = {}
    for device, press in (("call-07", terminal.help_call(agent.listens)), ("call-08", button.alarm())):
        pressed_ms = clock.wall_ms()
        assert await press == 200
        call = await seen(house, device)
        took_ms[device] = clock.wall_ms() - pressed_ms
        assert call.severity == "emergency"
    left = BACKLOG - len(house.journal())
    print(f"help calls in {took_ms} ms, {left} rows of the backlog to go")
    assert left > 1_000, "the backlog was gone before the button was pressed"
    assert max(took_ms.values()) < WITHIN_MS

    await house.until(lambda: house.query("select count(*) from incidents where cause = 'help_call'")[0][0] == 2)
    assert terminal.replies
    assert all(status == 0 for _, status in terminal.replies)
    terminal.stop()
    button.stop()


async def seen(house: House, device: str) -> Any:
    """The incident of a device's help call, as soon as the ledger has it."""
    query = f"select id, severity from incidents where device_id = (select id from devices where device = '{device}')"
    async with asyncio.timeout(10):
        while not (found := await asyncio.to_thread(house.query, query)):  # noqa: ASYNC110 - in another process
            await asyncio.sleep(0.01)
    return next(each for each in house.incidents() if each.id == found[0][0])
