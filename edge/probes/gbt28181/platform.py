"""The agent as upper platform: what is known of each device that registered, shared by listener and probes."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import cast

from edge.probes.gbt28181.catalogue import Catalogue
from edge.probes.gbt28181.document import CONTENT_TYPE, Command, Document, write_query
from edge.probing import Around
from edge.sip import Peer, Response, SipPort

_SN_MAX = 999_999
_WAITING_MAX = 1_000


@dataclass(slots=True)
class Line:
    """How a device is reached. `port` None: it was known before a restart, and has not spoken since."""

    peer: Peer
    port: SipPort | None
    heard_s: float


@dataclass(slots=True)
class Platform:
    """In `around.shared`. `code`: our own."""

    code: str = ""
    lines: dict[str, Line] = field(default_factory=dict)
    catalogues: dict[str, Catalogue] = field(default_factory=dict)
    ok: dict[str, bool] = field(default_factory=dict)
    listening: bool = False
    _sn: int = 0
    _waiting: dict[tuple[str, str], asyncio.Future[Document]] = field(default_factory=dict)

    async def query(self, command: Command, code: str) -> tuple[Response, asyncio.Future[Document]]:
        """Asks a device; gives what its SIP says at once, and a future of the document that may follow. The caller
        bounds the time, and calls `forget`. Raises LookupError for a device that has not registered, OSError."""
        line = self.lines.get(code)
        if line is None or line.port is None:
            raise LookupError(code)
        self._sn = self._sn % _SN_MAX + 1
        key = (code, str(self._sn))
        future: asyncio.Future[Document] = asyncio.get_running_loop().create_future()
        if len(self._waiting) < _WAITING_MAX:
            self._waiting[key] = future
        future.add_done_callback(lambda _: self._waiting.pop(key, None))
        try:
            response = await line.port.ask(
                "MESSAGE",
                f"sip:{code}@{line.peer.where}",
                line.peer,
                from_user=self.code,
                more=[("content-type", CONTENT_TYPE)],
                body=write_query(command, self._sn, code),
            )
        except BaseException:
            future.cancel()
            raise
        return response, future

    def answered(self, document: Document) -> None:
        """Hands a Response to who asked for it."""
        future = self._waiting.get((document.code, document.sn))
        if future is not None and not future.done():
            future.set_result(document)

    def catalogue(self, code: str) -> Catalogue:
        return self.catalogues.setdefault(code, Catalogue())

    def close(self) -> None:
        for future in list(self._waiting.values()):
            future.cancel()
        self.lines.clear()


def shared_platform(around: Around) -> Platform:
    """That of this agent."""
    return cast(Platform, around.shared.setdefault("gbt28181-platform", Platform()))
