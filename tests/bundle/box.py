"""A village's box and the centre of it, as real processes: `serve` with passwords, and an installed agent."""

import contextlib
import json
import os
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edge.bundle import agent_file
from edge.bundle.agent_file import AgentFile
from tests.servers.process import HOST, ServerProcess, free_port
from tests.timeline.product import Serve

CENTRE = "150525100201"
OTHER = "150525100202"
OUTSIDE = "127.0.0.2"
"""Still loopback, and yet not the address from which nobody needs a password."""
SPEED = 10.0


def clean_python() -> str:
    """A Python that has nothing of ours installed."""
    for path in ("/usr/bin/python3", getattr(sys, "_base_executable", sys.executable)):
        code = "import sys, importlib.util as u; sys.exit(sys.version_info < (3, 11) or bool(u.find_spec('msgspec')))"
        if Path(path).exists() and subprocess.run([path, "-I", "-c", code], stderr=subprocess.DEVNULL).returncode == 0:
            return path
    raise AssertionError("no Python without our packages is on this machine")


def free_pair() -> int:
    """A port that nobody listens on, and neither on the next, which our own processes take."""
    while True:
        port = free_port()
        with socket.socket() as probe, contextlib.suppress(OSError, OverflowError):
            probe.bind((HOST, port + 1))
            return port


class Centre(Serve):
    """`shouwang serve`, reached by agents with a password each."""

    def __init__(self, directory: Path) -> None:
        fleet = directory / "fleet.csv"
        rows = ["centre,device,kind,driver,target,centre_stage"]
        rows += [f"{centre},site,site,host,,live" for centre in (CENTRE, OTHER)]
        fleet.write_text("\n".join(rows) + "\n", "utf-8")
        super().__init__(directory, fleet, "http://127.0.0.1:9/")
        self.mqtt_port = free_pair()
        self.arguments[self.arguments.index("--mqtt-port") + 1] = str(self.mqtt_port)
        self.arguments += ["--mqtt-host", OUTSIDE]
        self.environment |= {
            "SHOUWANG_AGENTS__BROKER_URL": f"mqtt://{OUTSIDE}:{self.mqtt_port}",
            "SHOUWANG_API__PUBLIC_URL": self.url,
        }

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.http_port}"

    def command_line(self, *arguments: str) -> str:
        """What a command of `shouwang` prints that works on its state. Raises CalledProcessError."""
        environment = os.environ | self.environment
        command = [sys.executable, "-P", "-m", "shouwang", *arguments, "--state", str(self.state)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()


class Box(ServerProcess):
    """An installed agent under a root of its own, kept running. `start` returns at once."""

    def __init__(self, directory: Path, centre: Centre, python: str) -> None:
        directory.mkdir(exist_ok=True)
        super().__init__(directory)
        self.root, self.python, self.centre = directory / "root", python, centre
        self.log = directory / "service.log"
        self.settings = self.root / "etc/shouwang-agent/agent.toml"
        self.bundle = self.root / "opt/shouwang-agent/shouwang-agent.pyz"
        self.cache = directory / "cache"
        self.entering: tuple[str, ...] = ()

    @property
    def environment(self) -> dict[str, str]:
        """What a service has, and nothing of a developer's shell."""
        return {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "SHIV_ROOT": str(self.cache)}

    def run(self, *arguments: str, bundle: Path | None = None) -> "subprocess.CompletedProcess[str]":
        """A command of the bundle, ended."""
        command = [self.python, "-I", str(bundle or self.bundle), *arguments]
        return subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=120)

    def install(self, bundle: Path, code: str, **over: Any) -> None:
        """By a code, as a person does; what the root of a test needs otherwise is then put into its settings."""
        options = ["--server", self.centre.url, "--code", code, "--allow-loopback", "--no-start"]
        done = self.run("install", *options, "--python", self.python, "--root", str(self.root), bundle=bundle)
        assert done.returncode == 0, done.stderr
        said = agent_file.read(self.settings)
        self.settings.write_text(agent_file.written(self._here(said, over)), "utf-8")

    def _here(self, said: AgentFile, over: Mapping[str, Any]) -> AgentFile:
        import msgspec

        password = str(self.root / "etc/shouwang-agent/password")
        here = {
            "state": str(self.root / "var/lib/shouwang-agent"),
            "password_file": password,
            "speed": SPEED,
            "ask_every_s": 0.3,
        }
        return msgspec.structs.replace(said, **here, **over)

    def command(self) -> list[str | Path]:
        environment = [f"{key}={value}" for key, value in self.environment.items()]
        service: list[str | Path] = [*self.entering, self.python, self.bundle, "run", "--settings", self.settings]
        keeper = Path(__file__).with_name("keeper.py")
        return ["/usr/bin/env", "-i", *environment, self.python, keeper, self.directory / "kept.log", *service]

    def ready(self) -> bool:
        return True

    @property
    def said(self) -> str:
        """What the service has logged so far."""
        path = self.directory / "kept.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def status(self) -> dict[str, Any]:
        """As `shouwang-agent status --json` says it."""
        found: dict[str, Any] = json.loads(self.run("status", "--json", "--settings", str(self.settings)).stdout)
        return found
