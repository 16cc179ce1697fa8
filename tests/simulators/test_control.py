"""A running simulation takes scenarios on its socket, and tells what happens to whoever is there."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from simulators.control import Control, ControlServer, Happened
from tests.waiting import until

HAPPENED = Happened(12.5, "power_cut", True, "停电", "power cut")


@contextlib.asynccontextmanager
async def server(path: Path, asked: list[str]) -> AsyncIterator[ControlServer]:
    def play(name: str) -> str:
        asked.append(name)
        return "" if name != "moon" else "no scenario 'moon'"

    made = ControlServer(path, play, lambda seed: play(f"random {seed}"))
    await made.start()
    try:
        yield made
    finally:
        await made.close()


@contextlib.asynccontextmanager
async def reading(control: Control, into: list[Happened]) -> AsyncIterator[None]:
    async def read() -> None:
        async for happened in control.happenings():
            into.append(happened)  # noqa: PERF401  seen as they come

    task = asyncio.create_task(read())
    try:
        yield
    finally:
        task.cancel()


async def test_scenarios_are_begun_and_what_happens_is_told_to_all(tmp_path: Path) -> None:
    asked: list[str] = []
    first: list[Happened] = []
    second: list[Happened] = []
    path = tmp_path / "control"
    async with (
        server(path, asked) as simulation,
        Control.connect(path) as one,
        Control.connect(path) as other,
        reading(one, first),
        reading(other, second),
    ):
        assert path.stat().st_mode & 0o777 == 0o600
        assert await one.play("help_call") == ""
        assert await other.play("moon") == "no scenario 'moon'"
        simulation.tell(HAPPENED)
        await until(lambda: first == second == [HAPPENED], "the telling")
    assert asked == ["help_call", "moon"]
    assert not path.exists()


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        (b'{"random": 7}\n', b'{"ok":true}\n'),
        (b"{}\n", b"nothing asked"),
        (b"not json\n", b'"ok":false'),
        (b'{"play": 3}\n', b"Expected `str`"),
        (b'{"launch": "x"}\n', b"launch"),
    ],
)
async def test_what_makes_no_sense_is_answered_and_the_line_goes_on(tmp_path: Path, line: bytes, answer: bytes) -> None:
    path = tmp_path / "control"
    async with server(path, []):
        reader, writer = await asyncio.open_unix_connection(path)
        for _ in range(2):
            writer.write(line)
            assert answer in await asyncio.wait_for(reader.readline(), 5)
        writer.close()


async def test_a_line_without_end_costs_its_connection_and_no_other(tmp_path: Path) -> None:
    path = tmp_path / "control"
    async with server(path, []), Control.connect(path) as control, reading(control, []):
        reader, writer = await asyncio.open_unix_connection(path)
        with contextlib.suppress(ConnectionError):
            writer.write(b"x" * 300_000)
            await writer.drain()
        with contextlib.suppress(ConnectionError):  # refused with what it still had to say unread
            assert await asyncio.wait_for(reader.read(), 5) == b""
        writer.close()
        assert await control.play("help_call") == ""


async def test_one_who_does_not_read_is_let_go(tmp_path: Path) -> None:
    path = tmp_path / "control"
    async with server(path, []) as simulation, Control.connect(path) as control:
        reader, writer = await asyncio.open_unix_connection(path)
        told = Happened(1, "power_cut", True, "停电" * 2000, "power cut")
        for _ in range(400):
            simulation.tell(told)
            await asyncio.sleep(0)
        await until(lambda: len(simulation._listening) == 0, "both let go: neither read")
        writer.close()
        assert reader is not None
        assert control is not None
