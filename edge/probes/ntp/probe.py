"""Asks a time server once, and says how far our clock is off; stays away for a while from one that asks for it."""

from __future__ import annotations

import asyncio
import secrets
import socket
from typing import Any

import msgspec

from edge.probes.ntp.packet import NotNtpError, Told, offset_ms, read, request
from edge.probing import Answer, Around, Probe, ProbeConfigError, host_and_port
from edge.steps import ASK, NAME, step
from shouwang.reasons import Reason, reason_of
from shouwang.vocabulary import Driver

_AWAY_S = 3600.0


class NtpSettings(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """`believe_up_to_ms`: a server that is itself less certain of the time than this (its root distance, RFC 5905, 10)
    says nothing of ours."""

    believe_up_to_ms: float = 1500.0


class NtpProbe(Probe):
    """Target: `host[:port]`, port 123. Nothing is ever set: only looked at."""

    driver = Driver.NTP
    Settings = NtpSettings

    def __init__(self, target: str, settings: Any, around: Around) -> None:
        super().__init__(target, settings, around)
        self._host, self._port = host_and_port(target, 123)
        if not 1 <= settings.believe_up_to_ms <= 60_000:
            raise ProbeConfigError(f"believe_up_to_ms {settings.believe_up_to_ms:g}: between 1 and 60000")

    async def ask(self, timeout_s: float) -> Answer:
        """`clock_offset_ms` is our clock minus the server's: above 0, ours is ahead."""
        clock = self.around.clock
        away = self._away()
        if away is not None:
            return Answer(True, reason=Reason("asked_away", {"kiss": away}))
        strange: list[Reason] = []  # what came instead of an answer
        try:
            async with asyncio.timeout(timeout_s):
                with step(NAME):
                    address = await self.around.allowed.resolve(self._host, self._port)
                with step(ASK):
                    told, latency_ms, off_ms = await self._ask(address, strange)
        except TimeoutError:
            silent = Reason("no_answer_udp", {"s": timeout_s, "port": self._port})
            return Answer(False, reason=strange[0] if strange else silent)
        except OSError as error:
            return Answer(False, reason=reason_of(error))
        if told.kiss:  # RFC 5905, 7.4: RATE, DENY, RSTR and what may come
            self._left_alone()[(self._host, self._port)] = (clock.now().mono_s + _AWAY_S, told.kiss)
            return Answer(True, latency_ms, reason=Reason("asked_away", {"kiss": told.kiss}))
        distance_ms = (told.root_delay_s / 2 + told.root_dispersion_s) * 1000 + latency_ms / 2
        fields: dict[str, Any] = {"clock_stratum": told.stratum if told.synchronised else 16}
        fields["clock_root_dispersion_ms"] = round(told.root_dispersion_s * 1000, 1)
        if not told.synchronised:
            return Answer(True, latency_ms, fields, Reason("clock_not_known"))
        if distance_ms > self.settings.believe_up_to_ms:
            return Answer(True, latency_ms, fields, Reason("clock_uncertain", {"ms": round(distance_ms)}))
        return Answer(True, latency_ms, fields | {"clock_offset_ms": round(off_ms, 1)})

    def _away(self) -> str | None:
        """The code by which it asked to be left alone, while that holds."""
        until_s, kiss = self._left_alone().get((self._host, self._port), (float("-inf"), ""))
        return kiss if self.around.clock.now().mono_s < until_s else None

    def _left_alone(self) -> dict[tuple[str, int], tuple[float, str]]:
        """Whom not to ask until when: over all of the agent's probes, and over new configurations."""
        held = self.around.shared.setdefault("ntp-left-alone", _LeftAlone())
        assert isinstance(held, _LeftAlone)
        return held.until

    async def _ask(self, address: str, strange: list[Reason]) -> tuple[Told, float, float]:
        loop, clock = asyncio.get_running_loop(), self.around.clock
        with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.setblocking(False)
            await loop.sock_connect(sock, (address, self._port))  # from then on nobody else's datagrams come in
            token = secrets.token_bytes(8)
            sent_s = clock.now().mono_s
            await loop.sock_sendall(sock, request(token))
            while True:  # until the caller's time is over: the true answer may come after one that is late or forged
                packet = await loop.sock_recv(sock, 512)
                back = clock.now()
                try:
                    told = read(packet, token)
                except NotNtpError as error:
                    strange[:] = [Reason("answer_unreadable", {"text": str(error)})]
                    continue
                return told, (back.mono_s - sent_s) * 1000, offset_ms(told, sent_s, back.mono_s, back.wall_ms)


class _LeftAlone:
    def __init__(self) -> None:
        self.until: dict[tuple[str, int], tuple[float, str]] = {}

    def close(self) -> None:
        self.until.clear()
