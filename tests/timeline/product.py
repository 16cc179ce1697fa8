"""The product as it is run: `shouwang serve` with its children, simulated centres, a real agent; all can be killed."""

import csv
import http.server
import os
import signal
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

from simulators.fleet import HEADER, SimCentre, write_csv
from tests.servers.process import ServerProcess, free_port

REGION = "150525"
SPEED = 10
SECRET = "whsec_c2hvdXdhbmctdGVzdC1zZWNyZXQtMDAwMQ=="


class Program(ServerProcess):
    """A command of `shouwang`. `ready` as a subclass says."""

    def __init__(self, directory: Path, name: str, arguments: Sequence[str], **environment: str) -> None:
        super().__init__(directory)
        self.log = directory / f"{name}.log"
        self.arguments = list(arguments)
        self.environment = environment | {"PYTHONPATH": str(Path.cwd())}

    def command(self) -> Sequence[str | Path]:
        settings = [f"{key}={value}" for key, value in self.environment.items()]
        return ["/usr/bin/env", *settings, sys.executable, "-P", "-m", "shouwang", *self.arguments]

    def ready(self) -> bool:
        return True

    def said(self, words: str) -> int:
        """How often its log says something."""
        return self.log.read_text(errors="replace").count(words)


class Serve(Program):
    """`shouwang serve` at a speed, with a webhook. Ready when the API says that the collector hears."""

    def __init__(self, directory: Path, fleet: Path, hook_url: str) -> None:
        self.state = directory / "state"
        self.mqtt_port = free_port()
        self.http_port = free_port()
        ports = ["--port", str(self.http_port), "--mqtt-port", str(self.mqtt_port)]
        super().__init__(
            directory,
            "serve",
            ["serve", "--state", str(self.state), "--fleet", str(fleet), *ports],
            SHOUWANG_SPEED=str(SPEED),
            SHOUWANG_NOTIFY__WEBHOOK__URL=hook_url,
            SHOUWANG_NOTIFY__WEBHOOK__ALLOW_PRIVATE="true",
            SHOUWANG_NOTIFY__WEBHOOK__SECRET=SECRET,
        )

    @property
    def broker_url(self) -> str:
        return f"mqtt://127.0.0.1:{self.mqtt_port}"

    def ready(self) -> bool:
        return self.answers("/readyz") == 200

    def answers(self, page: str) -> int:
        """The status of a page; 0 when nobody answers."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.http_port}{page}", timeout=2) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return 0

    def children(self) -> dict[str, int]:
        """The processes that it keeps, by what they are: `broker`, `collector`, `recorder`, `api`."""
        found: dict[str, int] = {}
        for pid in _children_of(self.pid):
            words = _command_of(pid)
            if any(word.endswith("mosquitto") for word in words[:1]):
                found["broker"] = pid
            elif "recorder" in words:
                found["recorder"] = pid
            elif "collector" in words:
                found["collector"] = pid
            elif "api" in words:
                found["api"] = pid
        return found

    def kill_child(self, name: str) -> bool:
        """kill -9; False when it does not run just now."""
        pid = self.children().get(name)
        if pid is None:
            return False
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            return False
        return True

    def power_cut(self, within_s: float = 20) -> None:
        """Everything at once: the children die with the process that keeps them."""
        children = self.children().values()
        self.kill()
        limit_s = time.monotonic() + within_s
        while any(Path(f"/proc/{pid}").exists() and _command_of(pid) for pid in children):
            assert time.monotonic() < limit_s, "the children outlived the supervisor"
            time.sleep(0.02)


class Simulation(Program):
    """`shouwang simulate`, its outboxes on disk."""

    def __init__(self, directory: Path, broker_url: str, centres: int, scenario: Path, seed: int) -> None:
        self.outboxes = directory / "outboxes"
        arguments = ["simulate", "--centres", str(centres), "--speed", str(SPEED), "--seed", str(seed)]
        arguments += ["--broker", broker_url, "--outboxes", str(self.outboxes), "--scenario", str(scenario)]
        super().__init__(directory, "simulate", arguments)


class EdgeAgent(Program):
    """`shouwang agent` at a centre; what it watches comes from the collector."""

    def __init__(self, directory: Path, broker_url: str, centre: str) -> None:
        self.outbox = directory / "agent" / "outbox.db"
        arguments = ["agent", "--centre", centre, "--region", REGION, "--broker", broker_url, "--allow-loopback"]
        super().__init__(directory, "agent", [*arguments, "--state", str(self.outbox.parent), "--speed", str(SPEED)])


class Devices:
    """So many devices on loopback that answer over TCP, each on a port of its own; one can be unplugged."""

    def __init__(self, count: int) -> None:
        self._servers = [_quiet_server() for _ in range(count)]
        self.targets = {f"call-{n + 1:02d}": f"127.0.0.1:{s.server_port}" for n, s in enumerate(self._servers)}

    def __enter__(self) -> Self:
        for server in self._servers:
            threading.Thread(target=server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        for server in self._servers:
            server.shutdown()
            server.server_close()

    def unplug(self, device: str) -> None:
        server = self._servers.pop(list(self.targets).index(device))
        del self.targets[device]
        server.shutdown()
        server.server_close()


def write_fleet(path: Path, fleet: Sequence[SimCentre], centre: str, devices: Devices) -> Path:
    """The simulated fleet's file, and in it a centre of ours whose call terminals are those devices."""
    write_csv(fleet, path)
    ours = {
        "region": REGION,
        "township": "150525199",
        "township_name": "试验镇",
        "centre": centre,
        "centre_name": "试验村",
        "centre_type": "centre",
        "centre_stage": "live",
    }
    with path.open("a", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, HEADER)
        for device, target in devices.targets.items():
            writer.writerow(ours | {"device": device, "kind": "call_terminal", "driver": "tcp", "target": target})
    return path


def _quiet_server() -> http.server.ThreadingHTTPServer:
    class Quiet(http.server.BaseHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            pass

    return http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet)


def _children_of(pid: int) -> list[int]:
    try:
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def _command_of(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().split("\0")[:-1]
    except OSError:
        return []
