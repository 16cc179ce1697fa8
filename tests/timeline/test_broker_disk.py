"""The broker's disk is full: what it could not keep, the agents still have."""

import asyncio
import shutil
from pathlib import Path

import pytest

from edge.outbox import Outbox
from edge.rows import Event, Reading
from edge.uplink import Login, Uplink
from shouwang.clock import SystemClock
from tests.servers import Mosquitto, need_server
from tests.timeline.house import CENTRE, REGION, House
from tests.timeline.receiver import Receiver
from tests.timeline.test_full_disk import small_disk

__all__ = ["small_disk"]
pytestmark = pytest.mark.system

CLOCK = SystemClock()


async def test_disk_of_the_broker_full(small_disk: Path, tmp_path: Path, receiver: Receiver) -> None:  # fault 10
    broker = Mosquitto(need_server("mosquitto"), small_disk)
    broker.log = tmp_path / "broker.log"
    broker.start()
    house = House(tmp_path, broker.url, receiver.url)
    house.fleet(silent_after_s=60, centre_silent_after_s=60)
    house.collector.start()
    outbox = Outbox(tmp_path / "outbox.db", CLOCK.now())
    uplink = Uplink(Login(broker.url, REGION, CENTRE), outbox, speed=20)
    await uplink.start()

    def reading() -> Reading:
        return Reading("call-01", "call_terminal", CLOCK.now().mono_s, {"reachable": True})

    await uplink.report([reading()])
    await house.until(lambda: not outbox.pending().reports)
    house.collector.stop()
    (small_disk / "ballast").write_bytes(b"x" * shutil.disk_usage(small_disk).free)
    # The broker takes all of it for the collector, who is away, and says so; on disk there is no room for it.
    for _ in range(50):
        await uplink.report([reading()])
    call = Event("call-01", "call_terminal", "help_call", CLOCK.now().mono_s)
    await uplink.event(call)
    await house.until(lambda: "Error saving" in broker.log.read_text() or "No space left" in broker.log.read_text())
    assert outbox.pending().events == 1
    broker.kill()
    (small_disk / "ballast").unlink()
    broker.start()
    house.collector.start()
    await house.until(lambda: "opened help_call" in receiver.types, within_s=30, why="the agent still had it")
    await house.until(lambda: not outbox.pending().reports and not outbox.pending().events, within_s=40)
    rows = [seq for _, seq in house.journal()]
    assert sorted(rows) == list(range(1, 53))
    assert [id_ for (id_,) in house.query("select id from events")] == [call.id]
    await asyncio.wait_for(uplink.stop(), 10)
    outbox.close()
    house.close()
    broker.stop()
