"""Looks at where we listen: which ports, and whether the console is to be had by others in the clear."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

from collector.doctor.around import Around
from collector.doctor.finding import Finding, found
from shouwang.settings import Loaded, Settings

EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104 -- compared


def ports(loaded: Loaded, _around: Around) -> Iterator[Finding]:
    """Whether somebody listens."""
    for key, host, port in _listeners(loaded.settings):
        try:
            with socket.create_connection((host, port), timeout=1.0):
                yield found("port_taken", key=key, port=port)
        except OSError:
            yield found("port_free", key=key, port=port)


def _listeners(settings: Settings) -> Iterator[tuple[str, str, int]]:
    api = "127.0.0.1" if settings.api.host in EVERYWHERE else settings.api.host
    yield "api.port", api, settings.api.port
    if settings.broker.url is None:
        yield "broker.port", "127.0.0.1", settings.broker.port


def console(loaded: Loaded, _around: Around) -> Iterator[Finding]:
    """What people open: `public_url`, which a proxy with TLS or a container's published port may stand behind; else
    where the API listens."""
    settings = loaded.settings
    where = settings.public_url
    parts = urlsplit(where)
    if parts.scheme != "https" and not is_here(parts.hostname or ""):
        yield found("console_in_clear", where=where)
        return
    yield found("console_good", where=where)
    if settings.notify.providers and is_here(parts.hostname or ""):
        yield found("console_nameless", where=where)


def is_here(host: str) -> bool:
    """Whether a host is this machine and no other."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
