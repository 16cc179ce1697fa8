"""Somebody else's SMTP server, with STARTTLS: real sockets, a certificate of its own, and ways to refuse."""

import asyncio
import ssl
import subprocess
from pathlib import Path
from typing import Self

from tests.servers import need_server


def certificate(folder: Path) -> tuple[Path, Path]:
    """A self-signed certificate for `localhost`, and its key."""
    made, key = folder / "cert.pem", folder / "key.pem"
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    new = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    command = [str(need_server("openssl")), "req", *new, *subject, "-keyout", str(key), "-out", str(made)]
    subprocess.run(command, check=True, capture_output=True)
    return made, key


class Postbox:
    """Takes mail. `refuse` maps the beginning of a command to the answer it gets; `hang_at` a command without any."""

    def __init__(self, folder: Path, refuse: dict[str, str] | None = None, hang_at: str = "", tls: bool = True) -> None:
        self.refuse = refuse or {}
        self.hang_at = hang_at
        self.tls = tls
        self.letters: list[str] = []
        self.commands: list[str] = []
        self.ca_file, key = certificate(folder)
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(self.ca_file, key)
        self._writers: set[asyncio.StreamWriter] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for writer in list(self._writers):
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            writer.write(b"220 box\r\n")
            while line := (await reader.readline()).decode().strip():
                self.commands.append(line)
                if self.hang_at and line.upper().startswith(self.hang_at):
                    await asyncio.Event().wait()
                refused = next((said for start, said in self.refuse.items() if line.upper().startswith(start)), None)
                if refused is not None:
                    writer.write(refused.encode() + b"\r\n")
                elif line.upper() == "STARTTLS":
                    writer.write(b"220 go\r\n")
                    await writer.drain()
                    await writer.start_tls(self._context)
                elif line.upper() == "DATA":
                    writer.write(b"354 go\r\n")
                    letter = await reader.readuntil(b"\r\n.\r\n")
                    self.letters.append(letter.decode().removesuffix(".\r\n"))
                    writer.write(b"250 taken\r\n")
                elif line.upper().startswith("EHLO"):
                    writer.write(
                        b"250-box\r\n250-AUTH PLAIN\r\n" + (b"250 STARTTLS\r\n" if self.tls else b"250 OK\r\n")
                    )
                elif line.upper().startswith("AUTH"):
                    writer.write(b"235 in\r\n")
                else:
                    writer.write(b"250 ok\r\n")
        except (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
            pass
        finally:
            self._writers.discard(writer)
            writer.close()
