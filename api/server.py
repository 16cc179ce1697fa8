"""The HTTP server: uvicorn, told to end open streams when it stops."""

from __future__ import annotations

import socket

import uvicorn
from fastapi import FastAPI

STOP_WITHIN_S = 5


class Server(uvicorn.Server):
    """Ends event streams first: they would keep the server waiting for its whole grace."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        app = self.config.app
        if isinstance(app, FastAPI):
            app.state.hub.close()
        await super().shutdown(sockets)


def config(app: FastAPI, host: str, port: int) -> uvicorn.Config:
    """How we run uvicorn: one process, our own log, no headers of its own."""
    return uvicorn.Config(
        app,
        host=host,
        port=port,
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        date_header=True,
        proxy_headers=False,
        timeout_graceful_shutdown=STOP_WITHIN_S,
        timeout_keep_alive=30,
        h11_max_incomplete_event_size=64 * 1024,
        limit_concurrency=2_000,
        backlog=512,
    )
