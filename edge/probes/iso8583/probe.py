"""Sends one echo to the host, over a connection of its own, and says how the link to it is."""

from __future__ import annotations

import asyncio
import secrets
import ssl
from dataclasses import dataclass
from typing import Any

from edge.probes.iso8583 import wording
from edge.probes.iso8583.settings import Iso8583Settings
from edge.probes.tls import client_context
from edge.probing import Answer, Around, Probe, ProbeConfigError, host_and_port
from shouwang.clock import Now
from shouwang.reasons import Reason, reason_of
from shouwang.vocabulary import Driver

_STRANGE_MAX = 16
_MEANS = {"91": "issuer or switch inoperative", "96": "system malfunction", "92": "no route", "94": "sent twice"}


@dataclass(slots=True)
class LinkAnswer(Answer):
    """What is known of a link. It is silent on whether the terminal is reachable: nobody asked the terminal."""

    def as_fields(self) -> dict[str, Any]:
        made = Answer.as_fields(self)
        del made["reachable"]
        return made


class Iso8583Probe(Probe):
    """Target: `host:port` of the bank's host. `host_link`: whether our link to it carries messages; `latency_ms`: the
    round trip. It is no transaction, and says nothing of a terminal or a card."""

    driver = Driver.ISO8583
    Settings = Iso8583Settings

    def __init__(self, target: str, settings: Any, around: Around) -> None:
        super().__init__(target, settings, around)
        self._host, self._port = host_and_port(target)
        self._said: Iso8583Settings = settings
        self._said.check()
        self._spec = wording.specification(self._said)
        try:
            wording.question(self._said, self._spec, "000001", Now(0, 0))
        except ValueError as error:
            raise ProbeConfigError(f"the message cannot be written: {error}") from error
        self._tls: ssl.SSLContext | None = None
        if self._said.tls:
            try:
                self._tls = client_context(self._said.ca_file, trust=self._said.trust)
            except OSError as error:
                raise ProbeConfigError(f"ca_file {self._said.ca_file!r}: {error.strerror or error}") from error

    async def ask(self, timeout_s: float) -> Answer:
        """`reachable` of the answer: the host spoke. A late or foreign answer is passed over, and named if none
        comes."""
        strange: list[str] = []
        try:
            async with asyncio.timeout(timeout_s):
                code, latency_ms = await self._echo(strange)
        except TimeoutError:
            if strange:
                return _lost(Reason("link_strange", {"text": strange[-1]}))
            return _lost(Reason("link_silent", {"s": timeout_s}))
        except wording.NotOursError as error:
            return _lost(Reason("link_unreadable", {"text": str(error)[:150]}))
        except asyncio.IncompleteReadError as error:
            return _lost(Reason("link_closed", {"bytes": len(error.partial)}))
        except ssl.SSLCertVerificationError as error:
            return _lost(Reason("link_strange", {"text": f"its certificate is refused: {error.verify_message}"}))
        except ssl.SSLError as error:
            return _lost(Reason("link_strange", {"text": f"no TLS: {error.reason or error}"[:150]}))
        except OSError as error:
            return _lost(reason_of(error))
        fields = {"host_link": code in self._said.approved}
        if fields["host_link"]:
            return LinkAnswer(True, latency_ms, fields)
        means = _MEANS.get(code, "")
        return LinkAnswer(True, latency_ms, fields, Reason("link_refused", {"code": code or "none", "text": means}))

    async def _echo(self, strange: list[str]) -> tuple[str, float]:
        clock, said = self.around.clock, self._said
        address = await self.around.allowed.resolve(self._host, self._port)
        reader, writer = await asyncio.open_connection(
            address,
            self._port,
            ssl=self._tls,
            server_hostname=(said.server_name or self._host) if self._tls else None,
            limit=wording.BYTES_MAX,
        )
        try:
            stan = f"{1 + secrets.randbelow(999_999):06d}"
            began = clock.now()
            writer.write(wording.question(said, self._spec, stan, began))
            await writer.drain()
            for _ in range(_STRANGE_MAX):  # hosts speak up of their own, and a late answer may come first
                head = await reader.readexactly(wording.size_of_head(said))
                got = wording.read(self._spec, await reader.readexactly(wording.size_in(said, head)))
                if got["t"] != said.answer:
                    strange.append(f"a message {got['t']}, not {said.answer}")
                elif not wording.same_number(got.get("11", ""), stan):
                    strange.append("an answer with another trace number (field 11)")
                else:
                    return got.get("39", ""), (clock.now().mono_s - began.mono_s) * 1000
            raise wording.NotOursError(f"{_STRANGE_MAX} messages, and none the answer: {strange[-1]}")
        finally:
            writer.transport.abort()


def _lost(reason: Reason | str) -> LinkAnswer:
    return LinkAnswer(False, None, {"host_link": False}, reason)
