"""Works off what is owed to people: at least once, always with the same identity, until somebody has accepted it.

The ledger is the queue. A try is written down after the provider's answer, so a crash in between means one more try of
the same notification (same id), never one less.
"""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from collector.notify.owed import Attempt, Owed, due, hasten, postpone, record
from collector.notify.provider import Answer, Message, Provider
from collector.notify.schedule import WELL, Tried, WayHealth, times
from shouwang.clock import Clock, SystemClock
from shouwang.log import get_logger
from shouwang.vocabulary import Severity

log = get_logger("notify")
T = TypeVar("T")

LOOK_EVERY_S = 0.2
AT_ONCE = 4
"""So many notifications are on their way by one provider at the same time …"""
URGENT_AT_ONCE = 4
"""… and so many emergencies beside them: none waits for something lesser."""
SEND_GRACE_S = 5.0


class Notifier:
    """`ways` are the providers in the order in which they are tried. Await `run()`; `wake()` when something is owed."""

    def __init__(self, engine: Engine, ways: Mapping[str, Provider], clock: Clock | None = None) -> None:
        self._engine = engine
        self._ways = dict(ways)
        self._clock = clock or SystemClock()
        self._health: dict[str, WayHealth] = {}
        self._trouble: dict[str, str] = {}
        self._flying: dict[tuple[str, str], asyncio.Task[None]] = {}
        self._urgent: set[tuple[str, str]] = set()
        self._just_landed: set[str] = set()
        self._woken = asyncio.Event()
        self._ledger_trouble = ""

    def wake(self) -> None:
        """Something is owed: look at once."""
        self._woken.set()

    @property
    def trouble(self) -> dict[str, str]:
        """By way, why it fails now."""
        return dict(self._trouble)

    async def run(self) -> None:
        """Until cancelled. What is on its way then is tried again after the next start."""
        if not self._ways:
            log.warning(
                "nobody is told: no provider is configured; what is owed waits", see="[notify] in shouwang.toml"
            )
        await self._ledger(hasten, self._now_ms())  # the ways may be others than before
        try:
            while True:
                if self._ways:
                    await self._look()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_EVERY_S):
                        await self._woken.wait()
                self._woken.clear()
        finally:
            flying = list(self._flying.values())
            for task in flying:
                task.cancel()
            await asyncio.gather(*flying, return_exceptions=True)
            for provider in self._ways.values():
                await provider.close()

    async def send_test(self, way: str, public_url: str) -> Answer:
        """Sends a message that says it is a test. Raises KeyError for a provider that is not configured."""
        return await send_test(self._ways[way], public_url)

    async def _look(self) -> None:
        now_ms = self._now_ms()
        later: dict[str, int] = {}
        self._just_landed.clear()
        for owed in await self._ledger(due, now_ms) or []:
            if owed.id in self._just_landed:
                continue  # it was read before its try was written down
            may = times(list(self._ways), owed.tried, self._health, owed.severity, owed.id, now_ms)
            for way, at_ms in may.items():
                if at_ms <= now_ms:
                    self._launch(owed, way)
            if min(may.values()) > now_ms and not any(id_ == owed.id for id_, _ in self._flying):
                later[owed.id] = min(may.values())
        if later:
            await self._ledger(postpone, later)

    def _launch(self, owed: Owed, way: str) -> None:
        key = (owed.id, way)
        urgent = owed.severity is Severity.EMERGENCY
        beside = [k for k in self._flying if k[1] == way and (k in self._urgent) == urgent]
        if key in self._flying or len(beside) >= (URGENT_AT_ONCE if urgent else AT_ONCE):
            return
        if urgent:
            self._urgent.add(key)
        task = asyncio.create_task(self._try(owed, way), name=f"notify {way}")
        self._flying[key] = task
        task.add_done_callback(lambda _: self._landed(key))

    def _landed(self, key: tuple[str, str]) -> None:
        del self._flying[key]
        self._urgent.discard(key)
        self._just_landed.add(key[0])
        self.wake()

    async def _try(self, owed: Owed, way: str) -> None:
        provider = self._ways[way]
        at_ms = self._now_ms()
        try:
            async with asyncio.timeout(provider.timeout_s + SEND_GRACE_S):
                answer = await provider.send(Message(owed.id, owed.body))
        except TimeoutError:
            answer = Answer(False, f"no answer within {provider.timeout_s + SEND_GRACE_S:g} s")
        except Exception as error:
            log.exception("a provider failed", provider=way)
            answer = Answer(False, f"{type(error).__name__}: {error}")
        now_ms = self._now_ms()
        self._note(way, answer, now_ms)
        tried = owed.tried.get(way)
        failures = (tried.failures if tried else 0) + (not answer.accepted)
        after = {**owed.tried, way: Tried(failures, at_ms)}
        may = times(list(self._ways), after, self._health, owed.severity, owed.id, now_ms)
        attempt = Attempt(owed.id, owed.incident_id, way, at_ms, now_ms - at_ms, answer.accepted, answer.text)
        await self._write(attempt, min(may.values()))

    async def _write(self, attempt: Attempt, next_try_ms: int) -> None:
        """Until the ledger takes it: a try that is not written down would be made again and again."""
        wait_s = 0.2
        while True:
            try:
                await asyncio.to_thread(record, self._engine, attempt, next_try_ms)
                return
            except (SQLAlchemyError, OSError) as error:
                log.warning("a try cannot be written down yet", error=str(error)[:200])
                await asyncio.sleep(wait_s)
                wait_s = min(wait_s * 2, 5.0)

    async def _ledger(self, work: Callable[..., T], *arguments: Any) -> T | None:
        """Something done in the ledger, in a thread; None, and said once, while the ledger does not answer."""
        try:
            done = await asyncio.to_thread(work, self._engine, *arguments)
        except (SQLAlchemyError, OSError) as error:
            if not self._ledger_trouble:
                log.error("the ledger does not say what is owed", error=str(error)[:200])
            self._ledger_trouble = str(error)
            return None
        if self._ledger_trouble:
            log.info("the ledger says again what is owed")
            self._ledger_trouble = ""
        return done

    def _note(self, way: str, answer: Answer, now_ms: int) -> None:
        if answer.accepted:
            if way in self._trouble:
                log.info("provider accepts again", provider=way)
            self._trouble.pop(way, None)
            self._health[way] = WELL
            return
        if way not in self._trouble:
            log.warning("provider fails", provider=way, answer=answer.text)
        self._trouble[way] = answer.text
        self._health[way] = self._health.get(way, WELL).failed(now_ms, answer.retry_after_s)

    def _now_ms(self) -> int:
        return self._clock.now().wall_ms


async def send_test(provider: Provider, public_url: str) -> Answer:
    """Sends a message that says it is a test."""
    zh = "【测试】守望通知测试：收到此消息，说明该通知渠道可用。"
    en = "[Test] Shouwang can reach you this way."
    body = {"type": "test", "text": {"zh": zh, "en": en}, "url": public_url}
    return await provider.send(Message(str(uuid.uuid4()), body))
