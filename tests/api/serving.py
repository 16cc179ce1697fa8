"""The app over real HTTP, and a reader of its event stream."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
from fastapi import FastAPI

from api.server import Server, bound, config


@asynccontextmanager
async def serving(app: FastAPI) -> AsyncIterator[str]:
    """Serves the app on a free port of loopback; gives its address. Ends as the product ends."""
    with socket.socket(proto=socket.IPPROTO_TCP) as listening:
        bound(listening)
        listening.bind(("127.0.0.1", 0))
        server = Server(config(app, "127.0.0.1", 0))
        task = asyncio.create_task(server.serve([listening]))
        async with asyncio.timeout(10):
            while not server.started:  # noqa: ASYNC110  (uvicorn sets a flag, no event)
                await asyncio.sleep(0.01)
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            async with asyncio.timeout(15):
                await task


@dataclass
class Event:
    """One server-sent event; a comment has the name ''."""

    name: str
    id: int | None
    data: Any


class Events:
    """Reads a stream event by event, each within 10 s."""

    def __init__(self, answer: httpx.Response) -> None:
        self._lines = answer.aiter_lines()

    async def next(self, *names: str) -> Event:
        """The next event of these names (of any, where none is given); raises StopAsyncIteration at the end."""
        async with asyncio.timeout(10):
            while True:
                event = await self._one()
                if event.name and (not names or event.name in names):
                    return event

    async def to_the_end(self) -> None:
        """Reads until the server ends the stream; raises TimeoutError when it does not."""
        async with asyncio.timeout(10):
            async for _line in self._lines:
                pass

    async def _one(self) -> Event:
        event = Event("", None, None)
        while line := await anext(self._lines):
            field, _, value = line.partition(": ")
            if field == "event":
                event.name = value
            elif field == "id":
                event.id = int(value)
            elif field == "data":
                event.data = json.loads(value)
        return event


@asynccontextmanager
async def listening_to(url: str, token: str, last_id: int | None = None) -> AsyncIterator[Events]:
    """An open event stream."""
    headers = {"authorization": f"Bearer {token}"} | ({} if last_id is None else {"last-event-id": str(last_id)})
    async with (
        httpx.AsyncClient(base_url=url, timeout=15) as client,
        client.stream("GET", "/api/v1/stream", headers=headers) as answer,
    ):
        assert answer.status_code == 200, await answer.aread()
        assert answer.headers["content-type"].startswith("text/event-stream")
        yield Events(answer)
