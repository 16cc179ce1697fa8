"""Keeps a few processes running: what ends is started again, what hangs is killed first, and all end together.

It speaks sd_notify in both directions: to its children it is what systemd would be, and under systemd it says when all
are ready. Nothing here knows what the children are.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import shutil
import signal
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from shouwang import clock
from shouwang.child import Child, Running
from shouwang.log import get_logger, write_to
from shouwang.sd_notify import notify
from shouwang.spout import Spout

log = get_logger("supervisor")

LOOK_EVERY_S = 0.25
AWAY_S = 3.0
"""A look that comes this late: the machine was suspended, or we were not run; the children could not feed us either."""
BACKOFF_MIN_S = 0.5
BACKOFF_MAX_S = 5.0
STEADY_S = 60.0
"""A child that ran this long is started again at once."""
READY_ANYWAY_S = 60.0
WRONG_SETTINGS = 2

Watcher = Callable[[str, str], None]


class Supervisor:
    """Give it children, then `await run()`. `on_change(name, what)`: `started`, `ready`, `ended`, `hung`.

    A child that says at its first start that its settings are wrong (exit code 2) ends everything; later, when others
    run well by the settings of before, it is started again like any other.

    `pids` are of the children that run now. `stop_within_s` bounds the whole ending; who has not ended by then is
    killed.
    """

    def __init__(
        self,
        children: Sequence[Child],
        *,
        stop_within_s: float = 9.0,
        on_change: Watcher = lambda name, what: None,
        say: Callable[[str], None] | None = None,
    ) -> None:
        self.children = list(children)
        self.stop_within_s = stop_within_s
        self._on_change = on_change
        self._spout = Spout() if say is None else None
        self._say: Callable[[str], None] = self._spout.put if self._spout is not None else say or (lambda line: None)
        self._running: dict[str, Running] = {}
        self._ready: set[str] = set()
        self._once_ready: set[str] = set()
        self._stopping = asyncio.Event()
        self._now = asyncio.Event()
        self._exit_code = 0
        self._told_ready = False

    @property
    def pids(self) -> dict[str, int]:
        return {name: running.pid for name, running in self._running.items() if running.alive}

    @property
    def all_ready(self) -> bool:
        return len(self._ready) == len(self.children)

    def stop(self) -> None:
        """Ends everything in order; a second time: at once."""
        if self._stopping.is_set():
            self._now.set()
        self._stopping.set()

    async def run(self) -> int:
        """Runs until `stop`, SIGTERM or SIGINT, and gives an exit code: 0, or 2 when a child says that its settings
        are wrong."""
        self._handle_signals(True)
        if self._spout is not None:
            write_to(self._spout.put)
        folder = Path(tempfile.mkdtemp(prefix="shouwang-"))
        keepers = {child.name: asyncio.create_task(self._keep(child, folder / child.name)) for child in self.children}
        looking = asyncio.create_task(self._look())
        try:
            await self._stopping.wait()
            await self._end_all(keepers)
        finally:
            looking.cancel()
            for running in self._running.values():
                running.signal(signal.SIGKILL)
            for keeper in keepers.values():
                keeper.cancel()
            await asyncio.gather(looking, *keepers.values(), return_exceptions=True)
            shutil.rmtree(folder, ignore_errors=True)
            self._handle_signals(False)
            if self._spout is not None:
                write_to(None)
                self._spout.close()
        return self._exit_code

    def _handle_signals(self, on: bool) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            with contextlib.suppress(ValueError, RuntimeError):  # not in the main thread
                if on:
                    loop.add_signal_handler(number, self.stop)
                else:
                    loop.remove_signal_handler(number)

    async def _keep(self, child: Child, notify_path: Path) -> None:
        """Starts a child again and again until all stops."""
        backoff_s = BACKOFF_MIN_S
        prefix = f"{child.name:>9} │ "
        while not self._stopping.is_set():
            running = Running(child, notify_path, lambda line: self._say(prefix + line))
            began_s = clock.mono_s()
            try:
                await running.start()
            except OSError as error:
                log.error("cannot start", child=child.name, program=child.argv[0], error=str(error))
            else:
                self._running[child.name] = running
                self._on_change(child.name, "started")
                readying = asyncio.create_task(self._note_ready(running))
                code = await running.ended()
                readying.cancel()
                self._ready.discard(child.name)
                self._on_change(child.name, "ended")
                if self._stopping.is_set():
                    return
                if code == WRONG_SETTINGS and child.name not in self._once_ready:
                    self._exit_code = WRONG_SETTINGS
                    self.stop()
                    return
                log.warning("ended by itself", child=child.name, code=code, after_s=round(clock.mono_s() - began_s, 1))
            if clock.mono_s() - began_s > STEADY_S:
                backoff_s = BACKOFF_MIN_S
            wait_s = backoff_s * random.uniform(0.5, 1.5)  # noqa: S311
            backoff_s = min(backoff_s * 2, BACKOFF_MAX_S)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self._stopping.wait()

    async def _note_ready(self, running: Running) -> None:
        await running.ready.wait()
        self._ready.add(running.child.name)
        self._once_ready.add(running.child.name)
        self._on_change(running.child.name, "ready")
        self._tell_ready()

    def _tell_ready(self, *, anyway: bool = False) -> None:
        """Says upwards that we are ready: one child that will not come up is no reason to end the others."""
        waiting = [child.name for child in self.children if child.name not in self._ready]
        notify(f"STATUS=waiting for {', '.join(waiting)}" if waiting else "STATUS=all run")
        if not self._told_ready and (anyway or not waiting):
            self._told_ready = True
            notify("READY=1", well=not waiting)

    async def _look(self) -> None:
        """Kills what hangs: not ready in its time, or no longer feeding the watchdog."""
        last_s = began_s = clock.mono_s()
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            now_s = clock.mono_s()
            away_s = now_s - last_s - LOOK_EVERY_S
            last_s = now_s
            notify("WATCHDOG=1", well=self.all_ready)
            if not self._told_ready and now_s - began_s > READY_ANYWAY_S:
                self._tell_ready(anyway=True)
            for running in list(self._running.values()):
                if away_s > AWAY_S:
                    running.fed_s += away_s
                why = self._hangs(running, now_s)
                if why:
                    await self._end_hung(running, why)

    def _hangs(self, running: Running, now_s: float) -> str:
        if not running.alive or self._stopping.is_set():
            return ""
        child, quiet_s = running.child, now_s - running.fed_s
        if not running.ready.is_set():
            return f"not ready after {quiet_s:.0f} s" if quiet_s > child.start_within_s else ""
        if child.watchdog_s is not None and quiet_s > child.watchdog_s:
            return f"no sign of life for {quiet_s:.0f} s"
        return ""

    async def _end_hung(self, running: Running, why: str) -> None:
        log.error("hangs, and is killed", child=running.child.name, why=why, status=running.status)
        self._on_change(running.child.name, "hung")
        running.fed_s = clock.mono_s()
        running.signal(signal.SIGABRT)  # Python then prints where each thread stood
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(1.0):
                await running.gone.wait()
        running.signal(signal.SIGKILL)

    async def _end_all(self, keepers: dict[str, asyncio.Task[None]]) -> None:
        """The last started ends first, each in its time, all in `stop_within_s`."""
        notify("STOPPING=1")
        limit_s = clock.mono_s() + self.stop_within_s
        for child in reversed(self.children):
            running = self._running.get(child.name)
            if running is None or not running.alive:
                continue
            running.terminate()
            left_s = min(child.stop_within_s, limit_s - clock.mono_s())
            hurry = asyncio.create_task(self._now.wait())
            await asyncio.wait([keepers[child.name], hurry], timeout=max(0.0, left_s), return_when="FIRST_COMPLETED")
            hurry.cancel()
            if running.alive:
                log.warning("did not end in time, and is killed", child=child.name)
                running.signal(signal.SIGKILL)
                await asyncio.wait([keepers[child.name]], timeout=2.0)
