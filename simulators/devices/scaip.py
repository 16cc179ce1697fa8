"""Social alarm terminals that speak SCAIP on real sockets, in the dialects that public implementations show."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, field
from typing import Any

from simulators.devices.sip import SipDevice

CONTENT_TYPE = "application/scaip+xml"
_STATUS = re.compile(rb"<snu>(\d+)</snu>")
_REF = re.compile(rb"<ref>([^<]+)</ref>")


@dataclass(slots=True)
class Terminal(SipDevice):
    """One terminal. `replies`: what it was told in MESSAGEs of their own, as (ref, status number)."""

    replies: list[tuple[str, int]] = field(default_factory=list)

    async def heartbeat(self, server: tuple[str, int]) -> int:
        return await self.say_mrq(server, mty="PI", dty="0002", stc="0102", crd="no-voice:")

    async def help_call(self, server: tuple[str, int], *, ref: str = "") -> int:
        """The pendant is pressed."""
        return await self.say_mrq(server, ref=ref, mty="ME", dty="0003", stc="0010", crd="gsm:+4700000000")

    async def say_mrq(self, server: tuple[str, int], *, ref: str = "", **tags: str) -> int:
        """Sends a message; gives the SIP status, 0 where nobody answered."""
        fields = {"ref": ref or secrets.token_hex(8), "cid": self.user, **tags}
        body = "<mrq>" + "".join(f"<{name}>{value}</{name}>" for name, value in fields.items()) + "</mrq>"
        status, answer = await self.message(server, CONTENT_TYPE, body.encode())
        self._told(answer)
        return status

    def asked_for(self, method: str, headers: dict[str, str], body: bytes, addr: tuple[Any, int]) -> None:
        if method == "MESSAGE":
            self._told(body)

    def _told(self, body: bytes) -> None:
        ref, status = _REF.search(body), _STATUS.search(body)
        if ref and status:
            self.replies.append((ref[1].decode(), int(status[1])))
