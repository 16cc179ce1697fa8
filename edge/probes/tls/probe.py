"""TLS: does a port speak it, is its certificate trusted, and how many days is it still good."""

from __future__ import annotations

import asyncio
import ssl
from typing import Any

import msgspec

from edge.probes.tcp import said
from edge.probes.tls.connecting import client_context, connect
from edge.probing import Answer, Around, Probe, ProbeConfigError, host_and_port
from shouwang.vocabulary import Driver


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

    async def ask(self, timeout_s: float) -> Answer:
        """`latency_ms` covers connection and handshake."""
        try:
            async with asyncio.timeout(timeout_s):
                address = await self.around.allowed.resolve(self._host, self._port)
                name = self.settings.server_name or self._host
                made = await connect(address, self._port, name, self._trusting, self.around.clock)
        except TimeoutError:
            return Answer(False, reason=f"no TLS within {timeout_s:g} s")
        except ssl.SSLError as error:
            return Answer(False, reason=f"no TLS: {error.reason or error}")
        except OSError as error:
            return Answer(False, reason=said(error))
        made.writer.transport.abort()
        return Answer(True, made.took_ms, made.fields, made.refused)
