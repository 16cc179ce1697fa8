"""Which calls go another way, whatever else is wrong: a disk that takes nothing, other events, a clock that jumps."""

import asyncio
import os
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from edge.allowed import Allowed, AllowedFile
from edge.fallback import FallbackFile, Fallbacks, SecondUplink, Siren, Tries, UplinkLine
from edge.fallback.running import Call
from edge.outbox import Outbox
from edge.probing import Around
from edge.rows import Event
from edge.uplink import Login, Uplink
from shouwang.clock import SystemClock
from tests.waiting import until

CLOCK = SystemClock()
MINUTE_MS = 60_000


@dataclass
class Line:
    """Calls that nobody acknowledges, and what is told of them."""

    calls: list[Call] = field(default_factory=list)
    told: list[Event] = field(default_factory=list)
    ways: list[SecondUplink | None] = field(default_factory=list)
    takes: Callable[[Event], None] = lambda event: None
    looks: int = 0

    async def unheard_calls(self) -> list[Call]:
        self.looks += 1
        return self.calls

    async def event(self, event: Event) -> Any:
        self.takes(event)
        self.told.append(event)

    def leave_by(self, way: SecondUplink | None) -> None:
        self.ways.append(way)


def call(name: str = "c1", device: str = "call-01", age_s: float = 60.0) -> Call:
    return Call(name, device, "call_terminal", "help_call", age_s)


@asynccontextmanager
async def running(line: Line, tries: Tries, *ways: Any) -> AsyncIterator[asyncio.Task[None]]:
    around = Around(allowed=Allowed(AllowedFile(loopback=True)), clock=CLOCK)
    fallbacks = Fallbacks(FallbackFile(way=list(ways), wait_s=1.0), tries, line, around, "centre-1")
    task = asyncio.create_task(fallbacks.run())
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        tries.close()


ELSEWHERE = SecondUplink(source="127.0.0.1")


async def test_a_disk_that_takes_nothing_stops_no_call(tmp_path: Path) -> None:
    """fault: the disk is full or read-only just when somebody calls."""
    tries = Tries(tmp_path / "fallbacks.db")
    tries._db.execute("PRAGMA query_only = 1")  # what a file system does that has become read-only
    line = Line([call()])
    async with running(line, tries, ELSEWHERE) as task:
        await until(lambda: bool(line.ways), "another way is taken")
        await until(lambda: any(told.event == "fallback_used" for told in line.told), "and told")
        assert not task.done()
        assert len(line.ways) == 1


@pytest.mark.parametrize("what", ["no folder", "no database"])
def test_a_file_that_cannot_be_used_does_not_stop_the_agent(tmp_path: Path, what: str) -> None:
    path = tmp_path / "gone" / "fallbacks.db" if what == "no folder" else tmp_path / "fallbacks.db"
    if what == "no database":
        path.write_bytes(os.urandom(8_192))
    tries = Tries(path)
    tries.begin("c1", "call-01", "call_terminal", 0, "sms", 1_000)
    assert [each.way for each in tries.of("c1")] == ["sms"]
    tries.close()
    if what == "no database":
        again = Tries(path)
        assert [each.way for each in again.of("c1")] == ["sms"], "the broken one was put aside"
        again.close()


async def test_what_cannot_be_told_stops_no_call(tmp_path: Path) -> None:
    def refuse(event: Event) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    tries = Tries(tmp_path / "fallbacks.db")
    tries.begin("c0", "call-09", "call_terminal", 0, "uplink", 1_000)
    tries.end("c0", 0, True, "of an earlier life")
    line = Line([call()], takes=refuse)
    async with running(line, tries, ELSEWHERE) as task:
        await until(lambda: bool(line.ways), "another way is taken")
        assert not task.done()


async def test_a_call_is_seen_behind_very_many_other_events(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "outbox.db", CLOCK.now())
    uplink = Uplink(Login("mqtt://127.0.0.1:1", "150525", "centre-1"), outbox)
    for number in range(200):
        await uplink.event(Event("call-02", "call_terminal", "tamper", CLOCK.now().mono_s, {"number": number}))
    pressed = Event("call-01", "call_terminal", "help_call", CLOCK.now().mono_s)
    await uplink.event(pressed)
    seen = await UplinkLine(uplink, outbox, CLOCK).unheard_calls()
    assert pressed.id in [each.id for each in seen]
    assert seen[-1].id == pressed.id, "oldest first"
    outbox.close()


def test_who_presses_every_four_minutes_is_told_of_again(tmp_path: Path) -> None:
    tries = Tries(tmp_path / "fallbacks.db")
    tries.begin("c1", "call-01", "call_terminal", 0, "sms", 0)
    tries.end("c1", 0, True, "sent to …0001")
    tries.begin("c2", "call-01", "call_terminal", 0, "sms", 4 * MINUTE_MS)
    tries.end("c2", 0, True, Tries.TOLD)
    assert tries.told_of("call-01", "sms", -1, 4 * MINUTE_MS)
    assert not tries.told_of("call-01", "sms", 3 * MINUTE_MS, 8 * MINUTE_MS), "nothing went out at four minutes"
    tries.close()


def test_a_clock_that_was_set_back_hides_no_call(tmp_path: Path) -> None:
    tries = Tries(tmp_path / "fallbacks.db")
    tries.begin("c1", "call-01", "call_terminal", 0, "sms", 1_900_000_000_000)  # 2030: a clock that was wrong
    tries.end("c1", 0, True, "sent to …0001")
    now_ms = 1_780_000_000_000
    assert not tries.told_of("call-01", "sms", now_ms - 5 * MINUTE_MS, now_ms)
    tries.close()


@pytest.mark.slow
async def test_a_siren_sounds_on_for_the_call_that_is_still_out(tmp_path: Path) -> None:
    asked: list[str] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append((await reader.readline()).decode().split(" ")[1])
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    line = Line([call("c1", "call-01"), call("c2", "call-02")])
    siren = Siren(on=f"{url}/on", off=f"{url}/off")
    async with running(line, Tries(tmp_path / "fallbacks.db"), siren):
        await until(lambda: asked.count("/on") == 2, "on for both")
        await until(lambda: len([t for t in line.told if t.event == "fallback_used"]) == 2, "both are told")
        line.calls = [call("c2", "call-02")]
        looks = line.looks
        await until(lambda: line.looks >= looks + 3, "three looks")
        assert "/off" not in asked, "the second is still out"
        line.calls = []
        await until(lambda: "/off" in asked, "off when nobody calls")
    server.close()
