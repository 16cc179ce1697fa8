"""The SIP probe against devices that answer, lie, and say nothing; a thousand of them."""

import asyncio
import socket
from typing import Any

import pytest

from edge.allowed import Allowed, AllowedFile
from edge.probes.sip import SipProbe
from edge.probes.sip.settings import Place, SipSettings, place_of
from edge.probing import Answer, Around, ProbeConfigError
from edge.sip.asking import shared_questions
from shouwang import clock
from simulators.devices.sip import SipDevice, StreamDevice

AROUND = Allowed(AllowedFile(loopback=True))


def around() -> Around:
    return Around(allowed=AROUND)


async def ask(target: str, timeout_s: float = 2.0, *, near: Around | None = None, **settings: Any) -> Answer:
    near = near or around()
    try:
        return await SipProbe(target, SipSettings(**settings), near).ask(timeout_s)
    finally:
        near.close()


@pytest.mark.parametrize(
    ("target", "settings", "place"),
    [
        ("192.168.1.7", {}, Place("", "192.168.1.7", 5060)),
        ("sip:1001@192.168.1.7:5070", {}, Place("1001", "192.168.1.7", 5070)),
        ("1001", {"look": "registrar"}, Place("1001", "", 0)),
        ("1001", {"look": "both"}, Place("1001", "", 0)),
        ("192.168.1.7", {"look": "both", "user": "1001"}, Place("1001", "192.168.1.7", 5060)),
        ("192.168.1.7", {"user": "1002"}, Place("1002", "192.168.1.7", 5060)),
        ("[fd00::7]:5062", {"user": "1001"}, Place("1001", "fd00::7", 5062)),
    ],
)
def test_a_target_is_a_place_or_a_user(target: str, settings: dict[str, Any], place: Place) -> None:
    assert place_of(target, SipSettings(**settings)) == place


@pytest.mark.parametrize(
    ("target", "settings", "said"),
    [
        ("192.168.1.7", {"look": "registrar"}, "which user registers"),
        ("192.168.1.7", {"user": "a b"}, "none of SIP"),
        ("1001", {"look": "both", "register_s": 5}, "not between 30 and 86400"),
        ("192.168.1.7:99999", {}, "[Pp]ort"),
    ],
)
def test_what_is_wrong_is_said(target: str, settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ProbeConfigError, match=said):
        place_of(target, SipSettings(**settings))


@pytest.mark.parametrize(
    ("how", "reachable", "reason"),
    [
        ({}, True, ""),
        ({"status": "401 Unauthorized"}, True, ""),
        ({"status": "486 Busy Here"}, True, ""),
        ({"status": "480 Temporarily Unavailable"}, False, "status 480"),
        ({"silent": True}, False, "no answer within 0.15 s: is UDP port"),
        ({"half": True}, False, "no answer within"),
        ({"noise": True}, False, "no answer within"),
        ({"forged": True}, False, "no answer within"),
        ({"delay_s": 0.03}, True, ""),
    ],
)
async def test_what_devices_answer(how: dict[str, Any], reachable: bool, reason: str) -> None:
    device = await SipDevice.start(**how)
    answer = await ask(device.target, 0.15)
    assert (answer.reachable, str(answer.reason)[: len(reason)]) == (reachable, reason)
    device.stop()


@pytest.mark.slow
async def test_a_lost_datagram_is_sent_again() -> None:
    device = await SipDevice.start(lose=1)
    assert (await ask(device.target)).reachable
    assert device.asked == 2
    device.stop()


async def test_a_closed_port_is_told_from_silence_although_all_share_one_socket() -> None:
    near = around()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    silent = await SipDevice.start("127.0.0.2", silent=True)
    good = await SipDevice.start("127.0.0.3")
    started_s = clock.mono_s()
    probes = [SipProbe(target, SipSettings(), near) for target in (f"127.0.0.1:{port}", good.target)]
    waiting = asyncio.create_task(SipProbe(silent.target, SipSettings(), near).ask(0.3))
    refused, answered = await asyncio.gather(*(probe.ask(2.0) for probe in probes))
    assert clock.mono_s() - started_s < 0.3
    assert not refused.reachable
    assert str(refused.reason) == f"port {port} refuses SIP: is it 5060?"
    assert answered.reachable
    assert not (await waiting).reachable
    near.close()
    silent.stop()
    good.stop()


@pytest.mark.parametrize(
    ("how", "reachable", "reason"),
    [
        ({}, True, ""),
        ({"half": True}, False, "connection reset"),
        ({"silent": True}, False, "no answer within"),
        ({"drip_s": 0.0001}, True, ""),
        ({"drip_s": 0.5}, False, "no answer within"),
        ({"status": "x"}, False, "no SIP"),
    ],
)
async def test_over_tcp(how: dict[str, Any], reachable: bool, reason: str) -> None:
    device = await StreamDevice(**how).start()
    answer = await ask(device.target, 0.3, transport="tcp")
    assert (answer.reachable, str(answer.reason)[: len(reason)].lower()) == (reachable, reason.lower())
    device.stop()


async def test_over_ipv6() -> None:
    device = await SipDevice.start("::1")
    assert (await ask(device.target)).reachable
    device.stop()


@pytest.mark.slow
async def test_many_at_once_share_one_socket() -> None:
    near = around()
    devices = [await SipDevice.start(f"127.0.1.{n}") for n in range(1, 101)]
    answers = await asyncio.gather(*(SipProbe(d.target, SipSettings(), near).ask(2.0) for d in devices))
    assert all(answer.reachable for answer in answers)
    assert len(near.shared) == 1
    assert len(shared_questions(near, "127.0.0.1")._asked) == 0
    near.close()
    for device in devices:
        device.stop()
