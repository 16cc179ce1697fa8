"""Takes what a platform sends by POST: signed, fresh, once, and answered only when it is on the disk."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
import re
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import msgspec

from edge.feed.mapping import Push
from edge.feed.sources.source import NotToldError, Source, Take
from edge.receiving import Answered, Asked, Bounds, Receiver
from edge.secrets import Secrets
from shouwang.clock import Clock

_log = logging.getLogger("edge.feed")

BODY_MAX = 1 << 20
_SIGNATURES_MAX = 50_000
_BOUNDS = Bounds(
    head=16_384, body=BODY_MAX, of_one=64, within_s=15.0, connects=(2_000.0, 1_000.0), refusals=(200.0, 50.0)
)
"""All that a platform says of thousands of devices comes from one address."""


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """Hexadecimal HMAC-SHA256 of `<timestamp>.<body>`; `timestamp`: seconds since 1970, as text."""
    return hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


class Doorman:
    """Decides whether a message is the platform's, and new. Pure; bounded."""

    def __init__(self, said: Push, secret: str) -> None:
        self._said, self._secret = said, secret
        self._seen: OrderedDict[str, float] = OrderedDict()

    def check(self, timestamp: str, signed: str, body: bytes, now_s: float) -> int:
        """The status to answer with: 200, 401 (not signed so, or not now), 409 (had already)."""
        if not re.fullmatch(r"[0-9]{1,11}", timestamp) or abs(now_s - int(timestamp)) > self._said.window_s:
            return 401
        if not hmac.compare_digest(signature(self._secret, timestamp, body).encode(), signed.lower().encode()):
            return 401
        while self._seen and next(iter(self._seen.values())) < now_s - 2 * self._said.window_s:
            self._seen.popitem(last=False)
        return 409 if signed.lower() in self._seen else 200

    def remember(self, signed: str, now_s: float) -> None:
        """It was kept: from now on it is a repeat. Not before, so that a platform may try again what failed here."""
        self._seen[signed.lower()] = now_s
        if len(self._seen) > _SIGNATURES_MAX:
            self._seen.popitem(last=False)


class PushSource(Source):
    """One port, for one platform."""

    fetches = False

    def __init__(self, said: Push, secrets: Secrets, find: Callable[[Any], list[Any]], clock: Clock) -> None:
        super().__init__(find, clock)
        self._said = said
        secret = secrets.reveal(said.secret)
        if secret == said.secret or len(secret) < 16:
            raise ValueError("source.secret: write secret:NAME, and at least 16 characters into secrets.toml")
        self._doorman = Doorman(said, secret)
        self.port = said.port
        self.refused = 0

    async def once(self) -> list[Any]:
        raise NotToldError("no_answer", "this platform sends to us: give what it sends with --from FILE")

    async def run(self, take: Take) -> None:
        async def answer(asked: Asked) -> Answered:
            status, said = await self._answer(asked, take)
            return status, {"ok": status == 200, "said": said[:200]}

        receiver = Receiver(answer, self.clock, _BOUNDS)
        await receiver.start(self._said.bind, self._said.port, None)
        self.port = receiver.port
        _log.info("taking what is sent bind=%s port=%d path=%s", self._said.bind, self.port, self._said.path)
        try:
            await asyncio.Event().wait()
        finally:
            receiver.stop()

    async def _answer(self, asked: Asked, take: Take) -> tuple[int, str]:
        if asked.path != self._said.path:
            return 404, "nothing is here"
        if asked.method != "POST":
            return 405, "POST"
        if "content-length" not in asked.headers:
            return 411, "Content-Length is missing"
        timestamp = asked.headers.get(self._said.timestamp_header.lower(), "")
        signed = asked.headers.get(self._said.signature_header.lower(), "")
        now_s = self.clock.now().wall_ms / 1000
        status = self._doorman.check(timestamp, signed, asked.body, now_s)
        if status == 409:  # kept already: our answer was lost, or somebody replays it; neither does anything
            return 200, "had already"
        if status != 200:
            self.refused += 1
            _log.warning("a message was refused count=%d reason='not signed with our secret, or not now'", self.refused)
            return status, "not signed with our secret, or not within the window of time"
        return await self._keep(asked.body, signed, now_s, take)

    async def _keep(self, body: bytes, signed: str, now_s: float, take: Take) -> tuple[int, str]:
        try:
            entries = self.find(msgspec.json.decode(body))
        except NotToldError as error:
            self.ill(error)
            return 400, str(error)
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
            self.ill(NotToldError("malformed", f"its JSON cannot be read: {error}"))
            return 400, "its JSON cannot be read"
        try:
            await take(entries)
        except Exception:
            _log.exception("what was sent could not be kept; the platform is asked to send it again")
            return 503, "it could not be kept; send it again"
        self._doorman.remember(signed, now_s)
        self.well()
        return 200, "kept"
