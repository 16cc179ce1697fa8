"""TLS towards a device, and what its certificate says: whether it is trusted, and how many days it is still good."""

from __future__ import annotations

import asyncio
import contextlib
import os
import ssl
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from edge.steps import TLS, step
from shouwang.certificates import days_left, ends_at_ms
from shouwang.clock import Clock


@dataclass(slots=True)
class Connected:
    """A connection in TLS. `fields`: `certificate_trusted` and `certificate_days_left`. `refused`: why its certificate
    is not trusted; nothing that is secret may then be said."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    took_ms: float = 0.0
    fields: dict[str, Any] = field(default_factory=dict)
    refused: str = ""


async def connect(
    address: str, port: int, server_name: str, trusting: ssl.SSLContext, clock: Clock, limit: int = 65_536
) -> Connected:
    """Connects and shakes hands; where the certificate is refused, once more without asking about it, so that it can be
    looked at. Raises OSError (of which ssl.SSLError is one); who calls says how long it may take."""
    try:
        return await _connect(address, port, server_name, trusting, clock, limit, trusted=True)
    except ssl.SSLCertVerificationError as error:
        looking = client_context("", trust=False)
        made = await _connect(address, port, server_name, looking, clock, limit, trusted=False)
        made.refused = error.verify_message
        return made


@cache
def client_context(ca_file: str, *, trust: bool) -> ssl.SSLContext:
    """TLS towards a device, one context for all. Where certificates do not count, old devices may speak as they can.
    Raises OSError for a `ca_file` that cannot be read."""
    if trust:
        return ssl.create_default_context(cafile=ca_file or None, capath=None if ca_file else _authorities())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    return context


def _authorities() -> str | None:
    """The system's folder of authorities, each in a file by its hash: OpenSSL reads the one that it needs. Its list
    of all of them takes 1.4 MB; None where there is that alone, or where somebody has named another."""
    paths = ssl.get_default_verify_paths()
    if os.environ.get(paths.openssl_cafile_env) or not paths.capath:
        return None
    return paths.capath if any(Path(paths.capath).glob("*.0")) else None


async def _connect(
    address: str, port: int, server_name: str, context: ssl.SSLContext, clock: Clock, limit: int, *, trusted: bool
) -> Connected:
    began = clock.now()
    with step(TLS):
        reader, writer = await asyncio.open_connection(
            address, port, ssl=context, server_hostname=server_name, limit=limit
        )
    ended = clock.now()
    fields: dict[str, Any] = {"certificate_trusted": trusted}
    with contextlib.suppress(ValueError):  # a certificate that OpenSSL reads and we do not: its days are not known
        ends_ms = ends_at_ms(writer.get_extra_info("ssl_object").getpeercert(True) or b"")
        fields["certificate_days_left"] = round(days_left(ends_ms, ended.wall_ms), 2)
    return Connected(reader, writer, (ended.mono_s - began.mono_s) * 1000, fields)
