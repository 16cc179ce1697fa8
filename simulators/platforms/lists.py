"""A platform that gives a list over HTTP, in pages: terminals of a call service, or an acquirer's POS."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

Entry = dict[str, Any]


def call_service(entries: list[Entry], page: int, size: int, total: int) -> Entry:
    """The answer of a call-terminal platform."""
    return {"code": 0, "msg": "ok", "data": {"total": total, "pageNo": page, "list": entries}}


def pos_management(entries: list[Entry], page: int, size: int, total: int) -> Entry:
    """The answer of an acquirer."""
    return {"retCode": "00", "retMsg": "", "rows": entries}


def refused_with_200(entries: list[Entry], page: int, size: int, total: int) -> Entry:
    """The error inside: what most of them do when their own database is down."""
    return {"code": 500, "retCode": "96", "msg": "系统繁忙", "retMsg": "系统繁忙", "data": None}


@dataclass(slots=True)
class ListPlatform:
    """`entries` may be changed while it runs; so may what it does wrong.

    `answer`: makes the answer. `same_page`: every page is the first. `claims`: it says that there are so many.
    `status`: of HTTP. `silent`: it takes connections and says nothing. `cut`: the JSON ends in the middle. `token`:
    what the header Authorization must be.
    """

    entries: list[Entry] = field(default_factory=list)
    answer: Callable[[list[Entry], int, int, int], Entry] = call_service
    page_parameter: str = "pageNo"
    size_parameter: str = "pageSize"
    size: int = 100
    same_page: bool = False
    claims: int | None = None
    status: int = 200
    silent: bool = False
    cut: bool = False
    token: str = ""
    port: int = 0
    asked: int = 0
    _server: Any = field(default=None, repr=False)

    async def start(self, address: str = "127.0.0.1") -> ListPlatform:
        """Listens; the port it got stands in `port`."""
        self._server = await asyncio.start_server(self._serve, address, self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/api/terminals"

    def stop(self) -> None:
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            self.asked += 1
            if self.silent:
                await asyncio.Event().wait()
            status = self.status
            if self.token and f"Authorization: {self.token}" not in head:
                status = 401
            asked = parse_qs(urlsplit(head.split(" ")[1]).query)
            page = 1 if self.same_page else int(asked.get(self.page_parameter, ["1"])[0])
            size = int(asked.get(self.size_parameter, [str(self.size)])[0])
            shown = self.entries[(page - 1) * size : page * size]
            total = len(self.entries) if self.claims is None else self.claims
            body = json.dumps(self.answer(shown, page, size, total), ensure_ascii=False).encode()
            body = body[: len(body) // 2] if self.cut else body
            head = f"HTTP/1.1 {status} .\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
            writer.write(head.encode() + body)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()
