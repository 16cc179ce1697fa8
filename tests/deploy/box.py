"""A service of docker-compose.yml without a container engine: its own command, environment, user and files, in a mount
namespace of its own, where the root is read-only and nothing is there but what the file mounts.

Not tried so: the images themselves, and the networks. All boxes share one network, in which a service's name is
127.0.0.1.
"""

import os
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.deploy.composed import ROOT, Service

HEALTHY_WITHIN_S = 40.0
SYSTEM = ("/usr", "/etc/ssl", "/etc/ld.so.cache", "/etc/localtime")
KERNEL = ("/dev", "/proc")
LINKS = {"bin": "usr/bin", "sbin": "usr/sbin", "lib": "usr/lib", "lib64": "usr/lib64", "var/run": "../run"}


@dataclass
class Boxes:
    """Where boxes live: `project` is the folder with secrets/, .env, shouwang.toml and fleet.csv; `room` is ours.
    `programs` are what the images bring, by name."""

    project: Path
    room: Path
    services: Mapping[str, Service]
    programs: Mapping[str, Path]
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def volume(self, name: str) -> Path:
        """The folder of a named volume. As from the image, all may write into it, except where the image says whose it
        is."""
        folder = self.room / "volumes" / name
        if not folder.exists():
            folder.mkdir(parents=True)
            folder.chmod(0o1777)
        return folder

    def log(self, name: str) -> Path:
        return self.room / f"{name}.log"

    def start(self, name: str) -> None:
        with self.log(name).open("ab") as log:
            self.running[name] = subprocess.Popen(
                self._boxed(self.services[name], self.services[name].argv),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def execute(self, name: str, *argv: str, limit_s: float = 30) -> str:
        """As `docker compose exec`: what it prints. Raises AssertionError where it fails."""
        running = self.running.get(name)
        inside = self._joined(name, argv) if running is not None else self._boxed(self.services[name], argv)
        done = subprocess.run(inside, capture_output=True, text=True, timeout=limit_s)
        assert done.returncode == 0, f"{name}: {shlex.join(argv)}: {done.stdout}{done.stderr}"
        return done.stdout

    def run(self, name: str, limit_s: float = 40) -> str:
        """A service that runs once, to its end: what it printed. Raises AssertionError where it fails."""
        self.start(name)
        code = self.running.pop(name).wait(limit_s)
        said = self.log(name).read_text(errors="replace")
        assert code == 0, f"{name} ended with {code}:\n{said[-4000:]}"
        return said

    def healthy(self, name: str) -> bool:
        """One try of its health check."""
        joined = self._joined(name, self.services[name].health)
        return subprocess.run(joined, capture_output=True, timeout=15).returncode == 0

    def until_healthy(self, name: str) -> None:
        limit_s = time.monotonic() + HEALTHY_WITHIN_S
        while not self.healthy(name):
            said = self.log(name).read_text(errors="replace")[-4000:]
            assert self.running[name].poll() is None, f"{name} ended with {self.running[name].returncode}:\n{said}"
            assert time.monotonic() < limit_s, f"{name} is not healthy in time:\n{said}"
            time.sleep(0.3)

    def stop(self, name: str) -> int:
        """As Compose stops it; gives its exit code. Killed where it takes more than ten seconds."""
        process = self.running.pop(name)
        process.terminate()
        try:
            return process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            return process.wait(10)

    def stop_all(self) -> None:
        for name in reversed(list(self.running)):
            self.stop(name)

    def _boxed(self, service: Service, argv: Sequence[str]) -> list[str]:
        """The command that builds the box around itself and becomes `argv`. Boxes of one service share its files."""
        root = self.room / "roots" / service.name
        root.mkdir(parents=True, exist_ok=True)
        lines = [f"mount -t tmpfs -o mode=755,size=8m none {root}"]

        def bind(source: Path, target: str, how: str = "ro") -> None:
            place = shlex.quote(f"{root}{target}")
            make = "mkdir -p" if source.is_dir() else f"mkdir -p {shlex.quote(f'{root}{Path(target).parent}')}; touch"
            lines.append(f"{make} {place}; mount --bind {shlex.quote(str(source))} {place}")
            if how == "ro":
                lines.append(f"mount -o remount,bind,ro {place}")

        for place in SYSTEM:
            bind(Path(place), place)
        for place in KERNEL:
            bind(Path(place), place, "rw")
        lines.append(f"mkdir -p {root}/run {root}/var")
        lines += [f"ln -s {to} {root}/{link}" for link, to in LINKS.items()]
        bind(self._file("hosts", self._hosts()), "/etc/hosts")
        bind(
            self._file(f"passwd-{service.uid}", f"nobody:x:{service.uid}:{service.uid}::/tmp:/bin/sh\n"), "/etc/passwd"
        )
        bind(Path(sys.base_prefix), sys.base_prefix)
        for target in service.temporary:  # first: the checkout may stand under one of them
            bind(self._temporary(service, target), target, "rw")
        for name in (".venv", *copied_into_the_image()):
            bind(ROOT / name, str(ROOT / name))
        for name, program in self.programs.items():
            bind(program, f"/image/{name}")
        for mount in service.mounts:
            source = self.volume(mount.source) if mount.volume else self.project / mount.source
            bind(source, mount.target, "ro" if mount.read_only else "rw")
        lines.append(f"mount -o remount,bind,ro {root}")
        lines.append(f"exec chroot {root} {shlex.join(self._as_user(service, argv))}")
        return ["unshare", "--mount", "--propagation", "private", "sh", "-ec", "\n".join(lines)]

    def _joined(self, name: str, argv: Sequence[str]) -> list[str]:
        """Into the box of a service that runs."""
        inside = ["nsenter", f"--target={self.running[name].pid}", "--mount", "--root"]
        return [*inside, *self._as_user(self.services[name], argv)]

    def _as_user(self, service: Service, argv: Sequence[str]) -> list[str]:
        """With its user, its environment and no privilege; ends with whoever started it."""
        path = f"/image:{Path(sys.executable).parent}:/usr/bin:/usr/sbin:/usr/local/bin"
        environment = {"PATH": path, "HOME": "/tmp", "PYTHONDONTWRITEBYTECODE": "1", **service.environment}
        user = [f"--reuid={service.uid}", f"--regid={service.uid}", "--clear-groups"]
        no_more = ["--no-new-privs", "--bounding-set=-all", "--inh-caps=-all", "--pdeathsig=KILL"]
        said = [f"{key}={value}" for key, value in environment.items()]
        return ["setpriv", *user, *no_more, "env", "-i", *said, "sh", "-c", 'cd /tmp && exec "$@"', "sh", *argv]

    def _temporary(self, service: Service, target: str) -> Path:
        folder = self.room / "temporary" / service.name / target.strip("/").replace("/", "-")
        if not folder.exists():
            folder.mkdir(parents=True)
            folder.chmod(0o1777)
        return folder

    def _file(self, name: str, text: str) -> Path:
        path = self.room / name
        path.write_text(text)
        path.chmod(0o644)
        return path

    def _hosts(self) -> str:
        return f"127.0.0.1 localhost {' '.join(self.services)}\n"


def copied_into_the_image() -> list[str]:
    """What of the checkout the Dockerfile takes, besides the packages."""
    text = (ROOT / "deploy" / "Dockerfile").read_text("utf-8")
    return re.findall(r"^COPY (?!--from)(\S+) (?!tools|requirements)", text, re.MULTILINE)


def may_box() -> bool:
    """Whether this process may make such namespaces."""
    return os.geteuid() == 0 and subprocess.run(["unshare", "--mount", "true"], capture_output=True).returncode == 0
