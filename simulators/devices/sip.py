"""SIP devices on real sockets: they answer OPTIONS, register, send messages, and misbehave as asked.

Written apart from the agent's own SIP code, so that a mistake there does not meet the same one here.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import secrets
from collections import deque
from dataclasses import dataclass, field
from typing import Any, Self, cast

_PARAMETER = re.compile(r'(\w+)\s*=\s*"?([^",]*)"?')
_ECHOED = ("via", "from", "to", "call-id", "cseq")


@dataclass(slots=True)
class SipDevice(asyncio.DatagramProtocol):
    """One device with an address and port of its own; what it does wrong may be changed while it runs.

    `silent`: answers nothing. `status`: what it answers to OPTIONS. `lose`: so many requests first go unanswered.
    `half`: half an answer. `noise`: bytes that are no SIP. `forged`: an answer with another's branch. `delay_s`: slow.
    """

    user: str = "1001"
    password: str = ""
    status: str = "200 OK"
    silent: bool = False
    lose: int = 0
    half: bool = False
    noise: bool = False
    forged: bool = False
    delay_s: float = 0.0
    host: str = ""
    port: int = 0
    asked: int = 0
    received: list[tuple[str, bytes]] = field(default_factory=list)  # method and body of each request
    statuses: list[int] = field(default_factory=list)  # of answers to what we sent
    sent: deque[bytes] = field(default_factory=lambda: deque(maxlen=16), repr=False)  # our requests as they went out
    _transport: Any = field(default=None, repr=False)
    _waiting: dict[str, asyncio.Future[tuple[int, dict[str, str], bytes]]] = field(default_factory=dict, repr=False)
    _cseq: int = 0

    @classmethod
    async def start(cls, address: str = "127.0.0.1", port: int = 0, **how: Any) -> Self:
        """Listens on UDP; where stands in `host` and `port`."""
        made = cls(**how)
        await asyncio.get_running_loop().create_datagram_endpoint(lambda: made, local_addr=(address, port))
        return made

    def stop(self) -> None:
        """Unplugged."""
        self._transport.abort()

    @property
    def target(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    # --- what it is asked

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self.host, self.port = transport.get_extra_info("sockname")[:2]

    def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        first, headers, body = read(data)
        if first.startswith("SIP/2.0 "):
            future = self._waiting.get(headers.get("call-id", "") + " " + headers.get("cseq", ""))
            if future is not None and not future.done() and first[8] != "1":
                future.set_result((int(first[8:11]), headers, body))
            return
        self.asked += 1
        if self.silent or self.asked <= self.lose:
            return
        method = first.partition(" ")[0]
        self.received.append((method, body))
        status = self.status if method == "OPTIONS" else "200 OK"
        for answer in self._answers(status, data):
            asyncio.get_running_loop().call_later(self.delay_s, self._send, answer, addr)
        self.asked_for(method, headers, body, addr)

    def asked_for(self, method: str, headers: dict[str, str], body: bytes, addr: tuple[Any, int]) -> None:
        """For devices that do more than answer."""

    def _answers(self, status: str, request: bytes) -> list[bytes]:
        if self.noise:
            return [secrets.token_bytes(120)]
        head = request.partition(b"\r\n\r\n")[0].decode("utf-8", "replace").split("\r\n")[1:]
        kept = [line for line in head if line.partition(":")[0].strip().lower() in _ECHOED]
        if self.forged:
            kept = [re.sub(r"branch=[^;,\s]+", "branch=z9hG4bKother", line) for line in kept]
        made = [
            "\r\n".join([f"SIP/2.0 {each}", *kept, "Content-Length: 0", "", ""]).encode()
            for each in ("100 Trying", status)
        ]
        return [each[: len(each) // 2] for each in made] if self.half else made

    def say(self, data: bytes, server: tuple[str, int]) -> None:
        """Any bytes at all."""
        self._send(data, server)

    def _send(self, data: bytes, addr: tuple[Any, int]) -> None:
        if self._transport is not None and not self._transport.is_closing():
            cast(asyncio.DatagramTransport, self._transport).sendto(data, addr)

    # --- what it says

    async def register(self, server: tuple[str, int], expires: int = 3600, *, password: str | None = None) -> int:
        """Registers, answering a challenge; gives the last status, 0 where nobody answered."""
        said = [f"Contact: <sip:{self.user}@{self.target}>", f"Expires: {expires}"]
        return (await self.request("REGISTER", server, said, password=password))[0]

    async def message(
        self, server: tuple[str, int], content_type: str, body: bytes, *, password: str | None = None
    ) -> tuple[int, bytes]:
        """Sends a MESSAGE; gives the last status and the body of the answer."""
        status, _, answer = await self.request(
            "MESSAGE", server, [f"Content-Type: {content_type}"], body, password=password
        )
        return status, answer

    async def request(
        self,
        method: str,
        server: tuple[str, int],
        more: list[str],
        body: bytes = b"",
        *,
        password: str | None = None,
        within_s: float = 3.0,
    ) -> tuple[int, dict[str, str], bytes]:
        """One request, and a second one where a password is asked for."""
        secret = self.password if password is None else password
        call_id = secrets.token_hex(8)
        uri = f"sip:{self.user}@{server[0]}:{server[1]}"
        status, headers, answer = await self._once(method, uri, server, call_id, more, body, within_s)
        if status == 401 and secret:
            proof = digest(headers["www-authenticate"], method, uri, self.user, secret)
            proved = [*more, f"Authorization: {proof}"]
            status, headers, answer = await self._once(method, uri, server, call_id, proved, body, within_s)
        return status, headers, answer

    async def _once(
        self,
        method: str,
        uri: str,
        server: tuple[str, int],
        call_id: str,
        more: list[str],
        body: bytes,
        within_s: float,
    ) -> tuple[int, dict[str, str], bytes]:
        self._cseq += 1
        lines = [
            f"{method} {uri} SIP/2.0",
            f"Via: SIP/2.0/UDP {self.target};branch=z9hG4bK{secrets.token_hex(6)};rport",
            "Max-Forwards: 70",
            f"From: <sip:{self.user}@{server[0]}>;tag={secrets.token_hex(4)}",
            f"To: <sip:{self.user}@{server[0]}>",
            f"Call-ID: {call_id}",
            f"CSeq: {self._cseq} {method}",
            *more,
            f"Content-Length: {len(body)}",
            "",
            "",
        ]
        data = "\r\n".join(lines).encode() + body
        self.sent.append(data)
        future: asyncio.Future[tuple[int, dict[str, str], bytes]] = asyncio.get_running_loop().create_future()
        waiting = f"{call_id} {self._cseq} {method}"
        self._waiting[waiting] = future
        try:
            async with asyncio.timeout(within_s):
                for wait_s in (0.5, 1.0, 2.0, 4.0):
                    self._send(data, server)
                    done, _ = await asyncio.wait([future], timeout=wait_s)
                    if done:
                        break
                result = await future
        except TimeoutError:
            return 0, {}, b""
        finally:
            del self._waiting[waiting]
        self.statuses.append(result[0])
        return result


def read(data: bytes) -> tuple[str, dict[str, str], bytes]:
    """First line, headers (lower case, the first of each name), body."""
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("utf-8", "replace").split("\r\n")
    headers: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(":")
        headers.setdefault(name.strip().lower(), value.strip())
    return first, headers, body


def digest(challenge: str, method: str, uri: str, user: str, password: str) -> str:
    """An Authorization for the challenge (RFC 7616), MD5 or SHA-256, `qop` where it is offered."""
    said = dict(_PARAMETER.findall(challenge.partition(" ")[2]))
    algorithm = said.get("algorithm", "MD5")
    hashed = {"MD5": hashlib.md5, "SHA-256": hashlib.sha256}[algorithm]

    def h(*parts: str) -> str:
        return hashed(":".join(parts).encode()).hexdigest()

    ha1, ha2 = h(user, said["realm"], password), h(method, uri)
    made = f'Digest username="{user}", realm="{said["realm"]}", nonce="{said["nonce"]}", uri="{uri}"'
    if "qop" in said:
        cnonce = secrets.token_hex(4)
        response = h(ha1, said["nonce"], "00000001", cnonce, "auth", ha2)
        made += f', qop=auth, nc=00000001, cnonce="{cnonce}"'
    else:
        response = h(ha1, said["nonce"], ha2)
    return f'{made}, response="{response}", algorithm={algorithm}'


class StreamDevice:
    """A device that answers OPTIONS over TCP; `half`: it closes in the middle of an answer, `silent`: it says nothing,
    `drip_s`: a few bytes at a time."""

    def __init__(self, *, status: str = "200 OK", half: bool = False, silent: bool = False, drip_s: float = 0) -> None:
        self.status, self.half, self.silent, self.drip_s = status, half, silent, drip_s
        self.asked = 0

    async def start(self, address: str = "127.0.0.1") -> StreamDevice:
        self._server = await asyncio.start_server(self._serve, address, 0)
        self.port = self._server.sockets[0].getsockname()[1]
        self.target = f"{address}:{self.port}"
        return self

    def stop(self) -> None:
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            request = await reader.readuntil(b"\r\n\r\n")
            self.asked += 1
            if self.silent:
                await reader.read()
                return
            kept = [line for line in request.decode().split("\r\n") if line.partition(":")[0].lower() in _ECHOED]
            answer = "\r\n".join([f"SIP/2.0 {self.status}", *kept, "Content-Length: 0", "", ""]).encode()
            for part in [answer[: len(answer) // 2]] if self.half else _pieces(answer, self.drip_s):
                writer.write(part)
                await writer.drain()
                await asyncio.sleep(self.drip_s)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


def _pieces(data: bytes, drip_s: float) -> list[bytes]:
    return [data[n : n + 16] for n in range(0, len(data), 16)] if drip_s else [data]
