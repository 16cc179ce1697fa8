"""NUT servers that speak RFC 9271 on real sockets, with as many UPSes as wanted, and what goes wrong with them."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass, field
from typing import Any

Variables = dict[str, str]


def on_mains(charge: float = 100, runtime_s: float = 3_600) -> Variables:
    """A UPS at rest."""
    return {
        "ups.status": "OL",
        "battery.charge": f"{charge:g}",
        "battery.runtime": f"{runtime_s:g}",
        "input.voltage": "229.0",
        "ups.load": "14",
        "device.model": 'A "good" one',
    }


def on_battery(charge: float, runtime_s: float, *, low: bool = False) -> Variables:
    """One that runs down."""
    status = "OB DISCHRG LB" if low else "OB DISCHRG"
    return on_mains(charge, runtime_s) | {"ups.status": status, "input.voltage": "0.0"}


@dataclass(slots=True)
class NutServer:
    """`upses`: name → variables. What it does wrong may be changed while it runs.

    `error`: every LIST VAR is answered by this (`DATA-STALE`, `DRIVER-NOT-CONNECTED`). `silent`: it takes connections
    and says nothing. `half`: it closes in the middle of a list. `drip_s`: a byte at a time, so far apart. `endless`:
    the list has no end. `noise`: bytes of no meaning. `password`: of `user`, without which it refuses.
    """

    upses: dict[str, Variables]
    user: str = ""
    password: str = ""
    error: str = ""
    silent: bool = False
    half: bool = False
    drip_s: float = 0.0
    endless: bool = False
    noise: bool = False
    tls: ssl.SSLContext | None = None
    port: int = 0
    asked: list[str] = field(default_factory=list)
    _server: Any = field(default=None, repr=False)

    async def start(self, address: str = "127.0.0.1", port: int = 0) -> NutServer:
        """Listens; the port it got stands in `port`."""
        self._server = await asyncio.start_server(self._serve, address, port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    def stop(self) -> None:
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        user, allowed = "", not self.password
        try:
            while line := (await reader.readline()).decode("utf-8", "replace").rstrip("\r\n"):
                self.asked.append(line)
                if self.silent:
                    await asyncio.Event().wait()
                words = line.split(" ")
                match words:
                    case ["STARTTLS"] if self.tls is not None:
                        await self._send(writer, "OK STARTTLS\n")
                        await writer.start_tls(self.tls)
                        continue
                    case ["STARTTLS"]:
                        answer = "ERR FEATURE-NOT-CONFIGURED\n"
                    case ["USERNAME", user]:
                        answer = "OK\n"
                    case ["PASSWORD", password]:
                        allowed = (user, password) == (self.user, self.password)
                        answer = "OK\n" if allowed else "ERR ACCESS-DENIED\n"
                    case ["LOGOUT"]:
                        await self._send(writer, "OK Goodbye\n")
                        break
                    case _:
                        answer = self._answer(words) if allowed else "ERR ACCESS-DENIED\n"
                await self._send(writer, answer)
                if self.half:
                    break
        except (ConnectionError, asyncio.CancelledError, ValueError):
            pass
        finally:
            writer.close()

    def _answer(self, words: list[str]) -> str:
        if self.noise:
            return "\x00\xff\xfe\x01" * 30 + "\n"
        match words:
            case ["LIST", "UPS"]:
                names = "".join(f'UPS {name} "{name}"\n' for name in self.upses)
                return f"BEGIN LIST UPS\n{names}END LIST UPS\n"
            case ["LIST", "VAR", name] if name in self.upses:
                if self.error:
                    return f"ERR {self.error}\n"
                lines = "".join(f'VAR {name} {key} "{_quoted(value)}"\n' for key, value in self.upses[name].items())
                if self.endless:
                    return f"BEGIN LIST VAR {name}\n" + lines * 2_000
                return f"BEGIN LIST VAR {name}\n{lines}END LIST VAR {name}\n"
            case ["LIST" | "GET", _, *_]:
                return "ERR UNKNOWN-UPS\n"
        return "ERR UNKNOWN-COMMAND\n"

    async def _send(self, writer: asyncio.StreamWriter, answer: str) -> None:
        data = answer.encode("latin-1")
        if self.half:
            data = data[: len(data) // 2]
        if not self.drip_s:
            writer.write(data)
            await writer.drain()
            return
        for byte in data:
            writer.write(bytes((byte,)))
            await writer.drain()
            await asyncio.sleep(self.drip_s)


def _quoted(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"')
