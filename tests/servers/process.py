"""One server process of a test: started and waited for, stopped, killed, paused, and started again where it was."""

import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Self

HOST = "127.0.0.1"
START_LIMIT_S = 30.0
STOP_LIMIT_S = 15.0
PR_SET_PDEATHSIG = 1  # prctl(2)


def free_port() -> int:
    """A TCP port on loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _die_with_parent() -> None:
    """A test run that is killed leaves no server behind."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class ServerProcess:
    """A program that listens on `port`; a subclass gives its command, and may say better when it is ready.

    What it prints goes to `log`. It ends with the thread that started it, so start it in a fixture or a test, not in
    a thread of theirs.
    """

    def __init__(self, directory: Path, port: int | None = None, user: str | None = None) -> None:
        self.directory = directory
        self.host = HOST
        self.port = port or free_port()
        self.user = user
        self.log = directory / f"{type(self).__name__.lower()}.log"
        self._process: subprocess.Popen[bytes] | None = None

    def command(self) -> Sequence[str | Path]:
        raise NotImplementedError

    def ready(self) -> bool:
        """Whether it answers: here, whether it takes a connection."""
        try:
            socket.create_connection((self.host, self.port), timeout=1).close()
        except OSError:
            return False
        return True

    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        if self._process is None:
            raise RuntimeError(f"{type(self).__name__} was never started")
        return self._process.pid

    def start(self) -> Self:
        """Starts it and returns when it answers; raises RuntimeError with its log when it ends or takes too long."""
        if self.running():
            return self
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self.command(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                user=self.user,
                group=self.user,
                extra_groups=None if self.user is None else [],
                cwd=self.directory,
                preexec_fn=_die_with_parent if sys.platform == "linux" else None,
            )
        limit = time.monotonic() + START_LIMIT_S
        while not self.ready():
            if not self.running() or time.monotonic() > limit:
                what = "did not answer in time" if self.running() else f"ended with {self._process.poll()}"
                self.kill()
                raise RuntimeError(f"{type(self).__name__} {what}:\n{self.log.read_text(errors='replace')[-4000:]}")
            time.sleep(0.02)
        return self

    def stop(self) -> None:
        """Ends it as an administrator would (SIGTERM); killed if that takes too long."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """Ends it as a power cut would (SIGKILL)."""
        self._end(signal.SIGKILL)

    def pause(self) -> None:
        """Freezes it (SIGSTOP): connections stay open and nothing answers."""
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    def _end(self, how: signal.Signals) -> None:
        if self._process is None or self._process.poll() is not None:
            return
        self._process.send_signal(how)
        self._process.send_signal(signal.SIGCONT)  # a paused one hears nothing else
        try:
            self._process.wait(STOP_LIMIT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(STOP_LIMIT_S)
