"""Where listeners listen where nothing is said, and whom they hear: networks that the agent may touch, no others."""

import asyncio
import logging
from pathlib import Path

import pytest

from edge.allowed import Allowed, AllowedFile
from edge.ears import Ears
from edge.hearing import Listened
from edge.places import Neighbours, Places, _ipv6, own_addresses
from edge.probes.http import HttpListener
from edge.probes.http.settings import HttpSettings
from edge.probes.scaip import ScaipListener
from edge.probes.scaip.listener import ScaipSettings
from edge.probes.snmp import SnmpListener, SnmpSettings
from edge.probing import Around
from shouwang.clock import SystemClock
from simulators.devices.scaip import Terminal
from tests.edge.sip.listening import listening
from tests.servers import free_port
from tests.waiting import until

OWN = ["127.0.0.1", "192.168.1.5", "10.8.0.3", "203.0.113.7", "fd00::5", "2001:db8::5", "169.254.7.7"]


@pytest.mark.parametrize(
    ("said", "allowed", "found"),
    [
        ((), AllowedFile(), ["192.168.1.5", "10.8.0.3", "fd00::5"]),
        ((), AllowedFile(networks=["192.168.1.0/24"]), ["192.168.1.5"]),
        ((), AllowedFile(networks=["192.168.1.0/24"], loopback=True), ["127.0.0.1", "192.168.1.5"]),
        ("", AllowedFile(link_local=True, networks=["203.0.113.0/24"]), ["203.0.113.7", "169.254.7.7"]),
        ("0.0.0.0", AllowedFile(networks=["192.168.1.0/24"]), ["0.0.0.0"]),
        (["127.0.0.1", "::1"], AllowedFile(), ["127.0.0.1", "::1"]),
    ],
)
def test_where_it_listens(said: str | list[str], allowed: AllowedFile, found: list[str]) -> None:
    assert list(Places(said, Allowed(allowed), lambda: OWN).find()) == found


def test_a_machine_outside_of_all_allowed_networks_says_so() -> None:
    with pytest.raises(OSError, match=r"no address of this machine \(203.0.113.7\) is in the allowed networks: add"):
        Places((), Allowed(), lambda: ["203.0.113.7"]).find()


def test_an_address_that_changes_is_noticed_and_one_that_is_gone_is_waited_for() -> None:
    own = ["192.168.1.5"]
    places, said = Places((), Allowed(), lambda: own), Places("192.168.1.5", Allowed(), lambda: own)
    assert not places.moved(), "it has not begun"
    places.find(), said.find()
    assert not places.moved()
    own[:] = ["192.168.1.5", "203.0.113.7"]
    assert not places.moved(), "what is not allowed is none of ours"
    own[:] = []
    assert not places.moved()
    own[:] = ["192.168.1.77"]
    assert places.moved()
    assert not said.moved()
    places.find()
    assert not places.moved()


def test_this_machines_own() -> None:
    assert "127.0.0.1" in own_addresses()


def test_only_lasting_addresses_are_listened_at(tmp_path: Path) -> None:
    path = tmp_path / "if_inet6"
    path.write_text(
        "fd000000000000000000000000000002 04 40 00 82     eth0\n"
        "fd000000000000000000000000000003 04 40 00 01     eth0\n"  # temporary
        "fd000000000000000000000000000004 04 40 00 40     eth0\n"  # tentative
        "fe8000000000000000fc00fffe000001 04 40 20 80     eth0\n"
    )
    assert _ipv6(path) == ["fd00::2"]
    assert _ipv6(tmp_path / "none") == []


def test_strangers_are_counted_and_named_once_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    neighbours = Neighbours(Allowed(AllowedFile(networks=["192.168.1.0/24"])), SystemClock())
    assert neighbours.may_speak("192.168.1.9")
    assert neighbours.may_speak("::ffff:192.168.1.9"), "an IPv4 address that came in by IPv6"
    for last in range(200):
        assert not neighbours.may_speak(f"203.0.113.{last}")
    assert not neighbours.may_speak("no address")
    assert neighbours.refused == 201
    assert caplog.text.count("not heard") == 1
    assert "203.0.113.0 is outside of the allowed networks: add it to `networks` of allowed.toml" in caplog.text


async def test_sip_from_elsewhere_is_not_read(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Loopback that is not allowed stands for a network that is not."""
    around = Around(state_directory=tmp_path)
    terminal = await Terminal.start("127.0.0.2", user="26317")
    async with listening(ScaipListener, [("call-07", "26317", {})], tmp_path, around=around) as ear:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await terminal.help_call(ear.server)
        assert ear.heard == []
        reader, writer = await asyncio.open_connection(*ear.server)
        async with asyncio.timeout(2):
            with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
                await reader.readexactly(1)
        writer.close()
    around.close()
    assert "127.0.0.2 is this machine itself: allow it" in caplog.text
    terminal.stop()


async def test_http_from_elsewhere_is_not_read(tmp_path: Path) -> None:
    around = Around(state_directory=tmp_path)
    listener = HttpListener(HttpListener.Options(bind="127.0.0.1", port=0), around, print)
    await listener.start()
    listener.watch([Listened("call-07", "call_terminal", "push", HttpSettings(push_key="0123456789abcdef"), 60.0)])
    reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
    try:
        writer.write(b"GET /push/call-07?key=0123456789abcdef&event=help_call HTTP/1.1\r\n\r\n")
        async with asyncio.timeout(2):
            assert await reader.read() == b""
    except ConnectionError:
        pass
    finally:
        writer.close()
    await listener.stop()


async def test_traps_are_heard_at_each_address(tmp_path: Path) -> None:
    """All that a default has are tried on this machine: loopback, and what else it has in private networks."""
    around = Around(allowed=Allowed(AllowedFile(loopback=True)), state_directory=tmp_path)
    port = free_port()
    listener = SnmpListener(SnmpListener.Options(port=port), around, print)
    await listener.start()
    wanted = Places((), around.allowed).find()
    assert {transport.get_extra_info("sockname")[:2] for transport in listener._transports} == {
        (each, port) for each in wanted
    }
    listener.watch([Listened("ups", "site", "127.0.0.1", SnmpSettings(), 60.0)])
    await listener.stop()
    assert listener._transports == []


async def test_a_listener_follows_the_machines_address(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.ears._LOOK_S", 0.02)
    caplog.set_level(logging.INFO)
    own = ["127.0.0.1"]
    around = Around(allowed=Allowed(AllowedFile(loopback=True)), state_directory=tmp_path)
    port = free_port()
    (tmp_path / "listen.toml").write_text(f"[scaip]\nport = {port}\n")
    ears = Ears(tmp_path / "listen.toml", around, lambda heard: None)
    monkeypatch.setattr("edge.hearing.Places", lambda said, allowed: Places(said, allowed, lambda: own))
    ears.watch({"scaip": [Listened("call-07", "call_terminal", "26317", ScaipSettings(), 60.0)]})
    running = asyncio.create_task(ears.run())
    await until(lambda: "at=127.0.0.1" in caplog.text, "the first address")
    own[:] = ["127.0.0.9"]
    await until(lambda: "at=127.0.0.9" in caplog.text, "the new one")
    terminal = await Terminal.start("127.0.0.2", user="26317")
    assert await terminal.heartbeat(("127.0.0.9", port)) == 200
    terminal.stop()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    around.close()
