"""The only writer of what is decided ends when it is told to, however busy it is."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from collector.decisions import Decisions
from collector.ledgering import Ledgering


@pytest.mark.asyncio
async def test_a_cancellation_that_comes_as_more_is_wanted_is_not_lost() -> None:
    written: list[str] = []

    def take() -> Decisions:
        return Decisions(deaf_changed=True)

    def write(decided: Decisions, now_ms: int) -> list[str]:
        written.append(decided.id)
        return []

    record: Any = SimpleNamespace(write=write)
    ledgering = Ledgering(record, take, lambda decided, owed: None)
    task = asyncio.create_task(ledgering.run())
    await asyncio.sleep(0)  # it waits for something to write
    ledgering.poke()
    task.cancel()  # in the same turn of the loop
    done, _ = await asyncio.wait([task], timeout=2)
    task.cancel()
    assert done, "it went on as if nothing had been said"
    assert task.cancelled()
