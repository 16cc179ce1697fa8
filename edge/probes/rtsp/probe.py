"""Asks a camera by RTSP (RFC 2326): OPTIONS shows that it lives, DESCRIBE that it streams, a look what it shows."""

from __future__ import annotations

import asyncio
import re
from typing import Any
from urllib.parse import urlsplit

from edge.auth import answer
from edge.probes.rtsp.picture import Pictures
from edge.probes.rtsp.settings import RtspSettings
from edge.probes.rtsp.talk import HEAD_BYTES_MAX, Talk
from edge.probes.tls import Connected, client_context, connect
from edge.probing import Answer, Around, Probe, ProbeConfigError
from shouwang.clock import parse_rfc3339
from shouwang.reasons import Reason, reason_of
from shouwang.vocabulary import Driver

_FRAME_RATE = re.compile(r"(?m)^a=(?:x-)?framerate:\s*(\d+(?:\.\d+)?)")
_REFUSED = (401, 403)
_PORTS = {"rtsp": 554, "rtsps": 322}
_SPARE_S = 0.3  # of the time for a probe, kept for the reading to get out


class RtspProbe(Probe):
    """Target: `rtsp://host[:port]/path`, or `rtsps://` (in TLS)."""

    driver = Driver.RTSP
    Settings = RtspSettings

    def __init__(self, target: str, settings: Any, around: Around) -> None:
        super().__init__(target, settings, around)
        try:
            parts = urlsplit(target)
            host, port = parts.hostname, parts.port or _PORTS.get(parts.scheme, 0)
        except ValueError as error:
            raise ProbeConfigError(f"target {target!r}: {error}") from error
        if parts.scheme not in _PORTS or not host or not target.isascii() or any(c.isspace() for c in target):
            raise ProbeConfigError(f"target {target!r}: expected rtsp://host:554/path, or rtsps://host:322/path")
        if parts.scheme == "rtsps" and settings.transport != "tcp":
            raise ProbeConfigError("transport udp: frames that come beside TLS would be open; rtsps takes tcp alone")
        try:
            parse_rfc3339(settings.blur_excused_until or "2026-01-01T00:00:00Z")
        except ValueError as error:
            raise ProbeConfigError(
                f"blur_excused_until {settings.blur_excused_until!r}: expected an instant as 2026-03-20T18:00:00+08:00"
            ) from error
        self._host, self._port, self._secure = host, port, parts.scheme == "rtsps"

    async def ask(self, timeout_s: float) -> Answer:
        """`reachable` when it answers OPTIONS and describes its stream; one that refuses the password is reachable, and
        the reason says so. `latency_ms` is that of OPTIONS; `fps_expected` is what the stream says of itself. What the
        last look at its picture gave comes with it."""
        clock = self.around.clock
        began_s = clock.now().mono_s
        try:
            async with asyncio.timeout(timeout_s):
                address = await self.around.allowed.resolve(self._host, self._port)
                told = await self._connect_and_ask(address)
        except TimeoutError:
            return Answer(False, reason=f"no answer within {timeout_s:g} s")
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError) as error:
            return Answer(False, reason=f"no RTSP: {error}")
        except OSError as error:
            return Answer(False, reason=reason_of(error))
        if told.reachable and not told.reason and self.settings.picture_every_s:
            left_s = timeout_s - (clock.now().mono_s - began_s) - _SPARE_S
            seen = Pictures.of(self.around)
            fields, reason = await seen.see(self.target, address, self._port, self.settings, left_s)
            told.fields |= fields
            told.reason = reason
        return told

    async def _connect_and_ask(self, address: str) -> Answer:
        if self._secure:
            context = client_context(self.settings.ca_file, trust=self.settings.trust)
            clock = self.around.clock
            made = await connect(address, self._port, self._host, context, clock, HEAD_BYTES_MAX)
        else:
            made = Connected(*await asyncio.open_connection(address, self._port, limit=HEAD_BYTES_MAX))
        try:
            if made.refused:  # nothing that is secret is said to it
                return Answer(True, made.took_ms, made.fields, made.refused)
            told = await self._ask(Talk(made.reader, made.writer))
        finally:
            made.writer.transport.abort()
        told.fields = made.fields | told.fields
        return told

    async def _ask(self, talk: Talk) -> Answer:
        clock = self.around.clock
        sent_s = clock.now().mono_s
        await talk.request("OPTIONS", self.target)
        latency_ms = (clock.now().mono_s - sent_s) * 1000
        accept = {"Accept": "application/sdp"}
        response = await talk.request("DESCRIBE", self.target, accept)
        if response.status == 401 and self.settings.user:
            challenges = response.all_of("www-authenticate")
            authorization = answer(challenges, "DESCRIBE", self.target, self.settings.user, self.settings.password)
            if authorization is None:
                return Answer(True, latency_ms, reason=f"it asks for what the agent cannot do: {challenges}")
            response = await talk.request("DESCRIBE", self.target, accept | {"Authorization": authorization})
        if response.status in _REFUSED:
            whose = f"user {self.settings.user!r}" if self.settings.user else "an unnamed user"
            return Answer(True, latency_ms, reason=f"it refuses {whose}: {response.status} {response.text}")
        if 300 <= response.status < 400:  # its own word must not send the agent to another address
            where = ", ".join(response.all_of("location"))[:120]
            return Answer(False, latency_ms, reason=Reason("sent_elsewhere", {"where": where}))
        if response.status != 200:
            return Answer(False, latency_ms, reason=f"DESCRIBE: {response.status} {response.text}")
        if "m=video" not in response.body:
            return Answer(False, latency_ms, reason="its description names no video")
        rate = _FRAME_RATE.search(response.body)
        return Answer(True, latency_ms, {"fps_expected": float(rate[1])} if rate else {})
