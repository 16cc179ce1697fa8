"""A feed as it is run: a platform's list, its help calls, its own outage, and terminals with their own SIM."""

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from shouwang import clock
from simulators.devices.scaip import Terminal
from simulators.platforms.lists import ListPlatform, call_service, refused_with_200
from simulators.platforms.sender import Sender
from tests.edge.feed.samples import terminal, written
from tests.servers.process import ServerProcess, free_port
from tests.timeline.house import CENTRE, REGION, House
from tests.timeline.receiver import Receiver

pytestmark = pytest.mark.system

IMEIS = ("860000000000011", "860000000000012")


class FeedProcess(ServerProcess):
    """`shouwang feed`. Ready when it says that it feeds."""

    def __init__(self, directory: Path, mapping: Path, house: House) -> None:
        super().__init__(directory)
        self.log = directory / "feed.log"
        self.mapping, self.house = mapping, house
        self.state = directory / "feed-state"
        self.state.mkdir(exist_ok=True)
        (self.state / "secrets.toml").write_text('nbiot = "0123456789abcdef"\n')
        (self.state / "secrets.toml").chmod(0o600)

    def command(self) -> Sequence[str | Path]:
        where = ["--name", "care", "--region", REGION, "--broker", self.house.broker, "--speed", "10"]
        files = ["--mapping", str(self.mapping), "--state", str(self.state)]
        environment = ["/usr/bin/env", f"PYTHONPATH={Path.cwd()}"]
        return [*environment, sys.executable, "-m", "shouwang", "feed", *where, *files]

    def ready(self) -> bool:
        return b"event=feeding" in self.log.read_bytes()


def feeding(tmp_path: Path, house: House, name: str, more: str = "", **source: Any) -> FeedProcess:
    path = written(tmp_path, name, **source)
    text = path.read_text("utf-8")
    path.write_text(f"repeat_every_s = 1\n{more.partition('|')[0]}\n{text}{more.partition('|')[2]}", "utf-8")
    process = FeedProcess(tmp_path, path, house)
    process.start()
    return process


def listed(platform: ListPlatform, **heard_ms: int) -> None:
    """`call_01`, `call_02`: when the platform heard them. It says of both that they are online, as it always does."""
    platform.entries[:] = [terminal(imei, heard) for imei, heard in zip(IMEIS, heard_ms.values(), strict=True)]


async def keep_listing(platform: ListPlatform, stale_ms: int) -> None:
    while True:
        listed(platform, call_01=stale_ms, call_02=clock.wall_ms())
        await asyncio.sleep(0.2)


async def test_a_terminal_goes_stale_while_its_platform_says_that_it_is_online(
    house: House, receiver: Receiver, tmp_path: Path
) -> None:
    house.fleet(feed="care", silent_after_s=6)
    platform = await ListPlatform(page_parameter="pageNo").start()
    heard_ms = clock.wall_ms()
    listed(platform, call_01=heard_ms, call_02=heard_ms)
    feed = feeding(tmp_path, house, "call-terminals", type="http", url=platform.url, every_s=1.0)
    house.collector.start()
    async with asyncio.TaskGroup() as group:
        talking = group.create_task(keep_listing(platform, heard_ms))
        opened = (await house.until(lambda: house.incidents(cause="device_silent"), 20))[0]
        assert (opened.centre, opened.device) == (CENTRE, "call-01")
        await house.until(lambda: "opened device_silent" in receiver.types, why="a person is told")
        assert [each.device for each in house.incidents(cause="device_silent")] == ["call-01"], "and of no other"
        talking.cancel()
        back = group.create_task(keep_listing(platform, clock.wall_ms() + 1_000))
        await house.until(lambda: house.incidents(id=opened.id)[0].closed_as == "recovered")
        back.cancel()
    feed.stop()
    platform.stop()


async def test_a_platform_that_does_not_tell_takes_its_feed_with_it_and_no_terminal(
    house: House, receiver: Receiver, tmp_path: Path
) -> None:
    house.fleet(feed="care", silent_after_s=30)
    platform = await ListPlatform(page_parameter="pageNo").start()
    now_ms = clock.wall_ms()
    listed(platform, call_01=now_ms, call_02=now_ms)
    source: dict[str, Any] = {"type": "http", "url": platform.url, "every_s": 1.0}
    feed = feeding(tmp_path, house, "call-terminals", "lost_after_s = 2|", **source)
    house.collector.start()
    await house.until(lambda: house.query("select 1 from conditions where condition = 'ok'"), 20)
    platform.answer = refused_with_200  # 200, and an error inside
    lost = (await house.until(lambda: house.incidents(cause="feed_offline"), 30))[0]
    assert not house.incidents(cause="device_silent")
    assert lost.terminals_unwatched == 2
    platform.answer = call_service
    async with asyncio.TaskGroup() as group:
        talking = group.create_task(keep_listing(platform, now_ms))
        await house.until(lambda: house.incidents(id=lost.id)[0].closed_at, 30)
        talking.cancel()
    feed.stop()
    platform.stop()


async def test_a_help_call_that_is_sent_is_an_incident_in_a_second_and_only_once(
    house: House, receiver: Receiver, tmp_path: Path
) -> None:
    house.fleet(feed="care", silent_after_s=60)
    port = free_port()
    source: dict[str, Any] = {"type": "push", "port": port, "path": "/nbiot", "secret": "secret:nbiot"}
    feed = feeding(tmp_path, house, "nbiot", **source)
    house.collector.start()
    sender = Sender(port, "0123456789abcdef")
    await house.until(lambda: feed.log.read_bytes().count(b"taking what is sent"))
    now_ms = clock.wall_ms()
    entry = {"imei": IMEIS[0], "timestamp": now_ms, "messageId": "m-1", "payload": {"bat": 61, "event": "sos"}}
    assert await sender.send({"notifies": [entry]}, now_ms / 1000) == 200
    opened = (await house.until(lambda: house.incidents(cause="help_call")))[0]
    assert opened.opened_at - now_ms < 1_000
    feed.kill()
    feed.start()
    await house.until(lambda: feed.log.read_bytes().count(b"taking what is sent") == 2)
    assert await sender.send({"notifies": [entry]}, clock.wall_ms() / 1000) == 200
    other = entry | {"imei": IMEIS[1], "messageId": "m-2"}
    assert await sender.send({"notifies": [other]}, clock.wall_ms() / 1000) == 200
    await house.until(lambda: len(house.incidents(cause="help_call")) == 2)
    assert [each.device for each in house.incidents(cause="help_call")] == ["call-01", "call-02"], "m-1 is told once"
    feed.stop()


async def test_a_terminal_with_its_own_sim_is_heard_by_the_feed(
    house: House, receiver: Receiver, tmp_path: Path
) -> None:
    house.fleet(feed="care", silent_after_s=60)
    port = free_port()
    path = tmp_path / "sims.toml"
    path.write_text(
        '[source]\ntype = "none"\n'
        f'[[listen]]\ndevice = "{CENTRE}/call-01"\nkind = "call_terminal"\ndriver = "scaip"\ntarget = "0501"\n'
    )
    feed = FeedProcess(tmp_path, path, house)
    (feed.state / "allowed.toml").write_text("loopback = true\n")
    (feed.state / "listen.toml").write_text(f'[scaip]\nbind = ["127.0.0.1"]\nport = {port}\n')
    feed.start()
    house.collector.start()
    device = await Terminal.start("127.0.0.3", user="0501")
    await house.until(lambda: feed.log.read_bytes().count(b"listening driver=scaip"))
    assert await device.heartbeat(("127.0.0.1", port)) == 200
    await house.until(lambda: house.query("select 1 from conditions where condition = 'ok'"), 20)
    pressed_ms = clock.wall_ms()
    assert await device.help_call(("127.0.0.1", port)) == 200
    opened = (await house.until(lambda: house.incidents(cause="help_call")))[0]
    assert (opened.device, opened.opened_at - pressed_ms < 1_000) == ("call-01", True)
    device.stop()
    feed.stop()
