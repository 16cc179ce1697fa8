"""When devices are asked."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from edge.allowed import NotAllowedError
from edge.probing import Answer, Around, Probe
from edge.schedule import AT_ONCE, CannotAskError, Schedule
from edge.watchlist import Watched, Watchlist
from shouwang.clock import SystemClock
from shouwang.vocabulary import Driver
from tests.waiting import until

CLOCK = SystemClock()


class Asked(Probe):
    """A probe that does what a test says."""

    driver = Driver.TCP

    def __init__(self, how: Callable[[], Awaitable[Answer]]) -> None:
        super().__init__("", None, Around())
        self.how = how
        self.at_s: list[float] = []

    async def ask(self, timeout_s: float) -> Answer:
        self.at_s.append(CLOCK.now().mono_s)
        return await self.how()


async def well() -> Answer:
    return Answer(True, 1.0)


async def hang() -> Answer:
    await asyncio.Event().wait()
    raise AssertionError


@dataclass
class Took:
    answers: list[tuple[str, Answer]] = field(default_factory=list)

    async def __call__(self, watched: Watched, answer: Answer, _taken_s: float) -> None:
        self.answers.append((watched.device, answer))

    def of(self, device: str) -> list[Answer]:
        return [answer for name, answer in self.answers if name == device]


def watchlist(*devices: tuple[str, float, Probe | None], timeout_s: float = 0.2) -> Watchlist:
    return Watchlist(
        "r",
        {
            name: Watched(name, "camera", every_s, timeout_s, probe, "" if probe else "no target")
            for name, every_s, probe in devices
        },
    )


class Running:
    def __init__(self, schedule: Schedule) -> None:
        self.schedule = schedule

    async def __aenter__(self) -> None:
        self.task = asyncio.create_task(self.schedule.run())

    async def __aexit__(self, *_: Any) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


@pytest.mark.slow
async def test_devices_are_asked_at_their_intervals_with_jitter() -> None:
    quick, slow, took = Asked(well), Asked(well), Took()
    schedule = Schedule(took, CLOCK, chance=random.Random(1))
    schedule.watch(watchlist(("quick", 0.1, quick), ("slow", 0.4, slow)))
    async with Running(schedule):
        await until(lambda: len(quick.at_s) >= 16, "sixteen times")
    gaps = [later - earlier for earlier, later in zip(quick.at_s, quick.at_s[1:], strict=False)]
    assert 0.09 < sum(gaps) / len(gaps) < 0.12
    assert len({round(gap, 4) for gap in gaps}) > 5
    assert 3 <= len(slow.at_s) <= 6


@pytest.mark.slow
async def test_a_device_that_hangs_holds_up_nobody_and_is_told_as_unreachable() -> None:
    took = Took()
    schedule = Schedule(took, CLOCK, chance=random.Random(1))
    good = Asked(well)
    schedule.watch(watchlist(("good", 0.1, good), ("bad", 5.0, Asked(hang)), timeout_s=0.1))
    async with Running(schedule):
        await until(lambda: took.of("bad"), "the end of its time")
        assert len(took.of("good")) >= 3
    assert took.of("bad")[0] == Answer(False, reason="no answer within 0.1 s")


@pytest.mark.slow
async def test_so_many_are_asked_at_once_and_a_device_never_twice_at_a_time() -> None:
    running, most = set[str](), 0
    enough = asyncio.Event()

    def slow(name: str) -> Callable[[], Awaitable[Answer]]:
        async def ask() -> Answer:
            nonlocal most
            assert name not in running
            running.add(name)
            most = max(most, len(running))
            await asyncio.wait([asyncio.ensure_future(enough.wait())], timeout=0.3)
            running.discard(name)
            return Answer(True)

        return ask

    took = Took()
    schedule = Schedule(took, CLOCK, chance=random.Random(1))
    schedule.watch(watchlist(*((f"d-{n}", 0.05, Asked(slow(f"d-{n}"))) for n in range(60)), timeout_s=5))
    async with Running(schedule):
        await until(lambda: len(took.answers) >= 60, "all of them")
    assert most == AT_ONCE
    assert schedule.late > 0


async def test_probe_now_joins_a_probe_that_is_under_way() -> None:
    release = asyncio.Event()

    async def wait() -> Answer:
        await release.wait()
        return Answer(True, 7.0)

    probe, took = Asked(wait), Took()
    schedule = Schedule(took, CLOCK)
    schedule.watch(watchlist(("a", 60, probe), ("b", 60, None), timeout_s=5))
    asked = [asyncio.create_task(schedule.ask_now("a")) for _ in range(3)]
    await until(lambda: probe.at_s, "the probe")
    release.set()
    assert await asyncio.gather(*asked) == [Answer(True, 7.0)] * 3
    assert len(probe.at_s) == 1
    assert len(took.answers) == 1  # it is a reading as any other
    with pytest.raises(CannotAskError, match="no target"):
        await schedule.ask_now("b")
    with pytest.raises(KeyError):
        await schedule.ask_now("c")


async def test_what_may_not_be_asked_is_not_down() -> None:
    async def forbidden() -> Answer:
        raise NotAllowedError("127.0.0.1 is this machine itself")

    took = Took()
    schedule = Schedule(took, CLOCK)
    schedule.watch(watchlist(("a", 0.05, Asked(forbidden))))
    async with Running(schedule):
        with pytest.raises(CannotAskError, match="this machine itself"):
            await schedule.ask_now("a")
    assert took.answers == []


async def test_a_new_list_keeps_the_turns_of_what_stays() -> None:
    one, two, took = Asked(well), Asked(well), Took()
    schedule = Schedule(took, CLOCK, chance=random.Random(1))
    schedule.watch(watchlist(("one", 0.1, one), ("gone", 0.1, Asked(well))))
    async with Running(schedule):
        await until(lambda: took.of("gone"), "the first list")
        schedule.watch(watchlist(("one", 0.1, one), ("two", 0.1, two)))
        gone = len(took.of("gone"))
        await until(lambda: len(two.at_s) >= 3, "the second list")
        assert len(took.of("gone")) <= gone + 1
