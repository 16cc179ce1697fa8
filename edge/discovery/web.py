"""Asks a web port what it is: a page's title, a camera's ONVIF, a cash machine's XFS4IoT."""

from __future__ import annotations

import asyncio
import re
import ssl

from edge.discovery.found import Found, Service, plain
from edge.probes.onvif.asking import Device, HttpError
from edge.probes.onvif.soap import DEVICE, Fault
from edge.probes.tls import client_context
from edge.probing import Around

ANSWER_S = 2.0
"""How long one answer is waited for."""
_PAGE_BYTES_MAX = 32_768
_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})")
_SERVER = re.compile(rb"^server:[ \t]*([^\r\n]{1,200})", re.IGNORECASE | re.MULTILINE)
_REALM = re.compile(rb"^www-authenticate:[^\r\n]{0,80}realm=\"([^\"\r\n]{1,80})\"", re.IGNORECASE | re.MULTILINE)
_TITLE = re.compile(rb"<title[^>]{0,80}>(.{0,200}?)</title>", re.IGNORECASE | re.DOTALL)
_ONVIF_PATH = "/onvif/device_service"
_XFS = "/xfs4iot/v1.0"


async def http(found: Found, port: int, around: Around) -> list[Service]:
    """A page, and what else is behind it: ONVIF, XFS4IoT."""
    return await _web(found, port, None)


async def https(found: Found, port: int, around: Around) -> list[Service]:
    """As `http`, whoever signed its certificate."""
    return await _web(found, port, client_context("", trust=False))


async def _web(found: Found, port: int, secure: ssl.SSLContext | None) -> list[Service]:
    made: list[Service] = []
    for ask in (_page, _onvif, _xfs):  # some cameras have no page, and break off when they are asked for one
        try:
            async with asyncio.timeout(ANSWER_S):
                made += await ask(found, port, secure)
        except (TimeoutError, OSError, EOFError, ValueError, HttpError, Fault, asyncio.LimitOverrunError):
            continue
    return made


async def _page(found: Found, port: int, secure: ssl.SSLContext | None) -> list[Service]:
    data = await _get(found.address, port, secure, "/")
    status = _STATUS.match(data)
    if status is None:
        return []
    words = {"server": _SERVER.search(data), "title": _TITLE.search(data), "realm": _REALM.search(data)}
    detail = {name: plain(match[1].decode("utf-8", "replace")) for name, match in words.items() if match}
    page = {"status": status[1].decode(), "scheme": "https" if secure else "http"} | detail
    return [Service("http", port, detail.get("title") or detail.get("realm") or detail.get("server", ""), page)]


async def onvif(found: Found, port: int, around: Around) -> list[Service]:
    """Where an announcement says that it is."""
    return await _onvif(found, port, None)


async def _onvif(found: Found, port: int, secure: ssl.SSLContext | None) -> list[Service]:
    """GetSystemDateAndTime, which every device tells to everybody."""
    announced = found.of("onvif")
    path = (announced.detail.get("path") if announced is not None and announced.port == port else "") or _ONVIF_PATH
    device = Device(found.address, port, found.address, "", "", secure)
    try:
        await device.call(path, DEVICE, "GetSystemDateAndTime", 0, signed=False)
    except Fault as fault:
        if not fault.is_refusal:
            raise
    return [Service("onvif", port, "", {"path": path} | ({"scheme": "https"} if secure else {}))]


async def _xfs(found: Found, port: int, secure: ssl.SSLContext | None) -> list[Service]:
    upgrade = "Upgrade: websocket\r\nSec-WebSocket-Key: c2hvdXdhbmcgbG9va3MgIQ==\r\nSec-WebSocket-Version: 13\r\n"
    data = await _get(found.address, port, secure, _XFS, "Upgrade", upgrade)
    scheme = "wss" if secure else "ws"
    return [Service("xfs4iot", port, "", {"scheme": scheme, "path": _XFS})] if data[9:12] == b"101" else []


async def _get(
    address: str, port: int, secure: ssl.SSLContext | None, path: str, connection: str = "close", more: str = ""
) -> bytes:
    """The answer's beginning, as much as comes in time."""
    reader, writer = await asyncio.open_connection(
        address, port, ssl=secure, server_hostname=address if secure else None
    )
    data = b""
    try:
        host = address if port in (80, 443) else f"{address}:{port}"
        head = f"Host: {host}\r\nUser-Agent: shouwang\r\nConnection: {connection}\r\n{more}"
        writer.write(f"GET {path} HTTP/1.1\r\n{head}\r\n".encode())
        async with asyncio.timeout(0.7 * ANSWER_S):
            while len(data) < _PAGE_BYTES_MAX and (piece := await reader.read(8_192)):
                data += piece
                if data[9:12] == b"101" or b"</title>" in data.lower():
                    break
    except (TimeoutError, ConnectionError):
        pass
    finally:
        writer.transport.abort()
    return data
