"""Listeners are started as listen.toml says, kept up, and bounded in what they may say."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from edge.ears import Ears
from edge.hearing import Heard, Listened
from edge.listen_file import ListenFileError
from edge.probes.mqtt.settings import MqttSettings
from edge.probes.scaip.listener import ScaipSettings
from edge.probing import Around
from tests.servers import free_port
from tests.waiting import until


def terminal(name: str = "call-07") -> Listened:
    return Listened(name, "call_terminal", "26317", ScaipSettings(), 60.0)


@asynccontextmanager
async def ears(directory: Path, listen: str = "", *devices: Listened) -> AsyncIterator[tuple[Ears, list[Heard]]]:
    (directory / "listen.toml").write_text(listen)
    heard: list[Heard] = []
    made = Ears(directory / "listen.toml", Around(state_directory=directory), heard.append)
    made.watch({"scaip": list(devices)} if devices else {})
    running = asyncio.create_task(made.run())
    await asyncio.sleep(0)
    try:
        yield made, heard
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("port = 5060", r"'port' stands outside of a section"),
        ("[scap]\nport = 5060", r"\[scap\]: did you mean \[scaip\]\?"),
        ("[icmp]\nport = 1", r"\[icmp\]: this driver asks, and listens on no port"),
        ("[scaip]\nprot = 5060", r"\[scaip\]: 'prot' is unknown; did you mean port\?"),
        ("[scaip]\nquux = 5060", r"'quux' is unknown; it has bind, digests, port, realm"),
        ('[scaip]\nport = "many"', r"\[scaip\]: .*`\$.port`"),
        ("[scaip\n", r"listen.toml: "),
        ("[opcua]\nport = 1", r"no driver 'opcua'"),
    ],
)
def test_what_is_wrong_with_the_file_is_said(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "listen.toml").write_text(text)
    with pytest.raises(ListenFileError, match=said):
        Ears(tmp_path / "listen.toml", Around(), print)


@pytest.mark.slow
async def test_a_port_that_is_taken_is_said_once_and_tried_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        port = other.getsockname()[1]
        listen = f'[scaip]\nbind = ["127.0.0.1"]\nport = {port}\n'
        async with ears(tmp_path, listen, terminal()):
            await until(lambda: "cannot listen driver=scaip" in caplog.text, "it is said")
            other.close()
            await until(lambda: "listening driver=scaip" in caplog.text, "it is tried again")
    assert caplog.text.count("cannot listen") == 1


async def test_a_listener_ends_with_its_last_device(tmp_path: Path) -> None:
    port = free_port()
    listen = f'[scaip]\nbind = ["127.0.0.1"]\nport = {port}\n'

    def is_open() -> bool:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                return True
            return False

    async with ears(tmp_path, listen, terminal()) as (made, _):
        await until(is_open, "the port is opened")
        made.watch({})
        await until(lambda: not is_open(), "the port is closed")
        made.watch({"scaip": [terminal()]})
        await until(is_open, "the port is opened again")
    await until(lambda: not is_open(), "the port is closed at the end")


@pytest.mark.slow
async def test_what_a_device_says_without_end_is_bounded_and_its_newest_comes_through(tmp_path: Path) -> None:
    async with ears(tmp_path, "", terminal("call-07"), terminal("call-08")) as (made, heard):
        for number in range(1000):
            made._said(Heard("call-07", 10.0, {"battery_percent": number}, "help_call", {"number": number}))
        made._said(Heard("call-08", 10.0, {"battery_percent": 50}, "help_call"))
        made._said(Heard("nobody", 10.0, {"battery_percent": 1}))
        flooding = [each for each in heard if each.device == "call-07"]
        assert [each.detail["number"] for each in flooding if each.event] == list(range(60))
        assert len([each for each in flooding if each.fields]) == 20
        assert heard[-1].device == "call-08", "another device is not held up"
        assert made.last("call-07") is not None
        await until(lambda: heard[-1].fields == {"battery_percent": 999}, "the newest, when its turn comes")
        made._said(Heard("call-07", 11.5, event="help_call"))
        assert heard[-1].event == "help_call", "a second later it may press again"
    assert [each for each in heard if each.device == "nobody"] == []


async def test_events_of_one_sort_without_end_hide_no_call(tmp_path: Path) -> None:
    """A lid that rattles, or a line that tests itself, says more than one may; the call is another matter."""
    async with ears(tmp_path, "", terminal()) as (made, heard):
        for number in range(200):
            made._said(Heard("call-07", 10.0, event="tamper", detail={"number": number}))
            made._said(Heard("call-07", 10.0, event=f"sort-{number}"))
        made._said(Heard("call-07", 10.1, event="help_call"))
        assert heard[-1].event == "help_call"
        assert len(heard) == 61, "bounded, whatever the sorts are called"


async def test_a_listener_that_cannot_be_made_stops_nobody(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    port = free_port()
    (tmp_path / "listen.toml").write_text(f'[scaip]\nbind = ["127.0.0.1"]\nport = {port}\n')
    made = Ears(tmp_path / "listen.toml", Around(state_directory=tmp_path), print)
    made._options["sip"] = object()  # options that no listener can use
    made.watch({"sip": [terminal("call-06")], "scaip": [terminal()]})
    running = asyncio.create_task(made.run())
    caplog.set_level(logging.INFO)
    await until(lambda: "listening driver=scaip" in caplog.text, "the other listens")
    assert "could not be made driver=sip" in caplog.text
    assert not running.done()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


@pytest.mark.slow
async def test_a_port_that_is_taken_is_told_with_the_site_until_it_is_had(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        port = other.getsockname()[1]
        listen = f'[scaip]\nbind = ["127.0.0.1"]\nport = {port}\n'
        async with ears(tmp_path, listen, terminal()) as (made, _):
            await until(lambda: bool(made.out()), "it is known")
            assert made.facts() == {
                "listeners_out": 1,
                "listeners_out_names": f"scaip: port {port}: Address already in use",
            }
            other.close()
            await until(lambda: made.facts() == {"listeners_out": 0}, "it is tried again")
            made.watch({})
            assert made.facts() == {}, "nobody is listened for"


async def test_a_centres_broker_that_is_gone_is_told_too(tmp_path: Path) -> None:
    port = free_port()
    (tmp_path / "listen.toml").write_text(f'[mqtt]\nbroker = "mqtt://127.0.0.1:{port}"\n')
    made = Ears(tmp_path / "listen.toml", Around(state_directory=tmp_path), lambda heard: None)
    made.watch({"mqtt": [Listened("hall-sos", "call_terminal", "hall-sos", MqttSettings(), 60.0)]})
    running = asyncio.create_task(made.run())
    await until(lambda: "mqtt" in made.out(), "it is known")
    assert made.out()["mqtt"].startswith(f"no connection to mqtt://127.0.0.1:{port}: ")
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
