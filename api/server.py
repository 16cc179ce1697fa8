"""The HTTP server: uvicorn, told to end open streams when it stops."""

from __future__ import annotations

import socket

import uvicorn
from fastapi import FastAPI

STOP_WITHIN_S = 5
GIVE_UP_AFTER_S = 30
"""A browser that takes nothing for so long is gone: its connection is ended, whatever it still acknowledges."""
SEND_BUFFER_BYTES = 128 * 1024


class Server(uvicorn.Server):
    """Ends event streams first: they would keep the server waiting for its whole grace."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        app = self.config.app
        if isinstance(app, FastAPI):
            app.state.hub.close()
        await super().shutdown(sockets)


def bound(listening: socket.socket) -> None:
    """Bounds what a browser that does not read can hold of us, memory and time (tcp(7); what is set on the listening
    socket holds for each connection)."""
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
    if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, GIVE_UP_AFTER_S * 1000)


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
