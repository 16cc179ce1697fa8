"""A network namespace of a test's own: addresses that are there, and are taken away as a plug is pulled."""

import ctypes
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.servers.programs import need_server, skip_or_fail

CLONE_NEWNET = 0x40000000


class Network:
    """Addresses on the loopback interface of the namespace that this thread, and what it starts, is in."""

    def __init__(self, ip: Path) -> None:
        self._ip = ip

    def plug(self, address: str) -> None:
        self.run("address", "add", f"{address}/32", "dev", "lo")

    def unplug(self, address: str) -> None:
        """From now on there is no way to that address."""
        self.run("address", "del", f"{address}/32", "dev", "lo")

    def up(self) -> None:
        self.run("link", "set", "lo", "up")

    def run(self, *words: str) -> None:
        """`ip WORDS`. Raises CalledProcessError."""
        subprocess.run([self._ip, *words], check=True, capture_output=True)


@contextmanager
def own_network() -> Iterator[Network]:
    """This thread, and every process and thread that it starts, in a new network namespace; then back again."""
    ip = need_server("ip")
    libc = ctypes.CDLL(None, use_errno=True)
    before = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        if libc.unshare(CLONE_NEWNET):
            skip_or_fail(f"a network namespace needs root: {os.strerror(ctypes.get_errno())}")
        try:
            network = Network(ip)
            network.up()
            yield network
        finally:
            if libc.setns(before, CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), "back to the first network namespace")
    finally:
        os.close(before)
