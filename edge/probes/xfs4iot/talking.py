"""One connection to one service: commands with their completions, and the events that come of themselves."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

import msgspec

from edge.probes.tls import client_context
from edge.probing import Around, ProbeConfigError
from shouwang.reasons import Reason

_log = logging.getLogger("edge.xfs4iot")

BYTES_MAX = 1 << 20
_WAITING_MAX = 32
_PORTS = {"ws": 80, "wss": 443}
Event = Callable[[str, Mapping[str, Any]], None]
"""Is given an event's name and payload."""


class _Header(msgspec.Struct):
    name: str = ""
    requestId: int | None = None  # noqa: N815, as it stands on the wire
    type: str = ""
    status: str | None = None
    completionCode: str | None = None  # noqa: N815
    errorDescription: str | None = None  # noqa: N815


class _Message(msgspec.Struct):
    header: _Header
    payload: dict[str, Any] | None = None


_DECODER = msgspec.json.Decoder(_Message)


VERSIONS = ("1.0", "2.0", "3.0")
"""Of a command, oldest first: services take the version that they were written for, and refuse every other. Before 2.0
the payload holds the timeout, from then on a question has no payload. An old service that finds none may stop
altogether; a new one refuses an old version and goes on. So the oldest is asked first, and who refuses it as those of
2021 did, with the code in the payload, is asked in no other."""
_OF_ITS_VERSION = frozenset({"unsupportedCommand", "invalidCommand", "invalidMessage", "invalidData"})


class RefusedError(Exception):
    """A service that answers, and will not; `reason` says what it said, `code` in its own word where it stood in the
    header, as it does since 2023."""

    def __init__(self, reason: Reason, code: str = "") -> None:
        super().__init__(str(reason))
        self.reason, self.code = reason, code


def split(uri: str) -> tuple[str, int, bool]:
    """Host, port and whether by TLS. Raises ProbeConfigError."""
    try:
        parts = urlsplit(uri)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise ProbeConfigError(f"target {uri[:80]!r}: {error}") from error
    if parts.scheme not in _PORTS or not host or parts.query or not uri.isascii() or any(c.isspace() for c in uri):
        raise ProbeConfigError(f"target {uri[:80]!r}: expected ws://host:port/xfs4iot/v1.0, or wss://…")
    return host, port or _PORTS[parts.scheme], parts.scheme == "wss"


class Talk:
    """`event` is called on the loop for each event. It ends by itself when the service goes."""

    def __init__(self, socket_: Any, event: Event) -> None:
        self._socket = socket_
        self._event = event
        self._next = 0
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._versions: dict[str, str] = {}  # by command: the one that was taken
        self._reading = asyncio.get_running_loop().create_task(self._read())

    @classmethod
    async def open(cls, uri: str, around: Around, event: Event, *, trust: bool, ca_file: str) -> Talk:
        """Raises OSError, NotAllowedError, ProbeConfigError or RefusedError."""
        from websockets.asyncio.client import connect  # 4 MB: only where there is a cash machine
        from websockets.exceptions import InvalidHandshake, InvalidMessage

        host, port, secure = split(uri)
        address = await around.allowed.resolve(host, port)
        sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
        try:
            sock.setblocking(False)
            await asyncio.get_running_loop().sock_connect(sock, (address, port))
            more: dict[str, Any] = {"ssl": client_context(ca_file, trust=trust), "server_hostname": host}
            # On our own socket it follows no redirect elsewhere, and uses no proxy of the environment.
            opened = await connect(
                uri,
                sock=sock,
                compression=None,
                max_size=BYTES_MAX,
                max_queue=64,
                open_timeout=None,
                close_timeout=1,
                ping_interval=20,
                ping_timeout=20,
                proxy=None,
                **(more if secure else {}),
            )
        except (InvalidHandshake, InvalidMessage, ValueError) as error:  # ValueError: it points elsewhere
            sock.close()
            raise RefusedError(Reason("not_spoken", {"protocol": "WebSocket", "text": str(error)[:100]})) from error
        except BaseException:
            sock.close()
            raise
        return cls(opened, event)

    @property
    def open_still(self) -> bool:
        return not self._reading.done()

    async def command(self, name: str, timeout_s: float) -> dict[str, Any]:
        """The payload of a completion, in the version of the command that the service takes. Raises RefusedError,
        ConnectionError or TimeoutError."""
        refused: RefusedError | None = None
        known = self._versions.get(name)
        async with asyncio.timeout(timeout_s):
            for version in (known,) if known else VERSIONS:
                try:
                    payload = await self._ask(name, version, timeout_s)
                except RefusedError as error:
                    refused = refused or error
                    if error.code not in _OF_ITS_VERSION:
                        raise
                else:
                    self._versions[name] = version
                    return payload
        assert refused is not None
        raise refused

    async def _ask(self, name: str, version: str, timeout_s: float) -> dict[str, Any]:
        if self._reading.done():
            raise ConnectionResetError("the connection was closed")
        if len(self._waiting) >= _WAITING_MAX:
            raise TimeoutError
        self._next += 1
        number = self._next
        waiting = self._waiting[number] = asyncio.get_running_loop().create_future()
        timeout_ms = max(100, round(timeout_s * 1000))
        message: dict[str, Any] = {
            "header": {"name": name, "requestId": number, "type": "command", "version": version, "timeout": timeout_ms}
        }
        if version < "2":
            message["payload"] = {"timeout": timeout_ms}
        try:
            await self._socket.send(msgspec.json.encode(message).decode())
            payload: dict[str, Any] = await waiting
        except TimeoutError:
            raise
        except (OSError, RefusedError):
            raise
        except Exception as error:  # whatever the library calls a connection that went
            raise ConnectionResetError("the connection was closed") from error
        finally:
            self._waiting.pop(number, None)
        return payload

    def close(self) -> None:
        """At once."""
        self._reading.cancel()
        self._socket.transport.abort()

    async def _read(self) -> None:
        try:
            async for raw in self._socket:
                try:
                    self._took(_DECODER.decode(raw))
                except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError, ValueError):
                    _log.debug("a message that is none was passed over bytes=%d", len(raw))
        except asyncio.CancelledError:
            raise
        except Exception as error:  # the connection went, or said what cannot be: who waits is told
            _log.debug("connection ended reason=%r", str(error)[:100])
        finally:
            for waiting in self._waiting.values():
                if not waiting.done():
                    waiting.set_exception(ConnectionResetError("the connection was closed"))

    def _took(self, message: _Message) -> None:
        header, payload = message.header, message.payload or {}
        waiting = self._waiting.get(header.requestId or 0)
        kind = header.type.lower()
        if kind in ("unsolicited", "event") and (kind == "unsolicited" or waiting is None):
            self._event(header.name, payload)
        elif waiting is None or waiting.done():
            return
        elif kind == "completion":
            code = header.completionCode or payload.get("completionCode") or "success"
            if code == "success":
                waiting.set_result(payload)
            else:
                text = f"{header.name} {code}"
                waiting.set_exception(
                    RefusedError(Reason("answered", {"text": text[:150]}), header.completionCode or "")
                )
        elif kind.startswith("ack") and (refused := header.status or payload.get("status")) not in (None, "ok"):
            reason = Reason("answered", {"text": f"{header.name} {refused}"[:150]})
            waiting.set_exception(RefusedError(reason, header.status or ""))
