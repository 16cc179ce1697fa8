"""A limit on memory as a small box has it: a control group of the kernel's, of either version."""

import contextlib
import os
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.servers.programs import skip_or_fail

_V1 = Path("/sys/fs/cgroup/memory")
_V2 = Path("/sys/fs/cgroup")


@dataclass(frozen=True)
class Limited:
    """A group whose processes have so much memory together, files that they read included."""

    group: Path

    @property
    def entering(self) -> tuple[str, ...]:
        """What a command begins with to run in it."""
        return ("/bin/sh", "-c", f'echo $$ > {self.group}/cgroup.procs && exec "$@"', "sh")

    @property
    def killed(self) -> int:
        """How many processes were ended because there was no more."""
        name = "memory.oom_control" if (self.group / "memory.oom_control").exists() else "memory.events"
        return int(self._of(name)["oom_kill"])

    @property
    def own_bytes(self) -> int:
        """What its processes hold now that the kernel cannot simply drop."""
        said = self._of("memory.stat")
        return int(said.get("total_rss") or said["anon"])

    def _of(self, name: str) -> dict[str, str]:
        lines = (self.group / name).read_text().splitlines()
        return {key: value for key, _, value in (line.partition(" ") for line in lines)}


@contextlib.contextmanager
def memory_limit(size_bytes: int) -> Iterator[Limited]:
    """A group of this limit; it goes when its processes have."""
    first = _V1 if (_V1 / "memory.limit_in_bytes").exists() else _V2
    group = first / f"agent-{uuid.uuid4().hex[:8]}"
    try:
        group.mkdir()
        (group / ("memory.limit_in_bytes" if first is _V1 else "memory.max")).write_text(str(size_bytes))
    except OSError as error:
        if group.exists():
            group.rmdir()
        skip_or_fail(f"no control group for memory can be made here: {error}")
    try:
        yield Limited(group)
    finally:
        for pid in (group / "cgroup.procs").read_text().split():
            os.kill(int(pid), 9)
        with contextlib.suppress(OSError):  # an empty one that stays costs nothing
            group.rmdir()
