"""Asking an agent: a command out, its reply back, within a bounded time."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable

from shouwang.messages import VERSION, Command, Reply, encode
from shouwang.topics import Channel, topic

EXPIRES_AFTER_S = 30
ANSWER_WITHIN_S = 12.0
AT_ONCE = 256


class NoAnswer(Exception):
    """The agent did not answer in time, or cannot be asked now. The message is for people."""


class Asking:
    """Commands under way. `publish(topic, payload, expiry_s, response_topic, correlation)` is the collector's."""

    def __init__(self, publish: Callable[[str, bytes, int, str, bytes], None]) -> None:
        self._publish = publish
        self._waiting: dict[str, asyncio.Future[Reply]] = {}

    async def probe(self, region: str, path: str, device: str) -> Reply:
        """The agent's reply to "probe now". Raises NoAnswer."""
        if len(self._waiting) >= AT_ONCE:
            raise NoAnswer(f"{AT_ONCE} probes are under way already; try again in a few seconds")
        id_ = str(uuid.uuid4())
        command = Command(v=VERSION, id=id_, command="probe", device=device)
        answer: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._waiting[id_] = answer
        try:
            self._publish(
                topic(region, path, Channel.COMMAND),
                encode(command),
                EXPIRES_AFTER_S,
                topic(region, path, Channel.REPLY),
                id_.encode(),
            )
            return await asyncio.wait_for(answer, ANSWER_WITHIN_S)
        except TimeoutError:
            raise NoAnswer(f"the agent at {path} did not answer within {ANSWER_WITHIN_S:.0f} s") from None
        finally:
            del self._waiting[id_]

    def replied(self, reply: Reply) -> bool:
        """A reply came; False when nobody waits for it any more."""
        answer = self._waiting.get(reply.id)
        if answer is None or answer.done():
            return False
        answer.set_result(reply)
        return True
