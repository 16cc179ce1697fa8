"""Who follows a page: runs its commands in its order, as they stand, on a machine that is theirs alone.

The machine: an empty home, a network of its own (so that addresses and ports are those of the page), and the programs
of `.venv`.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

from tests.docs.commands import Block
from tests.servers.network import Network
from tests.waiting import SELDOM_S, wait_until

LIMIT_S = 60.0
STOP_LIMIT_S = 15.0
_STAYS = re.compile(r'stays, says "(?P<text>.+)"')
_AGAIN = re.compile(r'again until "(?P<text>.+)"')
_EXITS = re.compile(r"exits (?P<code>\d+)")


class Reader:
    """Follows one page in `home`; `network` is where plugs are pulled."""

    def __init__(self, home: Path, network: Network) -> None:
        self.home = home
        self._network = network
        self._here = home
        self._staying: list[tuple[Block, subprocess.Popen[bytes]]] = []
        programs = f"{Path(sys.executable).parent}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        self._environment = {"PATH": programs, "HOME": str(home), "LC_ALL": "C.UTF-8", "TZ": "UTC"}

    def follow(self, block: Block) -> None:
        """Does what a block says. Raises AssertionError, naming its line, when it does not go as the page says."""
        if block.verb == "plug":
            self._network.plug(block.what)
        elif block.verb == "unplug":
            self._network.unplug(block.what)
        elif block.verb == "run":
            self._run(block)

    def end(self) -> None:
        """Ends what stays, the newest first, as Ctrl-C does."""
        for block, process in reversed(self._staying):
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGINT)
            try:
                process.wait(STOP_LIMIT_S)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                raise AssertionError(f"line {block.line}: it did not end within {STOP_LIMIT_S:g} s") from None

    def _run(self, block: Block) -> None:
        if said := _STAYS.fullmatch(block.what):
            self._stay(block, _plain(said["text"]))
        elif said := _AGAIN.fullmatch(block.what):
            text, seen = _plain(said["text"]), [""]

            def holds() -> bool:
                seen[0] = self._once(block, 0)
                return text in seen[0]

            wait_until(holds, lambda: f"line {block.line}: {text} in {seen[0]}", LIMIT_S, SELDOM_S)
        elif said := _EXITS.fullmatch(block.what):
            self._once(block, int(said["code"]))
        else:
            assert not block.what, f"line {block.line}: it is not known how to run {block.what!r}"
            self._once(block, 0)

    def _once(self, block: Block, code: int) -> str:
        left_at = self.home / ".left-at"
        script = f"trap 'pwd > {left_at}' EXIT\n{block.text}"
        done = subprocess.run(
            ["bash", "-e", "-o", "pipefail", "-c", script],
            cwd=self._here,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
        )
        assert done.returncode == code, f"line {block.line}: exit code {done.returncode}\n{done.stdout}{done.stderr}"
        self._here = Path(left_at.read_text("utf-8").strip())
        return done.stdout

    def _stay(self, block: Block, says: str) -> None:
        log = self.home / f".line-{block.line}.log"
        with log.open("wb") as out:
            process = subprocess.Popen(
                ["bash", "-e", "-c", f"exec {block.text.strip()}"],
                cwd=self._here,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._staying.append((block, process))

        def said() -> bool:
            text = log.read_text("utf-8", "replace")
            assert process.poll() is None, f"line {block.line}: it ended\n{text}"
            return says in text

        wait_until(said, lambda: f"line {block.line}: {says!r} in {log.read_text('utf-8', 'replace')}", LIMIT_S)


def _plain(text: str) -> str:
    return text.replace('\\"', '"')
