"""A systemd unit without systemd: its own command, user, state directory and watchdog, in a mount namespace in which
all but its state is read-only, as ProtectSystem=strict has it.

Not tried so: the other restrictions (system calls, address families, …), which systemd-analyze reads.
"""

import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.deploy.box import KERNEL, LINKS, SYSTEM
from tests.deploy.composed import ROOT

UID = 65534
INSTALLED = "/opt/shouwang"
_CHECKOUT = (".venv", "shouwang", "edge", "collector", "api", "dashboards", "simulators", "deploy", "docs")


@dataclass
class Unit:
    """`room` is ours, and world-readable down to it; `settings` stands for /etc/shouwang."""

    file: Path
    room: Path
    settings: Path
    process: subprocess.Popen[bytes] | None = None
    heard: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        return self.file.read_text("utf-8").replace("\\\n", " ")

    def said(self, key: str) -> str:
        """The value of a setting; empty where there is none."""
        found = re.findall(rf"^{key}=(.*)$", self.text, re.MULTILINE)
        return found[-1].strip() if found else ""

    @property
    def log(self) -> str:
        return (self.room / f"{self.file.stem}.log").read_text(errors="replace")

    def start(self) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        place = self.room / "notify" / self.file.stem
        place.parent.mkdir(exist_ok=True)
        self._socket.bind(str(place))
        place.chmod(0o777)
        self._socket.settimeout(0.1)
        with (self.room / f"{self.file.stem}.log").open("ab") as log:
            self.process = subprocess.Popen(
                self._boxed(shlex.split(self.said("ExecStart"))),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def run(self, limit_s: float = 30) -> int:
        """A unit that runs once: its exit code."""
        self.start()
        assert self.process is not None
        code = self.process.wait(limit_s)
        self._socket.close()
        return code

    def until_says(self, what: str, within_s: float) -> None:
        """Waits until it tells its starter; what was told before does not count."""
        limit_s = time.monotonic() + within_s
        while True:
            assert self.process is not None
            assert self.process.poll() is None, f"{self.file.name} ended:\n{self.log}"
            assert time.monotonic() < limit_s, f"{self.file.name} did not say {what}: {self.heard}\n{self.log}"
            try:
                told = self._socket.recv(4096).decode().splitlines()
            except TimeoutError:
                continue
            self.heard += told
            if what in told:
                return

    def stop(self) -> int:
        """As systemd stops it; gives its exit code, negative where it had to be killed."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(float(self.said("TimeoutStopSec")))
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(10)
            return -signal.SIGKILL
        finally:
            self._socket.close()

    def state(self, name: str) -> Path:
        """A StateDirectory, made as systemd makes it."""
        folder = self.room / "state" / name
        if not folder.exists():
            folder.mkdir(parents=True)
            folder.chmod(int(self.said("StateDirectoryMode"), 8))
            os.chown(folder, UID, UID)
        return folder

    def _boxed(self, argv: Sequence[str]) -> list[str]:
        root = self.room / "root"
        root.mkdir(exist_ok=True)
        lines = [f"mount -t tmpfs -o mode=755,size=8m none {root}"]

        def bind(source: Path, target: str, how: str = "ro") -> None:
            place = shlex.quote(f"{root}{target}")
            make = "mkdir -p" if source.is_dir() else f"mkdir -p {shlex.quote(f'{root}{Path(target).parent}')}; touch"
            lines.append(f"{make} {place}; mount --bind {shlex.quote(str(source))} {place}")
            if how == "ro":
                lines.append(f"mount -o remount,bind,ro {place}")

        for kept in SYSTEM:
            bind(Path(kept), kept)
        for kept in KERNEL:
            bind(Path(kept), kept, "rw")
        lines.append(f"mkdir -p {root}/run {root}/var {root}/tmp; chmod 1777 {root}/tmp")
        lines.append(f"mount -t tmpfs -o mode=1777,size=64m none {root}/tmp")  # PrivateTmp=
        lines += [f"ln -s {to} {root}/{link}" for link, to in LINKS.items()]
        (self.room / "passwd").write_text(f"shouwang:x:{UID}:{UID}::/var/lib/shouwang:/bin/sh\n")
        bind(self.room / "passwd", "/etc/passwd")
        bind(Path(sys.base_prefix), sys.base_prefix)
        bind(self.settings, "/etc/shouwang")
        bind(self.room / "notify", "/run/notify")
        for name in _CHECKOUT:
            bind(ROOT / name, str(ROOT / name))  # the scripts of .venv name the place where it was made
            bind(ROOT / name, f"{INSTALLED}/{name}")
        for name in self._state_directories():
            bind(self.state(name), f"/var/lib/{name}", "rw")
        lines.append(f"mount -o remount,bind,ro {root}")
        lines.append(f"exec chroot {root} {shlex.join(self._as_user(argv))}")
        return ["unshare", "--mount", "--propagation", "private", "sh", "-ec", "\n".join(lines)]

    def _state_directories(self) -> list[str]:
        return [*self.said("StateDirectory").split(), *(Path(p).name for p in self.said("ReadWritePaths").split())]

    def _as_user(self, argv: Sequence[str]) -> list[str]:
        environment = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin", "HOME": "/var/lib/shouwang"}
        if self.said("Type") == "notify":
            environment["NOTIFY_SOCKET"] = f"/run/notify/{self.file.stem}"
            environment["WATCHDOG_USEC"] = str(int(self.said("WatchdogSec")) * 1_000_000)
        user = [f"--reuid={UID}", f"--regid={UID}", "--clear-groups", "--no-new-privs", "--bounding-set=-all"]
        said = [f"{key}={value}" for key, value in environment.items()]
        return ["setpriv", *user, "--inh-caps=-all", "--pdeathsig=KILL", "env", "-i", *said, *argv]
