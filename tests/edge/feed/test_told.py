"""A feed takes its mapping and its list of devices anew when they change: without a restart, and never half of it."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from edge.feed.options import FeedOptions
from edge.feed.running import Feed
from edge.feed.told import ToldFiles
from shouwang import kinds
from simulators.devices.scaip import Terminal
from tests.edge.feed.samples import terminal, written
from tests.edge.listening import Listener
from tests.servers import Mosquitto, free_port
from tests.waiting import until

LIST = "centre,device,serial\n150525100201,call-01,860000000000001\n"


def files(path: Path) -> ToldFiles:
    return ToldFiles(path, kinds.load())


def appended(path: Path, text: str) -> None:
    """As an editor does it: a new file in place of the old one."""
    new = path.with_name("new")
    new.write_text(path.read_text("utf-8") + text, "utf-8")
    new.replace(path)


def test_a_list_that_has_grown_is_taken_when_nobody_writes_it_any_more(tmp_path: Path) -> None:
    path = written(tmp_path, "call-terminals", type="http", url="http://127.0.0.1:9/")
    found = files(path)
    before = found.read()
    assert found.read_if_changed() is None
    appended(tmp_path / "devices.csv", "150525100201,call-77,860000000000077\n")
    assert found.read_if_changed() is None, "it may still be written"
    appended(tmp_path / "devices.csv", "150525100201,call-78,860000000000078\n")
    assert found.read_if_changed() is None
    told = found.read_if_changed()
    assert told is not None
    assert told.devices == before.devices + 2
    assert found.read_if_changed() is None


def test_what_is_wrong_is_said_once_and_what_was_before_stays(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = written(tmp_path, "call-terminals", type="http", url="http://127.0.0.1:9/")
    found = files(path)
    found.read()
    right = (tmp_path / "devices.csv").read_text("utf-8")
    (tmp_path / "devices.csv").write_text(right + "150525100201,Call 77,1\n", "utf-8")
    assert [found.read_if_changed() for _ in range(4)] == [None] * 4
    assert caplog.text.count("what was before stays") == 1
    assert "'Call 77' are no names of a centre and a device" in caplog.text
    (tmp_path / "devices.csv").unlink()
    assert [found.read_if_changed() for _ in range(3)] == [None] * 3
    (tmp_path / "devices.csv").write_text(right, "utf-8")
    assert found.read_if_changed() is None
    assert found.read_if_changed() is not None


def test_a_mapping_that_names_another_list(tmp_path: Path) -> None:
    path = written(tmp_path, "call-terminals", type="http", url="http://127.0.0.1:9/")
    found = files(path)
    found.read()
    text = path.read_text("utf-8")
    path.write_text(text.replace("devices.csv", "others.csv"), "utf-8")
    assert [found.read_if_changed() for _ in range(3)] == [None] * 3, "there is none of that name"
    (tmp_path / "others.csv").write_text((tmp_path / "devices.csv").read_text("utf-8"), "utf-8")
    assert found.read_if_changed() is None
    told = found.read_if_changed()
    assert told is not None
    assert told.said.device is not None
    assert told.said.device.list == "others.csv"


@asynccontextmanager
async def feeding(mosquitto: Mosquitto, mapping: Path, state: Path) -> AsyncIterator[Feed]:
    feed = Feed(
        FeedOptions(
            broker=mosquitto.url,
            centre="care",
            region="150525",
            mapping=str(mapping),
            state=str(state),
            speed=20,
            allow_loopback=True,
        )
    )
    running = asyncio.create_task(feed.run())
    try:
        yield feed
    finally:
        feed.stop()
        await running


@pytest.mark.system
async def test_a_new_device_of_the_list_is_spoken_for(
    mosquitto: Mosquitto, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.feed.running._LOOK_AT_FILES_S", 0.1)
    source = {"type": "push", "port": 0, "secret": "secret:care"}
    path = written(tmp_path, "call-terminals", **source)
    (tmp_path / "state").mkdir()
    (tmp_path / "state/secrets.toml").write_text('care = "0123456789abcdef"\n')
    async with (
        Listener(mosquitto.url, "care") as listener,
        feeding(mosquitto, path, tmp_path / "state") as feed,
    ):
        now_ms = feed._clock.now().wall_ms
        await feed._take([terminal("860000000000077", now_ms)])
        appended(tmp_path / "devices.csv", "150525100201,call-77,860000000000077\n")
        await until(lambda: feed._told.meaning._names.ours("860000000000077", None) is not None, "the new list")
        await feed._take([terminal("860000000000077", now_ms)])
        await until(lambda: "150525100201/call-77" in listener.latest, "its reading")


def listening_mapping(*users: str) -> str:
    head = '[source]\ntype = "none"\n'
    each = '[[listen]]\ndevice = "150525100201/call-{0}"\nkind = "call_terminal"\ndriver = "{1}"\ntarget = "{0}"\n'
    return head + "".join(each.format(user, "scaip") for user in users)


@pytest.mark.system
async def test_a_terminal_that_is_added_is_heard(
    mosquitto: Mosquitto, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("edge.feed.running._LOOK_AT_FILES_S", 0.1)
    caplog.set_level(logging.INFO)
    port, path = free_port(), tmp_path / "sims.toml"
    (tmp_path / "state").mkdir()
    (tmp_path / "state/listen.toml").write_text(f'[scaip]\nbind = "127.0.0.1"\nport = {port}\n')
    path.write_text(listening_mapping("0501"))
    one, two = [await Terminal.start(f"127.0.0.{last}", user=f"050{last - 1}") for last in (2, 3)]
    async with Listener(mosquitto.url, "care") as listener, feeding(mosquitto, path, tmp_path / "state"):
        await until(lambda: "listening driver=scaip" in caplog.text, "its port")
        assert await two.heartbeat(("127.0.0.1", port)) == 403
        path.write_text(listening_mapping("0501", "0502").replace('"scaip"', '"icmp"'))
        await until(lambda: "driver icmp asks with these settings, and hears nobody" in caplog.text, "it is said")
        assert await one.heartbeat(("127.0.0.1", port)) == 200
        path.write_text(listening_mapping("0501", "0502"))
        await until(lambda: "taken anew" in caplog.text, "the new mapping")
        assert await two.heartbeat(("127.0.0.1", port)) == 200
        await until(lambda: "150525100201/call-0502" in listener.latest, "its reading")
    one.stop()
    two.stop()


@pytest.mark.system
async def test_a_feed_whose_port_is_taken_goes_offline_and_comes_back(
    mosquitto: Mosquitto, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else its terminals would look silent one by one, where nobody can hear them."""
    monkeypatch.setattr("edge.feed.running._DEAF_AFTER_S", 0.5)
    monkeypatch.setattr("edge.feed.running._LOOK_S", 0.1)
    path = tmp_path / "sims.toml"
    path.write_text(listening_mapping("0501"))
    (tmp_path / "state").mkdir()
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        (tmp_path / "state/listen.toml").write_text(f'[scaip]\nbind = "127.0.0.1"\nport = {port}\n')
        async with Listener(mosquitto.url, "care") as listener, feeding(mosquitto, path, tmp_path / "state") as feed:
            await until(lambda: bool(listener.presences) and not listener.presences[-1].online, "it is offline")
            assert feed._uplink.gone
            other.close()
            await until(lambda: listener.presences[-1].online, "it is back", limit_s=20)
