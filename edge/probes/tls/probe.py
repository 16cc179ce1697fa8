"""TLS: does a port speak it, is its certificate trusted, and how many days is it still good."""

from __future__ import annotations

import asyncio
import ssl
from datetime import UTC, datetime
from functools import cache
from typing import Any

import msgspec

from edge.probes.tcp import said
from edge.probing import Answer, Around, Probe, ProbeConfigError, host_and_port
from edge.steps import TLS, step
from shouwang.vocabulary import Driver

_DAY_MS = 86_400_000


class TlsSettings(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """`server_name`: the name on the certificate, where it is not the target's. `trust` False: a device's own
    certificate, signed by nobody, is fine. `ca_file`: authorities of one's own."""

    server_name: str = ""
    trust: bool = True
    ca_file: str = ""


class TlsProbe(Probe):
    """Target: `host:port` (443 where it is left out). A certificate that is refused leaves the device reachable:
    `certificate_trusted` and `certificate_days_left` say what is wrong."""

    driver = Driver.TLS
    Settings = TlsSettings

    def __init__(self, target: str, settings: Any, around: Around) -> None:
        super().__init__(target, settings, around)
        self._host, self._port = host_and_port(target, 443)
        try:
            self._trusting = client_context(settings.ca_file, trust=settings.trust)
        except OSError as error:
            raise ProbeConfigError(f"ca_file {settings.ca_file!r}: {said(error)}") from error
        self._looking = client_context("", trust=False)

    async def ask(self, timeout_s: float) -> Answer:
        """`latency_ms` covers connection and handshake."""
        try:
            async with asyncio.timeout(timeout_s):
                try:
                    return await self._shake_hands(self._trusting, trusted=True)
                except ssl.SSLCertVerificationError as error:
                    answer = await self._shake_hands(self._looking, trusted=False)
                    answer.reason = error.verify_message
                    return answer
        except TimeoutError:
            return Answer(False, reason=f"no TLS within {timeout_s:g} s")
        except ssl.SSLError as error:
            return Answer(False, reason=f"no TLS: {error.reason or error}")
        except OSError as error:
            return Answer(False, reason=said(error))

    async def _shake_hands(self, context: ssl.SSLContext, *, trusted: bool) -> Answer:
        clock = self.around.clock
        address = await self.around.allowed.resolve(self._host, self._port)
        began = clock.now()
        with step(TLS):
            _, writer = await asyncio.open_connection(
                address, self._port, ssl=context, server_hostname=self.settings.server_name or self._host
            )
        ended = clock.now()
        certificate = writer.get_extra_info("ssl_object").getpeercert(True)
        writer.transport.abort()
        days = (not_after_ms(certificate) - ended.wall_ms) / _DAY_MS
        fields = {"certificate_days_left": round(days, 2), "certificate_trusted": trusted}
        return Answer(True, (ended.mono_s - began.mono_s) * 1000, fields)


@cache
def client_context(ca_file: str, *, trust: bool) -> ssl.SSLContext:
    """TLS towards a device, one context for all. Where certificates do not count, old devices may speak as they can.
    Raises OSError for a `ca_file` that cannot be read."""
    if trust:
        return ssl.create_default_context(cafile=ca_file or None)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    return context


def not_after_ms(certificate: bytes) -> int:
    """Until when a DER certificate is good (RFC 5280, 4.1.2.5): epoch milliseconds. Raises ValueError."""
    _, certificate, _ = _element(certificate)
    _, tbs, _ = _element(certificate)
    at = 0
    fields: list[bytes] = []
    while at < len(tbs) and len(fields) < 6:
        tag, content, length = _element(tbs[at:])
        at += length
        if not (tag == 0xA0 and not fields):  # the version may be left out
            fields.append(content)
    _, _, first = _element(fields[3])  # serial, algorithm, issuer, validity
    tag, text, _ = _element(fields[3][first:])
    digits = text.decode("ascii")
    if tag == 0x17:  # UTCTime: two digits of the year
        digits = ("19" if digits[:2] >= "50" else "20") + digits
    return round(datetime.strptime(digits, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC).timestamp() * 1000)


def _element(data: bytes) -> tuple[int, bytes, int]:
    """Tag, content and whole length of the first DER element."""
    if len(data) < 2:
        raise ValueError("a certificate that ends too soon")
    length, start = data[1], 2
    if length & 0x80:
        start += length & 0x7F
        length = int.from_bytes(data[2:start], "big")
    return data[0], data[start : start + length], start + length
