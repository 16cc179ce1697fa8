"""Opens a TCP connection, TLS where asked, on the running loop: a thread for names alone, and always a limit."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import logging
import os
import socket
import ssl
from collections.abc import Callable
from pathlib import Path

from shouwang import clock
from shouwang.certificates import due, ends_at_ms, file_ends_at_ms, in_words
from shouwang.publishes import MORE, Publish, read_publish

_log = logging.getLogger("shouwang.dial")

NAME_TIMEOUT_S = 5.0
_PLAUSIBLE_MS = 1_700_000_000_000  # November 2023: a clock before this has not been set
_EXPIRED, _NOT_YET_VALID = 10, 9  # X509_V_ERR_*
_BUFFER_BYTES = 65_536


class DialError(OSError):
    """A connection that could not be made; the message says what to look at."""


class Dialler:
    """Connects to one place again and again; an address that once worked is used when the name does not resolve.
    `source`: the way out, an address of this machine or the name of an interface (which needs CAP_NET_RAW)."""

    def __init__(self, host: str, port: int, tls: ssl.SSLContext | None = None, source: str = "") -> None:
        self.host = host
        self.port = port
        self._source = source
        self._tls = tls
        self._last_good: tuple[int, tuple[str, int]] | None = None
        self._said_days: int | None = None

    async def dial(self, timeout_s: float) -> Connection:
        """A connected, non-blocking connection. Raises DialError within `timeout_s`."""
        try:
            async with asyncio.timeout(timeout_s):
                return await self._dial()
        except TimeoutError:
            raise DialError(f"{self.host}:{self.port} did not answer within {timeout_s:g} s") from None
        except ssl.SSLCertVerificationError as error:
            raise DialError(certificate_trouble(self.host, self.port, error)) from error
        except ssl.SSLError as error:
            raise DialError(f"{self.host}:{self.port} does not speak TLS as expected: {error}") from error
        except DialError:
            raise
        except OSError as error:
            said = os.strerror(error.errno) if error.errno else str(error)
            raise DialError(f"{self.host}:{self.port}: {said}") from error

    async def _dial(self) -> Connection:
        trouble: OSError = DialError(f"{self.host}: no address")
        for family, address in await self._addresses():
            try:
                sock = await self._open(family, address)
            except ssl.SSLError:
                raise
            except OSError as error:
                trouble = error
            else:
                self._last_good = (family, address)
                return Connection(sock)
        raise trouble

    async def _addresses(self) -> list[tuple[int, tuple[str, int]]]:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(NAME_TIMEOUT_S):
                found = await loop.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)
        except (OSError, TimeoutError) as error:
            if self._last_good is None:
                raise DialError(
                    f"the name {self.host!r} does not resolve: {str(error) or 'no answer in time'}"
                ) from error
            return [self._last_good]
        return [(family, (str(address[0]), int(address[1]))) for family, _, _, _, address in found]

    async def _open(self, family: int, address: tuple[str, int]) -> socket.socket:
        loop = asyncio.get_running_loop()
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            sock.setblocking(False)
            _leave_by(sock, self._source)
            await loop.sock_connect(sock, address)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._tls is None:
                return sock
            sock = self._tls.wrap_socket(sock, server_hostname=self.host, do_handshake_on_connect=False)
            await _shake_hands(sock)
            self._note_end(sock.getpeercert(binary_form=True))
        except BaseException:
            sock.close()
            raise
        return sock

    def _note_end(self, certificate: bytes | None) -> None:
        """Says that the other side's certificate ends: 30, 7 and 1 days before, once each."""
        now_ms = clock.wall_ms()
        try:
            ends_ms = ends_at_ms(certificate or b"")
        except ValueError:
            return  # it was trusted, and yet is of a shape that we do not know
        days = due(ends_ms, now_ms)
        if days is not None and days != self._said_days:
            when = in_words(ends_ms, now_ms)
            _log.warning("the certificate of %s:%d %s: it must be renewed", self.host, self.port, when)
        self._said_days = days


class Connection:
    """A socket for paho: what arrives is read in large pieces and given out in the small ones that paho asks for, or
    packet by packet past it; what is sent between `gather` and `flush` goes out in one piece."""

    __slots__ = ("_at", "_buffer", "_gathering", "_out", "_sock")

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._out = bytearray()
        self._gathering = False
        self._buffer = b""
        self._at = 0

    def recv(self, size: int) -> bytes:
        """Up to `size` bytes; b"" at the end. Raises BlockingIOError (or the TLS kind of it) when there is nothing."""
        if self._at == len(self._buffer):
            if size >= _BUFFER_BYTES:
                return self._sock.recv(size)
            self._buffer, self._at = b"", 0
            self._buffer = self._sock.recv(_BUFFER_BYTES)
        piece = self._buffer[self._at : self._at + size]
        self._at += len(piece)
        if self._at == len(self._buffer):
            self._buffer, self._at = b"", 0  # an idle connection holds no buffer
        return piece

    def publish(self) -> Publish | None:
        """The next packet, where it is a whole PUBLISH of the plain kind; None leaves it to paho. To be called between
        two packets only."""
        found = read_publish(self._buffer, self._at)
        if found is MORE:
            with contextlib.suppress(OSError):  # what is wrong with the socket paho finds out as well
                self._buffer, self._at = self._buffer[self._at :] + self._sock.recv(_BUFFER_BYTES), 0
            found = read_publish(self._buffer, self._at)
        if not isinstance(found, Publish):
            return None
        self._at = found.end
        if self._at == len(self._buffer):
            self._buffer, self._at = b"", 0
        return found

    def waiting(self) -> bool:
        """Whether something is read already that the loop's selector cannot see."""
        if self._at < len(self._buffer):
            return True
        return isinstance(self._sock, ssl.SSLSocket) and self._sock.pending() > 0

    def send(self, data: bytes | bytearray) -> int:
        """Raises BlockingIOError (or the TLS kind of it) when nothing can be taken now."""
        if self._gathering:
            self._out += data
            return len(data)
        if self._out and not self.flush():
            raise BlockingIOError
        self._out += data  # all of it or nothing, so that no other packet comes in between
        self.flush()
        return len(data)

    def put(self, data: bytes) -> None:
        """To go out with the next `flush`: whole packets."""
        self._out += data

    def gather(self) -> None:
        """Keeps what is sent until `flush`."""
        self._gathering = True

    def flush(self) -> bool:
        """Sends what was gathered; False while some of it waits for the socket. Raises OSError when that is gone."""
        self._gathering = False
        try:
            while self._out:
                del self._out[: self._sock.send(self._out)]
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return False
        return True

    def fileno(self) -> int:
        return self._sock.fileno()

    def setblocking(self, flag: bool) -> None:
        self._sock.setblocking(flag)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self.flush()  # a goodbye may be among it
        self._sock.close()

    @property
    def local_address(self) -> str:
        """The address it goes out from, as text."""
        return str(self._sock.getsockname()[0])


def _leave_by(sock: socket.socket, source: str) -> None:
    if not source:
        return
    try:
        ipaddress.ip_address(source)
    except ValueError:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, source.encode() + b"\0")
    else:
        sock.bind((source, 0))


def tls_context(
    ca_file: Path | None = None, certificate: Path | None = None, key: Path | None = None
) -> ssl.SSLContext:
    """A client's TLS: the machine's authorities, or only those of `ca_file`; its own certificate where it has one. Of
    these files it says at once when they end within 30 days."""
    context = ssl.create_default_context(cafile=None if ca_file is None else str(ca_file))
    if certificate is not None:
        context.load_cert_chain(str(certificate), None if key is None else str(key))
    for path in (ca_file, certificate):
        if path is not None:
            _note_file(path, authorities=path is ca_file)
    return context


def _note_file(path: Path, *, authorities: bool) -> None:
    now_ms = clock.wall_ms()
    try:
        ends_ms = file_ends_at_ms(path, authorities=authorities)
    except (OSError, ValueError):
        return  # TLS has taken it, and it is written in a way that we do not read
    if due(ends_ms, now_ms) is not None:
        _log.warning("the certificate in %s %s: it must be renewed", path, in_words(ends_ms, now_ms))


def certificate_trouble(host: str, port: int, error: ssl.SSLCertVerificationError) -> str:
    """What is wrong with a certificate, in words; a clock that was never set is named, because then dates mislead."""
    said = f"{host}:{port}: its certificate is refused: {error.verify_message}"
    now_ms = clock.wall_ms()
    if error.verify_code in (_EXPIRED, _NOT_YET_VALID):
        said += f" (this machine's clock says {clock.rfc3339(now_ms)})"
        if now_ms < _PLAUSIBLE_MS:
            said += "; the clock is not set: set it, or let it be set by NTP"
    return said


async def _shake_hands(sock: ssl.SSLSocket) -> None:
    loop = asyncio.get_running_loop()
    while True:
        try:
            sock.do_handshake()
        except ssl.SSLWantReadError:
            await _ready(sock, loop.add_reader, loop.remove_reader)
        except ssl.SSLWantWriteError:
            await _ready(sock, loop.add_writer, loop.remove_writer)
        else:
            return


async def _ready(
    sock: socket.socket, add: Callable[[int, Callable[[], None]], None], remove: Callable[[int], bool]
) -> None:
    event = asyncio.Event()
    add(sock.fileno(), event.set)
    try:
        await event.wait()
    finally:
        remove(sock.fileno())
