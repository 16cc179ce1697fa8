"""Readings become rows: few, and at once where something changed."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
import pytest_asyncio

from edge import gathering
from edge.gathering import Gathering
from edge.rows import Reading
from tests.waiting import until


class Kept:
    def __init__(self) -> None:
        self.rows: list[list[str]] = []
        self.broken = False
        self.gathering = Gathering(self)

    async def __call__(self, readings: Sequence[Reading]) -> None:
        if self.broken:
            raise OSError("no disk")
        self.rows.append([reading.device for reading in readings])


@pytest_asyncio.fixture
async def kept(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Kept]:
    monkeypatch.setattr(gathering, "AT_ONCE_S", 0.05)
    made = Kept()
    task = asyncio.create_task(made.gathering.run())
    yield made
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def reading(device: str, **fields: Any) -> Reading:
    return Reading(device, "camera", 0.0, {"reachable": True, **fields})


async def test_what_is_new_goes_at_once_and_what_goes_along_with_it(kept: Kept) -> None:
    kept.gathering.take(reading("a", latency_ms=1.0))
    kept.gathering.take(reading("b", latency_ms=1.0))
    await until(lambda: kept.rows, "the first row")
    assert kept.rows == [["a", "b"]]
    kept.gathering.take(reading("a", latency_ms=99.0))  # a number that wavers is no news
    kept.gathering.take(reading("b", picture="black"))
    await until(lambda: len(kept.rows) == 2, "the second row")
    assert kept.rows[1] == ["a", "b"]


async def test_the_same_again_waits_but_no_longer_than_a_quarter_of_its_interval(kept: Kept) -> None:
    kept.gathering.take(reading("a"))
    await until(lambda: kept.rows, "the first row")
    kept.gathering.take(reading("a"), interval_s=60)
    with pytest.raises(AssertionError):
        await until(lambda: len(kept.rows) > 1, "nothing", limit_s=0.3)
    kept.gathering.take(reading("a"), interval_s=0.4)
    await until(lambda: len(kept.rows) == 2, "both", limit_s=1)
    assert kept.rows[1] == ["a", "a"]


async def test_failures_go_at_once_until_they_are_counted(kept: Kept) -> None:
    for number in range(5):
        kept.gathering.take(reading("a", reachable=False))
        await until(lambda: len(kept.rows) == number + 1, "each")  # noqa: B023
    kept.gathering.take(reading("a", reachable=False))
    with pytest.raises(AssertionError):
        await until(lambda: len(kept.rows) > 5, "nothing", limit_s=0.3)


async def test_what_cannot_be_kept_is_held_within_bounds(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gathering, "_HELD_MAX", 100)
    kept.broken = True
    for number in range(150):
        kept.gathering.take(reading(f"d-{number}"))
    with pytest.raises(OSError, match="no disk"):
        await kept.gathering.flush()
    kept.broken = False
    await kept.gathering.flush()
    assert kept.rows == [[f"d-{number}" for number in range(50, 150)]]
    assert kept.gathering.dropped == 50
