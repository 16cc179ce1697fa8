"""Asks one address, port by port, which protocol is spoken there and what stands behind it. Nothing is signed in to."""

from __future__ import annotations

import asyncio
import re
import socket
import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeAlias

from edge.allowed import NotAllowedError
from edge.discovery.found import Found, Service, plain
from edge.discovery.web import ANSWER_S, http, https, onvif
from edge.probes.modbus.frames import Tcp, question
from edge.probes.onvif.asking import HttpError
from edge.probes.onvif.soap import Fault
from edge.probes.rtsp.talk import HEAD_BYTES_MAX, Talk
from edge.probes.snmp.describing import describe
from edge.probing import Around
from edge.second_look import USUAL_PORTS
from edge.sip.asking import shared_questions
from edge.sip.message import UnreadableError
from edge.sip.transactions import make_request

_UPS = re.compile(rb'^UPS (\S{1,64}) "([^"\r\n]{0,200})"', re.MULTILINE)
_PATHS = ("Streaming/Channels/102", "cam/realmonitor?channel=1&subtype=1", "stream2", "live/2")
"""Where makers keep the second, small stream: Hikvision, Dahua, TP-Link, and what many say."""
_IDENTIFICATION = b"\x2b\x0e\x01\x00"  # MODBUS Application Protocol 1.1b3, 6.21: vendor, product, revision


@dataclass(frozen=True, slots=True)
class Ports:
    """Where each protocol is looked for. `first`: those by which an address that answers no ping is told to be there;
    `more`: those that only tell what a machine is for."""

    rtsp: tuple[int, ...] = (USUAL_PORTS["rtsp"], 8554, 10554)
    http: tuple[int, ...] = (USUAL_PORTS["http"], 81, 8000, 8080, 8081, 8899, 5846)
    https: tuple[int, ...] = (USUAL_PORTS["tls"], 8443)
    nut: tuple[int, ...] = (USUAL_PORTS["nut"],)
    modbus: tuple[int, ...] = (USUAL_PORTS["modbus"],)
    mqtt: tuple[int, ...] = (1883,)
    sip: tuple[int, ...] = (USUAL_PORTS["sip"],)
    snmp: tuple[int, ...] = (USUAL_PORTS["snmp"],)
    more: tuple[int, ...] = (22, 53, 631, 3389, 9100, 34567, 37777)

    @property
    def first(self) -> tuple[int, ...]:
        return (self.rtsp[0], self.http[0], self.https[0], self.more[0]) if self.more else (self.rtsp[0], self.http[0])

    @property
    def tcp(self) -> tuple[int, ...]:
        every = (*self.rtsp, *self.http, *self.https, *self.nut, *self.modbus, *self.mqtt, *self.sip, *self.more)
        return tuple(dict.fromkeys(every))


Ask: TypeAlias = Callable[[Found, int, Around], Awaitable[list[Service]]]


def questions_for(found: Found, ports: Ports, udp: bool = True) -> list[tuple[Ask, int]]:
    """What is worth asking there: by the ports that are open, by the services that were named, and by UDP."""
    asked: list[tuple[Ask, int]] = []
    ways = (
        (ports.rtsp, rtsp),
        (ports.http, http),
        (ports.https, https),
        (ports.nut, nut),
        (ports.modbus, modbus),
        (ports.mqtt, mqtt),
    )
    for numbers, ask in ways:
        asked += [(ask, port) for port in numbers if port in found.ports]
    for named in found.services:
        if named.protocol == "onvif" and named.port and named.port not in (*ports.http, *ports.https):
            asked.append((onvif, named.port))
        elif named.detail.get("service") == "_rtsp._tcp" and named.port and named.port not in ports.rtsp:
            asked.append((rtsp, named.port))
    if udp:
        asked += [(sip, port) for port in ports.sip] + [(snmp, port) for port in ports.snmp]
    return asked


async def asked(ask: Ask, found: Found, port: int, around: Around) -> list[Service]:
    """What came of a question; nothing for silence, refusal or nonsense, within a bounded time."""
    try:
        around.allowed.check(found.address, port)
        async with asyncio.timeout(3 * ANSWER_S):
            return await ask(found, port, around)
    except (NotAllowedError, TimeoutError, OSError, EOFError, ValueError, asyncio.LimitOverrunError):
        return []
    except (HttpError, Fault, UnreadableError, struct.error):
        return []


async def rtsp(found: Found, port: int, around: Around) -> list[Service]:
    """OPTIONS, and a DESCRIBE of usual paths. `detail`: `path` that gives a picture; `login` where one is asked for."""
    reader, writer = await asyncio.open_connection(found.address, port, limit=HEAD_BYTES_MAX)
    try:
        talk, base = Talk(reader, writer), f"rtsp://{found.address}:{port}/"
        async with asyncio.timeout(ANSWER_S):
            first = await talk.request("OPTIONS", base)
        said = plain(next(iter(first.all_of("server")), ""))
        detail: dict[str, str] = {}
        try:
            async with asyncio.timeout(ANSWER_S):
                for path in ("", *_PATHS):
                    response = await talk.request("DESCRIBE", base + path, {"Accept": "application/sdp"})
                    said = said or plain(next(iter(response.all_of("server")), ""))
                    if response.status in (401, 403):
                        realm = re.search(r'realm="([^"]{1,80})"', " ".join(response.all_of("www-authenticate")))
                        detail = {"login": "yes"} | ({"realm": plain(realm[1])} if realm else {})
                        break
                    if response.status == 200 and "m=video" in response.body:
                        detail = {"path": path, "picture": "yes"}
                        break
        except (TimeoutError, OSError, EOFError, ValueError):
            pass  # that it speaks RTSP is known
        return [Service("rtsp", port, said, detail)]
    finally:
        writer.transport.abort()


async def nut(found: Found, port: int, around: Around) -> list[Service]:
    """LIST UPS: each by its name in `detail`."""
    reader, writer = await asyncio.open_connection(found.address, port)
    try:
        writer.write(b"LIST UPS\n")
        async with asyncio.timeout(ANSWER_S):
            data = await reader.readuntil(b"END LIST UPS")
    except asyncio.IncompleteReadError as cut:
        return [Service("nut", port)] if cut.partial.startswith(b"ERR ") else []
    except TimeoutError:
        return []
    finally:
        writer.transport.abort()
    names = [(each[1].decode("utf-8", "replace"), each[2].decode("utf-8", "replace")) for each in _UPS.finditer(data)]
    return [Service("nut", port, plain(words), {"ups": plain(name)}) for name, words in names[:8]]


async def modbus(found: Found, port: int, around: Around) -> list[Service]:
    """One register, of unit 1; any answer in Modbus is one. Then what it calls itself, which few tell."""
    reader, writer = await asyncio.open_connection(found.address, port)

    async def talk(pdu: bytes, transaction: int) -> bytes | None:
        writer.write(Tcp.write(pdu, 1, transaction))
        async with asyncio.timeout(ANSWER_S):
            head = await reader.readexactly(Tcp.HEAD)
            return Tcp.read(head, await reader.readexactly(Tcp.rest(head)), head[6], transaction)

    try:
        if await talk(question(3, 0, 1), 1) is None:
            return []
        try:
            told = await talk(_IDENTIFICATION, 2) or b""
        except (TimeoutError, OSError, EOFError, ValueError):
            told = b""
    finally:
        writer.transport.abort()
    return [Service("modbus", port, plain(" ".join(_objects(told))))]


def _objects(pdu: bytes) -> list[str]:
    """Values of an identification's objects."""
    if pdu[:2] != _IDENTIFICATION[:2]:
        return []
    made: list[str] = []
    at = 7
    while at + 2 <= len(pdu) and len(made) < 8:
        length = pdu[at + 1]
        made.append(pdu[at + 2 : at + 2 + length].decode("utf-8", "replace"))
        at += 2 + length
    return made


async def mqtt(found: Found, port: int, around: Around) -> list[Service]:
    """Whether a broker answers a CONNECT, though it may refuse it (MQTT 3.1.1, 3.1 and 3.2)."""
    reader, writer = await asyncio.open_connection(found.address, port)
    try:
        writer.write(b"\x10\x0c\x00\x04MQTT\x04\x02\x00\x0a\x00\x00")
        async with asyncio.timeout(ANSWER_S):
            data = await reader.readexactly(4)
    finally:
        writer.transport.abort()
    return [Service("mqtt", port)] if data[:2] == b"\x20\x02" else []


async def sip(found: Found, port: int, around: Around) -> list[Service]:
    """OPTIONS over UDP; any final answer is one. `said`: who it says it is."""
    here = _our_address(found.address, port)
    questions = shared_questions(around, found.address)
    local = f"{here}:{questions.port}"
    request = make_request(
        "OPTIONS",
        f"sip:{found.address}:{port}",
        local=local,
        transport="udp",
        from_uri=f"sip:shouwang@{local}",
        more=[("contact", f"<sip:shouwang@{local}>"), ("accept", "application/sdp")],
    )
    async with asyncio.timeout(ANSWER_S):
        response = await questions.ask(request, found.address, port)
    return [Service("sip", port, plain(response.first("user-agent") or response.first("server")))]


async def snmp(found: Found, port: int, around: Around) -> list[Service]:
    """The community `public`. `detail`: `mappings` of ours that fit, `name`."""
    told = await describe(found.address, around, port=port, timeout_s=ANSWER_S)
    if told is None:
        return []
    detail = {"name": plain(told.name), "mappings": " ".join(told.mappings)}
    return [Service("snmp", port, plain(told.description), {k: v for k, v in detail.items() if v})]


def _our_address(host: str, port: int) -> str:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as route:
        route.connect((host, port))
        return str(route.getsockname()[0])
