"""Simulated cameras on RTSP (RFC 2326): they describe and stream over TCP or UDP, and fail as real ones do."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import random
import re
import socket
import ssl
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from simulators.devices.rtp import EncodedStream, Packetizer

_HEAD_BYTES_MAX = 8_192
_PARAMETER = re.compile(r'(\w+)="?([^",]*)"?')
_CLIENT_PORTS = re.compile(r"client_port=(\d+)-(\d+)")
_DRIP_S = 0.4


class Trouble(StrEnum):
    """How a camera fails on the wire."""

    NONE = ""
    RESET = "reset"  # the connection is reset
    SILENT = "silent"  # it accepts and says nothing
    HALF = "half"  # half an answer, then nothing
    DRIP = "drip"  # its answers come byte by byte
    GARBAGE = "garbage"  # it answers something else
    NO_STREAM = "no_stream"  # 404
    REDIRECT = "redirect"  # 302, elsewhere
    REDIRECT_PLAYER = "redirect_player"  # 302, but only to what would play the stream
    STALLED = "stalled"  # it plays, and no frame comes
    FROZEN = "frozen"  # the same frame over and over
    HALF_RATE = "half_rate"
    MANGLED = "mangled"  # frames of random bytes
    BREAKS_OFF = "breaks_off"  # hangs up after a few frames


@dataclass
class Camera:
    """One camera at an address of its own. Everything may be changed while it runs; `after` does so later."""

    stream: EncodedStream
    host: str = "127.0.0.1"
    port: int = 0
    path: str = "/live/1"
    user: str = ""
    password: str = ""
    trouble: Trouble = Trouble.NONE
    chance: random.Random = field(default_factory=lambda: random.Random(1))
    asked: list[str] = field(default_factory=list)
    playing: int = 0
    elsewhere: str = "rtsp://127.0.0.99:1/elsewhere"
    tls: ssl.SSLContext | None = None

    async def start(self) -> None:
        self._server = await asyncio.start_server(
            self._serve, self.host, self.port, limit=_HEAD_BYTES_MAX, ssl=self.tls
        )
        self.port = self._server.sockets[0].getsockname()[1]
        self._sessions: set[asyncio.Task[None]] = set()
        self._timers: list[asyncio.TimerHandle] = []
        self._began_s = asyncio.get_running_loop().time()

    async def stop(self) -> None:
        """Unplugs it: nothing is said to whoever is connected."""
        for timer in self._timers:
            timer.cancel()
        self._server.close()
        sessions = list(self._sessions)
        for session in sessions:
            session.cancel()
        await asyncio.gather(*sessions, return_exceptions=True)

    @property
    def url(self) -> str:
        return f"rtsp{'s' if self.tls else ''}://{self.host}:{self.port}{self.path}"

    def after(self, seconds: float, change: Callable[[Camera], None]) -> None:
        """Changes it later: `camera.after(180, lambda c: setattr(c, "trouble", Trouble.FROZEN))`."""
        self._timers.append(asyncio.get_running_loop().call_later(seconds, change, self))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._sessions.add(task)
        session = _Session(self, reader, writer)
        try:
            await session.run()
        except (
            ConnectionError,
            asyncio.CancelledError,
            asyncio.IncompleteReadError,
            asyncio.LimitOverrunError,
            ValueError,
        ):
            pass
        finally:
            session.end()
            self._sessions.discard(task)
            writer.transport.abort()

    def description(self) -> str:
        """Its SDP (RFC 4566)."""
        stream = self.stream
        sets = [base64.b64encode(each).decode("ascii") for each in stream.parameters]
        if stream.codec == "h264":
            profile = stream.parameters[0][1:4].hex()
            form = f"H264/90000\r\na=fmtp:96 packetization-mode=1;profile-level-id={profile};"
            form += f"sprop-parameter-sets={','.join(sets)}"
        else:
            named = zip(("sprop-vps", "sprop-sps", "sprop-pps"), sets, strict=False)
            form = f"H265/90000\r\na=fmtp:96 {';'.join(f'{name}={each}' for name, each in named)}"
        return (
            f"v=0\r\no=- 1 1 IN IP4 {self.host}\r\ns=camera\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\na=control:*\r\n"
            f"m=video 0 RTP/AVP 96\r\na=rtpmap:96 {form}\r\na=framerate:{stream.fps}\r\na=control:track1\r\n"
        )

    def now_unit(self) -> int:
        """The number of the frame that this camera shows now, counted from its start."""
        return int((asyncio.get_running_loop().time() - self._began_s) * self.stream.fps)


class _Session:
    """One connection: requests, and the stream that it asked for."""

    def __init__(self, camera: Camera, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._camera, self._reader, self._writer = camera, reader, writer
        self._nonce = f"{camera.chance.getrandbits(64):016x}"
        self._id = f"{camera.chance.getrandbits(32):08x}"
        self._send: Callable[[bytes], None] | None = None
        self._socket: socket.socket | None = None
        self._streaming: asyncio.Task[None] | None = None

    def end(self) -> None:
        if self._streaming is not None:
            self._streaming.cancel()
            self._camera.playing -= 1
        if self._socket is not None:
            self._socket.close()

    async def run(self) -> None:
        camera = self._camera
        if camera.trouble is Trouble.RESET:
            raw = self._writer.get_extra_info("socket")
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._writer.transport.abort()
            return
        while True:
            first = await self._reader.readexactly(1)
            if first == b"$":  # RTCP of the client
                head = await self._reader.readexactly(3)
                await self._reader.readexactly(int.from_bytes(head[1:], "big"))
                continue
            text = (first + await self._reader.readuntil(b"\r\n\r\n")).decode("utf-8", "replace")
            request, *lines = text.strip().split("\r\n")
            method, uri, _ = request.split(" ", 2)
            headers = {n.strip().lower(): v.strip() for n, _, v in (line.partition(":") for line in lines)}
            camera.asked.append(method)
            if camera.trouble is Trouble.SILENT:
                await asyncio.Event().wait()
            await self._answer(method, uri, headers)
            if method == "TEARDOWN":
                return

    async def _answer(self, method: str, uri: str, headers: dict[str, str]) -> None:
        camera = self._camera
        if method != "OPTIONS" and not self._known(method, headers.get("authorization", "")):
            challenge = f'WWW-Authenticate: Digest realm="camera", nonce="{self._nonce}"\r\n'
            await self._say("401 Unauthorized", headers, challenge)
        elif method == "OPTIONS":
            await self._say("200 OK", headers, "Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN, GET_PARAMETER\r\n")
        elif method == "DESCRIBE" and camera.trouble is Trouble.NO_STREAM:
            await self._say("404 Stream Not Found", headers)
        elif method == "DESCRIBE" and (
            camera.trouble is Trouble.REDIRECT
            or (camera.trouble is Trouble.REDIRECT_PLAYER and "Lavf" in headers.get("user-agent", ""))
        ):
            await self._say("302 Moved Temporarily", headers, f"Location: {camera.elsewhere}\r\n")
        elif method == "DESCRIBE":
            kind = f"Content-Base: {uri.rstrip('/')}/\r\nContent-Type: application/sdp\r\n"
            await self._say("200 OK", headers, kind, camera.description())
        elif method == "SETUP":
            await self._set_up(headers)
        elif method == "PLAY" and self._send is not None:
            await self._say("200 OK", headers, f"Session: {self._id}\r\nRange: npt=now-\r\n")
            if self._streaming is None:
                camera.playing += 1
                self._streaming = asyncio.create_task(self._stream(self._send))
        else:
            await self._say("200 OK", headers, f"Session: {self._id}\r\n")

    async def _set_up(self, headers: dict[str, str]) -> None:
        asked = headers.get("transport", "")
        if ports := _CLIENT_PORTS.search(asked):
            peer = self._writer.get_extra_info("peername")[0]
            self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self._socket.setblocking(False)
            self._socket.bind((self._camera.host, 0))
            mine = self._socket.getsockname()[1]
            to = (peer, int(ports[1]))
            self._send = lambda packet: self._datagram(packet, to)
            transport = f"RTP/AVP;unicast;client_port={ports[1]}-{ports[2]};server_port={mine}-{mine + 1}"
        else:
            self._send = lambda packet: self._writer.write(struct.pack("!cBH", b"$", 0, len(packet)) + packet)
            transport = "RTP/AVP/TCP;unicast;interleaved=0-1"
        await self._say("200 OK", headers, f"Transport: {transport}\r\nSession: {self._id};timeout=60\r\n")

    def _datagram(self, packet: bytes, to: tuple[str, int]) -> None:
        assert self._socket is not None
        with contextlib.suppress(OSError):  # a full buffer loses it, as the network does
            self._socket.sendto(packet, to)

    async def _say(self, status: str, headers: dict[str, str], extra: str = "", body: str = "") -> None:
        length = f"Content-Length: {len(body)}\r\n" if body else ""
        said = f"RTSP/1.0 {status}\r\nCSeq: {headers.get('cseq', '0')}\r\n{extra}{length}\r\n{body}".encode()
        trouble = self._camera.trouble
        if trouble is Trouble.GARBAGE:
            said = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
        if trouble is Trouble.HALF:
            self._writer.write(said[: len(said) // 2])
            await asyncio.Event().wait()
        if trouble is Trouble.DRIP:
            for at in range(len(said)):
                self._writer.write(said[at : at + 1])
                await asyncio.sleep(_DRIP_S)
        else:
            self._writer.write(said)
        await self._writer.drain()

    def _known(self, method: str, said: str) -> bool:
        camera = self._camera
        if not camera.user:
            return True
        scheme, _, rest = said.partition(" ")
        if scheme != "Digest":
            return False
        given = dict(_PARAMETER.findall(rest))

        def digest(text: str) -> str:
            return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()

        secret = digest(f"{camera.user}:camera:{camera.password}")
        wanted = digest(f"{secret}:{self._nonce}:{digest(f'{method}:' + given.get('uri', ''))}")
        return given.get("username") == camera.user and given.get("response") == wanted

    async def _stream(self, send: Callable[[bytes], None]) -> None:
        camera, loop = self._camera, asyncio.get_running_loop()
        packetizer = Packetizer(camera.stream.codec, camera.chance.getrandbits(32), camera.chance.getrandbits(16))
        number, sent, due_s = camera.now_unit(), 0, loop.time()
        with contextlib.suppress(ConnectionError):
            while not self._writer.is_closing():
                trouble, stream = camera.trouble, camera.stream
                step = 2 if trouble is Trouble.HALF_RATE else 1
                if trouble is not Trouble.STALLED:
                    unit = stream.units[0 if trouble is Trouble.FROZEN else number % len(stream.units)]
                    if trouble is Trouble.MANGLED:
                        unit = tuple(nal[:2] + camera.chance.randbytes(len(nal) - 2) for nal in unit)
                    for packet in packetizer.packets(unit, number * 90_000 // stream.fps):
                        send(packet)
                    await self._writer.drain()
                    sent += 1
                if trouble is Trouble.BREAKS_OFF and sent >= 2:
                    self._writer.transport.abort()
                    return
                number += step
                due_s += step / stream.fps
                await asyncio.sleep(max(0.0, due_s - loop.time()))


async def cameras(streams: list[EncodedStream], *, network: str = "127.3", port: int = 8554) -> list[Camera]:
    """A camera for each stream, each at an address of its own: 127.3.0.1, 127.3.0.2, …, all on `port`."""
    made = [
        Camera(stream, host=f"{network}.{number // 250}.{number % 250 + 1}", port=port)
        for number, stream in enumerate(streams)
    ]
    for camera in made:
        await camera.start()
    return made
