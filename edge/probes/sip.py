"""SIP OPTIONS over UDP (RFC 3261, 11): a call terminal that answers is alive, whatever its registrar believes."""

from __future__ import annotations

import asyncio
import re
import secrets
from typing import Any

import msgspec

from edge.probes.tcp import said
from edge.probing import Answer, Around, Probe, ProbeConfigError, host_and_port
from shouwang.vocabulary import Driver

_T1_S = 0.5  # RFC 3261, 17.1.2.1: first wait before sending again, doubling
_BRANCH = re.compile(r"(?im)^(?:via|v)\s*:.*?;\s*branch=([^;,\s]+)")
_USER = re.compile(r"[A-Za-z0-9_.!~*'()&=+$,;?/-]{1,64}")
_DEAD = (408, 502, 503, 504)


class SipSettings(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """`user`: the part before the @ of the terminal's address."""

    user: str = "probe"


class SipProbe(Probe):
    """Target: `host[:port]`."""

    driver = Driver.SIP
    Settings = SipSettings

    def __init__(self, target: str, settings: Any, around: Around) -> None:
        super().__init__(target, settings, around)
        self._host, self._port = host_and_port(target.removeprefix("sip:"), 5060)
        if not _USER.fullmatch(settings.user):
            raise ProbeConfigError(f"user {settings.user!r} is none of SIP")

    async def ask(self, timeout_s: float) -> Answer:
        """Any final answer but "nobody there" means that it is alive: even 401, 405 or 486 (busy)."""
        clock = self.around.clock
        try:
            async with asyncio.timeout(timeout_s):
                address = await self.around.allowed.resolve(self._host, self._port)
                transport, talk = await asyncio.get_running_loop().create_datagram_endpoint(
                    _Talk, remote_addr=(address, self._port)
                )
                try:
                    sent_s = clock.now().mono_s
                    status = await self._ask(transport, talk, address)
                    latency_ms = (clock.now().mono_s - sent_s) * 1000
                finally:
                    transport.abort()
        except TimeoutError:
            return Answer(False, reason=f"no answer within {timeout_s:g} s")
        except OSError as error:
            return Answer(False, reason=said(error))
        if status in _DEAD:
            return Answer(False, latency_ms, reason=f"status {status}")
        return Answer(True, latency_ms)

    async def _ask(self, transport: asyncio.DatagramTransport, talk: _Talk, address: str) -> int:
        here, port = transport.get_extra_info("sockname")[:2]
        local = f"[{here}]:{port}" if ":" in here else f"{here}:{port}"
        there = f"[{address}]:{self._port}" if ":" in address else f"{address}:{self._port}"
        uri = f"sip:{self.settings.user}@{there}"
        talk.branch = "z9hG4bK" + secrets.token_hex(8)
        request = "\r\n".join(
            [
                f"OPTIONS {uri} SIP/2.0",
                f"Via: SIP/2.0/UDP {local};branch={talk.branch};rport",
                "Max-Forwards: 70",
                f"From: <sip:shouwang@{local}>;tag={secrets.token_hex(4)}",
                f"To: <{uri}>",
                f"Call-ID: {secrets.token_hex(12)}",
                "CSeq: 1 OPTIONS",
                f"Contact: <sip:shouwang@{local}>",
                "Accept: application/sdp",
                "User-Agent: shouwang",
                "Content-Length: 0",
                "",
                "",
            ]
        ).encode()
        wait_s = _T1_S
        while True:  # until the caller's time is over
            transport.sendto(request)
            done, _ = await asyncio.wait([talk.final], timeout=wait_s)
            if done:
                return talk.final.result()
            wait_s *= 2


class _Talk(asyncio.DatagramProtocol):
    """One request's answers, known by their branch."""

    def __init__(self) -> None:
        self.branch = ""
        self.final: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    def datagram_received(self, data: bytes, addr: object) -> None:
        text = data[:4096].decode("utf-8", "replace")
        branch = _BRANCH.search(text)
        if self.final.done() or branch is None or branch[1] != self.branch:
            return
        status = re.match(r"SIP/2\.0 ([2-6]\d\d)", text)  # 1xx: it is still thinking
        if status is not None:
            self.final.set_result(int(status[1]))

    def error_received(self, exc: Exception) -> None:
        if not self.final.done() and isinstance(exc, OSError):
            self.final.set_exception(exc)  # a port that nobody listens on
