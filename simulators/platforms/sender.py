"""A platform that sends: signed POSTs, again and again until it gets a 200."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from dataclasses import dataclass
from typing import Any


@dataclass(slots=True)
class Sender:
    """`secret`: with which it signs. `skew_s`: how wrong its clock is."""

    port: int
    secret: str
    path: str = "/nbiot"
    address: str = "127.0.0.1"
    skew_s: float = 0.0

    def signed(self, body: bytes, now_s: float) -> tuple[str, str]:
        """Timestamp and signature."""
        stamp = str(int(now_s + self.skew_s))
        return stamp, hmac.new(self.secret.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()

    async def send(self, said: Any, now_s: float) -> int:
        """The status that it got."""
        body = said if isinstance(said, bytes) else json.dumps(said).encode()
        return await self.post(body, *self.signed(body, now_s))

    async def post(self, body: bytes, stamp: str, signature: str) -> int:
        reader, writer = await asyncio.open_connection(self.address, self.port)
        try:
            head = f"POST {self.path} HTTP/1.1\r\nHost: feed\r\nContent-Type: application/json\r\n"
            head += f"X-Timestamp: {stamp}\r\nX-Signature: {signature}\r\nContent-Length: {len(body)}\r\n\r\n"
            writer.write(head.encode() + body)
            return int((await reader.readline()).split(b" ")[1])
        finally:
            writer.close()
