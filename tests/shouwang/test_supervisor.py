"""The supervisor, with real processes that end, hang, refuse to end, and print."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from shouwang.child import Child
from shouwang.supervisor import Supervisor

pytestmark = pytest.mark.slow

WELL = """
import signal, sys, time
from shouwang.sd_notify import notify
print("up", flush=True)
notify("READY=1")
while True:
    notify("WATCHDOG=1")
    time.sleep(0.1)
"""
HANGS_ONCE = """
import pathlib, sys, time
from shouwang.sd_notify import notify
notify("READY=1")
first = pathlib.Path(sys.argv[1])
if not first.exists():
    first.touch()
    def stuck_here():
        time.sleep(60)
    stuck_here()
while True:
    notify("WATCHDOG=1")
    time.sleep(0.1)
"""
WRONG_WHILE = """
import pathlib, sys, time
from shouwang.sd_notify import notify
if pathlib.Path(sys.argv[1]).exists():
    sys.exit(2)
notify("READY=1")
while True:
    notify("WATCHDOG=1")
    time.sleep(0.1)
"""
STUBBORN = """
import signal, subprocess, sys, time
from shouwang.sd_notify import notify
signal.signal(signal.SIGTERM, signal.SIG_IGN)
grandchild = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print("grandchild", grandchild.pid, flush=True)
notify("READY=1")
time.sleep(60)
"""


def python(
    name: str, script: str, *arguments: str, watchdog_s: float | None = 5.0, stop_within_s: float = 3.0
) -> Child:
    return Child(name, (sys.executable, "-c", script, *arguments), watchdog_s=watchdog_s, stop_within_s=stop_within_s)


class Story:
    """A supervisor in the background, and what it said."""

    def __init__(self, *children: Child, stop_within_s: float = 9.0) -> None:
        self.changes: list[tuple[str, str]] = []
        self.lines: list[str] = []
        self.supervisor = Supervisor(
            children,
            stop_within_s=stop_within_s,
            on_change=lambda name, what: self.changes.append((name, what)),
            say=self.lines.append,
        )
        self.task = asyncio.create_task(self.supervisor.run())

    async def until(self, condition: Callable[[], object], limit_s: float = 15.0) -> None:
        limit = time.monotonic() + limit_s
        while not condition():
            assert time.monotonic() < limit, f"changes {self.changes}\n" + "\n".join(self.lines)
            await asyncio.sleep(0.02)


@asynccontextmanager
async def story(*children: Child, stop_within_s: float = 9.0) -> AsyncIterator[Story]:
    told = Story(*children, stop_within_s=stop_within_s)
    try:
        yield told
    finally:
        told.supervisor.stop()
        told.supervisor.stop()
        await asyncio.wait_for(told.task, 15)


def exists(pid: int) -> bool:
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


async def test_all_are_ready_and_end_with_the_supervisor_and_what_they_print_is_told() -> None:
    async with story(python("one", WELL), python("two", WELL)) as told:
        await told.until(lambda: told.supervisor.all_ready)
        pids = told.supervisor.pids
        assert set(pids) == {"one", "two"}
        await told.until(lambda: any(line.endswith("one │ up") for line in told.lines))
        told.supervisor.stop()
        assert await asyncio.wait_for(told.task, 10) == 0
        assert not any(exists(pid) for pid in pids.values())
        assert [name for name, what in told.changes if what == "ended"] == ["two", "one"]


async def test_one_that_is_killed_is_started_again_and_the_other_does_not_notice() -> None:
    async with story(python("one", WELL), python("two", WELL)) as told:
        await told.until(lambda: told.supervisor.all_ready)
        first, other = told.supervisor.pids["one"], told.supervisor.pids["two"]
        os.kill(first, signal.SIGKILL)
        await told.until(lambda: told.changes.count(("one", "ready")) == 2)
        assert told.supervisor.pids["one"] != first
        assert told.supervisor.pids["two"] == other


async def test_one_that_hangs_is_killed_says_where_it_hung_and_is_started_again(tmp_path: Path) -> None:  # fault 6
    async with story(python("one", HANGS_ONCE, str(tmp_path / "first"), watchdog_s=1.0)) as told:
        await told.until(lambda: told.changes.count(("one", "ready")) == 2)
        assert ("one", "hung") in told.changes
        assert any("stuck_here" in line for line in told.lines)


async def test_a_frozen_process_is_killed_too() -> None:  # fault 6
    async with story(python("one", WELL, watchdog_s=1.0)) as told:
        await told.until(lambda: told.supervisor.all_ready)
        frozen = told.supervisor.pids["one"]
        os.kill(frozen, signal.SIGSTOP)
        await told.until(lambda: told.changes.count(("one", "ready")) == 2)
        assert not exists(frozen)


async def test_one_that_will_not_end_is_killed_in_time_with_what_it_started() -> None:
    async with story(python("one", STUBBORN, stop_within_s=0.5), stop_within_s=2.0) as told:
        await told.until(lambda: any("grandchild" in line for line in told.lines))
        grandchild = int(next(line for line in told.lines if "grandchild" in line).split()[-1])
        assert exists(grandchild)
        began = time.monotonic()
        told.supervisor.stop()
        assert await asyncio.wait_for(told.task, 10) == 0
        assert time.monotonic() - began < 4.0
        await told.until(lambda: not exists(grandchild))


async def test_one_that_is_never_ready_is_killed() -> None:
    never = Child("one", (sys.executable, "-c", "import time; time.sleep(60)"), start_within_s=0.5)
    async with story(never) as told:
        await told.until(lambda: told.changes.count(("one", "started")) == 2)
        assert ("one", "hung") in told.changes


async def test_one_that_keeps_crashing_is_started_less_and_less_often() -> None:
    async with story(python("one", "raise SystemExit(1)")) as told:
        began = time.monotonic()
        await told.until(lambda: told.changes.count(("one", "started")) == 4)
        assert time.monotonic() - began > (0.5 + 1 + 2) * 0.5


async def test_wrong_settings_end_everything_with_their_exit_code() -> None:
    async with story(python("good", WELL), python("one", "print('ledgr: unknown key'); raise SystemExit(2)")) as told:
        assert await asyncio.wait_for(told.task, 15) == 2
        assert any("ledgr: unknown key" in line for line in told.lines)


async def test_settings_that_became_wrong_later_end_nobody_else(tmp_path: Path) -> None:
    async with story(python("good", WELL), python("one", WRONG_WHILE, str(tmp_path / "bad"))) as told:
        await told.until(lambda: told.supervisor.all_ready)
        good = told.supervisor.pids["good"]
        (tmp_path / "bad").touch()
        os.kill(told.supervisor.pids["one"], signal.SIGKILL)
        await told.until(lambda: told.changes.count(("one", "ended")) >= 3)
        assert told.supervisor.pids["good"] == good
        (tmp_path / "bad").unlink()
        await told.until(lambda: told.supervisor.all_ready)


async def test_a_program_that_does_not_exist_is_said_and_tried_again(capsys: pytest.CaptureFixture[str]) -> None:
    async with story(Child("one", ("/no/such/program",))) as told:
        said = ""

        def twice() -> bool:
            nonlocal said
            said += capsys.readouterr().err
            return said.count("/no/such/program") >= 2

        await told.until(twice)


async def test_a_long_line_and_a_last_one_without_an_end_are_passed_on() -> None:
    script = "import sys; sys.stdout.write('x' * 200_000 + '\\nlast'); sys.stdout.flush(); sys.exit(0)"
    async with story(python("one", script)) as told:
        await told.until(lambda: any(line.endswith("│ last") for line in told.lines))
        assert sum(line.count("x") for line in told.lines) >= 200_000


async def test_ready_at_is_an_address_that_takes_connections(unused_tcp_port: int) -> None:
    listener = f"import socket; s = socket.create_server(('127.0.0.1', {unused_tcp_port})); import time; time.sleep(60)"
    child = Child("one", (sys.executable, "-c", listener), watchdog_s=None, ready_at=("127.0.0.1", unused_tcp_port))
    async with story(child) as told:
        await told.until(lambda: told.supervisor.all_ready)


SUPERVISE = """
import asyncio, sys
from shouwang.child import Child
from shouwang.supervisor import Supervisor
child = Child("one", (sys.executable, "-c", sys.argv[1]))
supervisor = Supervisor([child], on_change=lambda n, w: print(w, supervisor.pids, flush=True))
sys.exit(asyncio.run(supervisor.run()))
"""


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 0), (signal.SIGKILL, -9)])
def test_no_child_outlives_the_supervisor(number: signal.Signals, code: int) -> None:
    with subprocess.Popen([sys.executable, "-c", SUPERVISE, WELL], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        line = next(line for line in process.stdout if line.startswith("ready"))
        pid = int(line.split()[-1].rstrip("}"))
        process.send_signal(number)
        assert process.wait(10) == code
    limit = time.monotonic() + 5
    while exists(pid):
        assert time.monotonic() < limit
        time.sleep(0.02)
