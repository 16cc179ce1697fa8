"""One process that a supervisor keeps: started, heard (sd_notify), and ended with all that it started itself."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import signal
import socket
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from shouwang import clock
from shouwang.sd_notify import ALIVE_FILE

LINE_BYTES_MAX = 65_536
TELL_BYTES_MAX = 4_096
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


@dataclass(frozen=True, slots=True)
class Child:
    """What to run, and how to know that it is well. Times in seconds.

    It says READY=1 and then WATCHDOG=1 at least each `watchdog_s`. A program that does not speak so has `ready_at`,
    an address that takes connections once it is ready, and `watchdog_s` None.
    """

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    watchdog_s: float | None = 15.0
    ready_at: tuple[str, int] | None = None
    start_within_s: float = 60.0
    stop_within_s: float = 4.0


class Running:
    """A child's process, from its start to its end. `say` takes each line that it prints."""

    def __init__(self, child: Child, notify_path: Path, say: Callable[[str], None]) -> None:
        self.child = child
        self.ready = asyncio.Event()
        self.gone = asyncio.Event()
        self.status = ""
        self.fed_s = clock.mono_s()
        self._notify_path = notify_path
        self._say = say

    async def start(self) -> None:
        """Starts the process. Raises OSError when that is not possible."""
        self._notify = self._open_socket()
        try:
            self._process = await asyncio.create_subprocess_exec(
                *self.child.argv,
                env=self._environment(),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                limit=LINE_BYTES_MAX,
                start_new_session=True,  # Ctrl-C is for the supervisor, who ends them in order
                preexec_fn=die_with_parent,
            )
        except OSError:
            self._close_socket()
            raise
        self.pid = self._process.pid
        self._reading = asyncio.create_task(self._pass_on())
        self._knocking = asyncio.create_task(self._knock()) if self.child.ready_at else None

    async def ended(self) -> int:
        """Waits for its end; whatever it had started goes with it. Gives the exit code (negative: the signal)."""
        code = await self._process.wait()
        self.gone.set()
        self.signal(signal.SIGKILL)
        if self._knocking is not None:
            self._knocking.cancel()
        await asyncio.wait([self._reading], timeout=1.0)
        self._reading.cancel()
        self._close_socket()
        return code

    def signal(self, number: signal.Signals) -> None:
        """To the process and all that it started; nothing happens when they are gone."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)

    def terminate(self) -> None:
        """Asks the process itself to end."""
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.terminate()

    @property
    def alive(self) -> bool:
        return self._process.returncode is None

    def _environment(self) -> dict[str, str]:
        env = {**os.environ, **self.child.env}
        for name in ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", ALIVE_FILE):  # what is said of us is not of it
            env.pop(name, None)
        env["NOTIFY_SOCKET"] = str(self._notify_path)
        if self.child.watchdog_s is not None:
            env["WATCHDOG_USEC"] = str(round(self.child.watchdog_s * 1_000_000))
        env["PYTHONUNBUFFERED"] = "1"
        env["PYTHONFAULTHANDLER"] = "1"  # one that hangs is ended by SIGABRT, and says where it hung
        return env

    def _open_socket(self) -> socket.socket:
        self._notify_path.unlink(missing_ok=True)
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        sock.bind(str(self._notify_path))
        sock.setblocking(False)
        asyncio.get_running_loop().add_reader(sock.fileno(), self._told)
        return sock

    def _close_socket(self) -> None:
        if self._notify.fileno() >= 0:
            asyncio.get_running_loop().remove_reader(self._notify.fileno())
            self._notify.close()
        self._notify_path.unlink(missing_ok=True)

    def _told(self) -> None:
        try:
            said = self._notify.recv(TELL_BYTES_MAX).decode("utf-8", "replace")
        except OSError:
            return
        for line in said.splitlines():
            name, _, value = line.partition("=")
            if name == "READY" or (name == "WATCHDOG" and value == "1"):
                self.fed_s = clock.mono_s()
            if name == "READY":
                self.ready.set()
            elif name == "STATUS":
                self.status = value[:200]

    async def _knock(self) -> None:
        assert self.child.ready_at is not None
        while True:
            try:
                async with asyncio.timeout(1.0):
                    _, writer = await asyncio.open_connection(*self.child.ready_at)
                writer.close()
            except (OSError, TimeoutError):
                await asyncio.sleep(0.05)
            else:
                self.ready.set()
                return

    async def _pass_on(self) -> None:
        stream = self._process.stdout
        assert stream is not None
        while True:
            try:
                line = await stream.readuntil(b"\n")
            except asyncio.IncompleteReadError as rest:
                line = rest.partial
                if not line:
                    return
            except asyncio.LimitOverrunError:
                line = await stream.read(LINE_BYTES_MAX)
            self._say(line.decode("utf-8", "replace").rstrip("\r\n"))


def die_with_parent() -> None:
    """For a new process: it ends when the one that started it is killed (on Linux; elsewhere nothing happens)."""
    if _libc is not None:
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
