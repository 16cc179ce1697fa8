"""Asking the collector by a deed, and waiting a bounded time for what becomes of it."""

from __future__ import annotations

import asyncio
from typing import Any

from api.access import Asker
from api.problems import Problem
from shouwang.clock import mono_s
from shouwang.ledger import deeds
from shouwang.ledger.deeds import Done

DEED_WITHIN_S = 2.0
PROBE_WITHIN_S = 15.0
WAITING_MAX = 128
_LOOK_EVERY_S = 0.05
_waiting = 0


async def ask_collector(asker: Asker, what: str, within_s: float, **of: Any) -> Done | None:
    """Records the deed and waits until the collector has done it; None when it has not in time (it will, once it is
    back). Raises a 503 Problem, recording nothing, when too many wait already."""
    global _waiting
    if _waiting >= WAITING_MAX:
        raise Problem(
            503, "busy", "Too many wait for the collector", "try again in a few seconds", headers={"Retry-After": "5"}
        )
    _waiting += 1
    try:
        deed_id = await asyncio.to_thread(_record, asker, what, of)
        until_s = mono_s() + within_s
        while True:
            done = await asyncio.to_thread(_look, asker, deed_id)
            if done is not None or mono_s() >= until_s:
                return done
            await asyncio.sleep(_LOOK_EVERY_S)
    finally:
        _waiting -= 1


def _record(asker: Asker, what: str, of: dict[str, Any]) -> int:
    with asker.house.writing() as connection:
        return deeds.ask(connection, what, asker.name, asker.house.now_ms, **of)


def _look(asker: Asker, deed_id: int) -> Done | None:
    with asker.house.reading() as connection:
        return deeds.outcome(connection, deed_id)
