"""Small devices on loopback that speak real protocols, for tests of the probes: a camera, a terminal, a page."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
import ssl
import subprocess
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self, cast

from tests.servers import need_server

_PARAMETER = re.compile(r'(\w+)="?([^",]*)"?')
SDP = "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=hall\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\na=framerate:12.5\r\n"


@dataclass
class Camera:
    """An RTSP server that wants Basic or Digest, checked as RFC 7616 says (apart from the agent's own code)."""

    schemes: tuple[str, ...] = ()  # of: basic, MD5, SHA-256
    user: str = "admin"
    password: str = "hall 2026"
    status: str = "200 OK"
    description: str = SDP
    hang: bool = False
    qop: bool = True
    asked: list[str] = field(default_factory=list)
    used: list[str] = field(default_factory=list)

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        self.url = f"rtsp://127.0.0.1:{self.port}/hall/1"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                first, *lines = head.decode().split("\r\n")
                method, _, _ = first.split(" ")
                headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
                self.asked.append(method)
                if self.hang:
                    await asyncio.Event().wait()
                extra, body, status = "", "", self.status if method == "DESCRIBE" else "200 OK"
                if (
                    method == "DESCRIBE"
                    and self.schemes
                    and not self._allowed(method, headers.get("authorization", ""))
                ):
                    status, extra = "401 Unauthorized", "".join(self._challenge(scheme) for scheme in self.schemes)
                elif method == "DESCRIBE" and status.startswith("200"):
                    body, extra = self.description, "Content-Type: application/sdp\r\n"
                length = f"Content-Length: {len(body)}\r\n" if body else ""
                writer.write(f"RTSP/1.0 {status}\r\nCSeq: {headers['cseq']}\r\n{extra}{length}\r\n{body}".encode())
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def _challenge(self, scheme: str) -> str:
        if scheme == "basic":
            return 'WWW-Authenticate: Basic realm="hall"\r\n'
        qop = ', qop="auth,auth-int"' if self.qop else ""
        return f'WWW-Authenticate: Digest realm="hall \\"1\\"", nonce="n0nce", algorithm={scheme}, opaque="o"{qop}\r\n'

    def _allowed(self, method: str, said: str) -> bool:
        scheme, _, rest = said.partition(" ")
        self.used.append(scheme)
        if scheme == "Basic" and "basic" in self.schemes:
            return base64.b64decode(rest).decode() == f"{self.user}:{self.password}"
        if scheme != "Digest":
            return False
        got = dict(_PARAMETER.findall(rest.replace('\\"', "'")))
        algorithm = got.get("algorithm", "MD5")
        self.used[-1] = algorithm
        hashed = {"MD5": hashlib.md5, "SHA-256": hashlib.sha256}[algorithm]

        def h(text: str) -> str:
            return hashed(text.encode()).hexdigest()

        a1, a2 = h(f'{self.user}:hall "1":{self.password}'), h(f"{method}:{got['uri']}")
        middle = f"n0nce:{got['nc']}:{got['cnonce']}:{got['qop']}" if self.qop else "n0nce"
        return bool(got["opaque"] == "o" and got["response"] == h(f"{a1}:{middle}:{a2}"))


class Terminal(asyncio.DatagramProtocol):
    """A call terminal that answers SIP OPTIONS; `lose` so many requests first."""

    def __init__(self, status: str = "200 OK", lose: int = 0) -> None:
        self.status, self.lose = status, lose
        self.asked = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.DatagramTransport, transport)
        self.port = transport.get_extra_info("sockname")[1]

    def datagram_received(self, data: bytes, addr: tuple[str | object, int]) -> None:
        self.asked += 1
        if self.asked <= self.lose:
            return
        kept = [
            line
            for line in data.decode().split("\r\n")
            if line.split(":")[0] in ("Via", "From", "To", "Call-ID", "CSeq")
        ]
        for status in ("100 Trying", self.status):
            answer = "\r\n".join([f"SIP/2.0 {status}", *kept, "Content-Length: 0", "", ""])
            self.transport.sendto(answer.encode(), addr)


async def terminal(status: str = "200 OK", lose: int = 0) -> Terminal:
    """A terminal on a port of its own."""
    _, made = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: Terminal(status, lose), local_addr=("127.0.0.1", 0)
    )
    return made


async def serve_bytes(
    answer: Callable[[bytes], bytes | Awaitable[bytes]], tls: ssl.SSLContext | None = None
) -> tuple[asyncio.Server, int]:
    """A TCP server that reads a request's head and answers what it is told."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            said = answer(await reader.readuntil(b"\r\n\r\n"))
            writer.write(said if isinstance(said, bytes) else await said)
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    return server, server.sockets[0].getsockname()[1]


def certificate(directory: Path, days: int = 9, name: str = "127.0.0.1") -> tuple[Path, Path]:
    """A self-signed certificate and its key, made by openssl, without which the test is skipped (under CI it fails)."""
    made, key = directory / f"{days}.pem", directory / f"{days}.key"
    asked = f"req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days {days} -subj /CN={name}".split()
    subprocess.run(
        [str(need_server("openssl")), *asked, "-addext", f"subjectAltName=IP:{name}", "-keyout", key, "-out", made],
        check=True,
        capture_output=True,
    )
    return made, key


def expired_certificate(directory: Path, name: str = "127.0.0.1") -> tuple[Path, Path]:
    """A self-signed certificate that was good in January 2024, and its key. `openssl req` makes none of the past."""
    openssl = str(need_server("openssl"))
    made, key, asked, config = (directory / f"expired.{end}" for end in ("pem", "key", "csr", "conf"))
    index = directory / "expired.index"
    index.touch()
    config.write_text(
        f"[ca]\ndefault_ca=own\n[own]\ndatabase={index}\nnew_certs_dir={directory}\ndefault_md=sha256\npolicy=any\nrand_serial=yes\n"
        f"x509_extensions=more\n[any]\ncommonName=supplied\n[more]\nbasicConstraints=CA:TRUE\nsubjectAltName=IP:{name}\n"
    )
    request = f"req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN={name}".split()
    subprocess.run([openssl, *request, "-keyout", key, "-out", asked], check=True, capture_output=True)
    dates = ["-startdate", "20240101000000Z", "-enddate", "20240201000000Z"]
    sign = ["ca", "-batch", "-selfsign", "-notext", *dates]
    files: list[str | Path] = ["-config", config, "-keyfile", key, "-in", asked, "-out", made]
    subprocess.run([openssl, *sign, *files], check=True, capture_output=True)
    return made, key
