"""Asking an agent: a command out, its reply back, within a bounded time."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable

from shouwang.ledger.deeds import Trial
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
        return await self._ask(region, path, Command(v=VERSION, id=str(uuid.uuid4()), command="probe", device=device))

    async def attempt(self, region: str, path: str, wanted: Trial) -> Reply:
        """The agent's reply to a trial of what is in no fleet yet. Raises NoAnswer."""
        command = Command(
            v=VERSION,
            id=str(uuid.uuid4()),
            command="try",
            kind=wanted.kind,
            driver=wanted.driver,
            target=wanted.target,
            settings=wanted.settings,
        )
        return await self._ask(region, path, command)

    async def _ask(self, region: str, path: str, command: Command) -> Reply:
        if len(self._waiting) >= AT_ONCE:
            raise NoAnswer(f"{AT_ONCE} probes are under way already; try again in a few seconds")
        id_ = command.id
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
            async with asyncio.timeout(ANSWER_WITHIN_S):
                return await answer
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
