"""The agent's own process, against a real broker and devices on loopback."""

import asyncio
import contextlib
import json
import random
import signal
import socket
import sqlite3
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import pytest_asyncio

from shouwang.reasons import Reason
from tests.edge.devices import Camera, serve_bytes, terminal
from tests.edge.listening import REGION, Listener
from tests.servers import Mosquitto
from tests.waiting import until

pytestmark = pytest.mark.system

MEMORY_KB_MAX = 40 * 1024


class AgentProcess:
    """`shouwang agent` as an operator runs it."""

    def __init__(self, broker: str, state: Path, centre: str = "centre-1") -> None:
        self.broker, self.state, self.centre = broker, state, centre
        self.log = state.parent / "agent.log"

    async def start(self, *more: str) -> None:
        program = "import sys; from shouwang.cli import main; sys.exit(main())"
        arguments = ["agent", "--centre", self.centre, "--region", REGION, "--broker", self.broker]
        arguments += ["--state", str(self.state), "--allow-loopback", "--speed", "20", *more]
        with self.log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable, "-c", program, *arguments, stderr=log, stdout=log
            )

    async def end(self, how: signal.Signals) -> int:
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(how)
        async with asyncio.timeout(20):
            return await self.process.wait()

    def said(self) -> str:
        return self.log.read_text(errors="replace")

    def memory_kb(self) -> int:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS")))


@pytest_asyncio.fixture
async def agent(mosquitto: Mosquitto, tmp_path: Path) -> AsyncIterator[AgentProcess]:
    made = AgentProcess(mosquitto.url, tmp_path / "state")
    yield made
    if made.process.returncode is None:
        await made.end(signal.SIGKILL)


def config(*devices: dict[str, Any], revision: str = "r1") -> bytes:
    return json.dumps({"v": 1, "revision": revision, "devices": list(devices)}).encode()


def device(name: str, driver: str, target: str, every_s: float = 0.5, kind: str = "camera", **settings: str) -> Any:
    return {
        "device": name,
        "kind": kind,
        "driver": driver,
        "target": target,
        "report_every_s": every_s,
        "probe_timeout_s": 2,
        "settings": settings,
    }


def site(every_s: float = 0.5) -> Any:
    return device("site", "host", "", every_s, kind="site")


def stored_rows(state: Path) -> set[tuple[str, int]]:
    with contextlib.closing(sqlite3.connect(state / "outbox.db")) as db:
        return set(db.execute("SELECT b.boot, r.seq FROM rows r JOIN boots b ON b.id = r.boot"))


async def test_from_a_retained_configuration_to_readings_and_probe_now(
    mosquitto: Mosquitto, agent: AgentProcess
) -> None:
    secrets = agent.state / "secrets.toml"
    secrets.parent.mkdir()
    secrets.write_text('hall = "hall 2026"\n')
    secrets.chmod(0o600)
    phone = await terminal()
    async with Camera(("SHA-256",)) as camera, Listener(mosquitto.url, "centre-1") as listener:
        await listener.configure(
            config(
                device("cam-01", "rtsp", camera.url, 60, user="admin", password="secret:hall"),
                device("call-01", "sip", f"127.0.0.1:{phone.port}", 60, kind="call_terminal"),
                device("nvr-01", "telepathy", "34020000001110000001", 60, kind="nvr"),
                site(60),
            )
        )
        await agent.start()
        await until(lambda: {"cam-01", "call-01", "site"} <= set(listener.readings()), "all three", limit_s=20)
        assert "nvr-01" not in listener.readings()
        assert "nvr-01: this agent has no driver 'telepathy'" in agent.said()
        of_camera = {"kind": "camera", "driver": "rtsp", "settings": {"user": "admin", "password": "secret:hall"}}
        commands: dict[str, dict[str, Any]] = {
            "cam-01": {"command": "probe", "device": "cam-01"},
            "nvr-01": {"command": "probe", "device": "nvr-01"},
            "none": {"command": "probe", "device": "none"},
            "new": {"command": "try", "target": camera.url, **of_camera},
            "far": {"command": "try", "target": "rtsp://8.8.8.8/1", **of_camera},
            "wrong": {"command": "try", "kind": "camera", "target": camera.url, "settings": {"usr": "admin"}},
        }
        for name, command in commands.items():
            said = {"v": 1, "id": f"command-{name}", **command}
            await listener.command(json.dumps(said).encode(), name.encode())
        await until(lambda: len(listener.replies) == len(commands), "the answers")
        replies = {reply.id.removeprefix("command-"): reply for reply in listener.replies}
        good = replies["cam-01"]
        assert good.ok
        assert isinstance(good.reading, msgspec.Raw)
        reading = json.loads(bytes(good.reading))
        assert (reading["device"], reading["kind"], reading["age_ms"], reading["reachable"]) == (
            "cam-01",
            "camera",
            0,
            True,
        )
        assert reading["fps_expected"] == 12.5
        assert "no driver 'telepathy'" in replies["nvr-01"].reason
        assert "not in this agent's configuration" in replies["none"].reason
        tried = json.loads(bytes(replies["new"].reading)) if isinstance(replies["new"].reading, msgspec.Raw) else {}
        assert (tried["kind"], tried["reachable"], tried["fps_expected"]) == ("camera", True, 12.5)
        assert "tried" not in listener.readings(), "a trial is no reading of a device"
        assert replies["far"].why == Reason("not_allowed_network", {"address": "8.8.8.8"})
        assert "usr" in replies["wrong"].reason
        assert "hall 2026" not in agent.said()
    phone.transport.close()


async def test_it_starts_and_watches_without_a_broker(mosquitto: Mosquitto, agent: AgentProcess) -> None:
    mosquitto.stop()
    agent.state.mkdir()
    (agent.state / "config.json").write_bytes(config(site(0.2)))
    await agent.start()
    await until(lambda: "Connection refused" in agent.said(), "the first try", limit_s=20)
    await until(lambda: (agent.state / "outbox.db-wal").exists(), "its outbox")
    size = (agent.state / "outbox.db-wal").stat().st_size
    await until(lambda: (agent.state / "outbox.db-wal").stat().st_size > size, "readings kept")
    mosquitto.start()
    async with Listener(mosquitto.url, "centre-1") as listener:
        await until(lambda: 1 in {each.seq for each in listener.arrived}, "what was kept first")
        first = next(each for each in listener.arrived if each.seq == 1)
        assert all(age is not None and age > 0 for age in first.ages_ms)
    assert await agent.end(signal.SIGTERM) == 0


@pytest.mark.slow
@pytest.mark.timeout(180)
async def test_killed_again_and_again_everything_it_wrote_arrives(  # fault 1, 7
    mosquitto: Mosquitto, agent: AgentProcess
) -> None:
    chance = random.Random(20261124)
    server, port = await serve_bytes(lambda _head: b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    devices = [
        device(f"shop-{n:02}", "http", f"http://127.0.0.1:{port}/", 0.3, kind="ecommerce_point") for n in range(20)
    ]
    devices += [device(f"cam-{n:02}", "tcp", f"127.0.0.1:{port}", 0.3) for n in range(20)]
    async with Listener(mosquitto.url, "centre-1") as listener:
        await listener.configure(config(*devices, site()))
        for turn in range(8):
            await agent.start()
            before = len(listener.arrived)
            await until(lambda: len(listener.arrived) > before + 2, "it lives", limit_s=20)  # noqa: B023
            await asyncio.sleep(chance.uniform(0, 1.0))  # any line of it, not a moment to wait for
            if turn % 3 == 1:
                mosquitto.kill()
                await asyncio.sleep(chance.uniform(0, 0.5))
                mosquitto.start()
                await until(lambda: listener._client.connected, "the listener's connection", limit_s=20)
                await listener.configure(config(*devices, site()))
            await agent.end(signal.SIGKILL)
        written = stored_rows(agent.state)
        # One that watches nothing sends what the others left.
        await listener.configure(config())
        (agent.state / "config.json").write_bytes(config())
        await agent.start()
        await until(
            lambda: written <= {(each.boot, each.seq) for each in listener.arrived}, "every row they wrote", limit_s=60
        )
        assert await agent.end(signal.SIGTERM) == 0
        assert stored_rows(agent.state) == written
        assert {(each.boot, each.seq) for each in listener.arrived} == written
        assert len({boot for boot, _ in written}) == 8
        firsts = [(each.boot, each.seq) for each in listener.arrived if not each.repeat]
        assert len(firsts) == len(set(firsts)) == len(written)
    server.close()


@pytest.mark.slow
@pytest.mark.timeout(120)
async def test_fifty_devices_take_at_most_40_mb(mosquitto: Mosquitto, agent: AgentProcess) -> None:
    server, port = await serve_bytes(lambda _head: b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    async with Camera() as camera, Listener(mosquitto.url, "centre-1") as listener:
        targets = {
            "icmp": "127.0.0.1",
            "tcp": f"127.0.0.1:{port}",
            "tls": f"127.0.0.1:{port}",
            "http": f"http://127.0.0.1:{port}/",
            "rtsp": camera.url,
            "sip": "127.0.0.1:9",
        }
        # A tenth of the usual interval: ten times the usual work.
        devices = [device(f"{driver}-{n}", driver, target, 3) for driver, target in targets.items() for n in range(8)]
        await listener.configure(config(*devices, site(3), device("cam-99", "tcp", "127.0.0.1:9", 3)))
        await agent.start()
        await until(lambda: len(set(listener.readings())) >= 50, "all fifty", limit_s=30)
        seen = len(listener.readings())
        await until(lambda: len(listener.readings()) > seen + 150, "three rounds more", limit_s=30)
        assert agent.memory_kb() < MEMORY_KB_MAX
    server.close()


async def test_two_agents_on_one_state_directory_are_told(mosquitto: Mosquitto, agent: AgentProcess) -> None:
    await agent.start()
    await until(lambda: "watching" in agent.said(), "the first", limit_s=20)
    second = AgentProcess(mosquitto.url, agent.state)
    second.log = agent.state / "second.log"
    await second.start()
    async with asyncio.timeout(20):
        assert await second.process.wait() == 1
    assert "another agent uses this state directory" in second.said()


async def test_wrong_options_are_said_before_anything_runs(tmp_path: Path, agent: AgentProcess) -> None:
    for more, said in (
        (["--broker", "http://x"], "expected mqtt://host:port"),
        (["--centre", "Naiman Qi"], "is not [a-z0-9-]"),
        (["--password-file", "/none"], "password file /none"),
        (["--network", "10.0.0.0/99"], "10.0.0.0/99"),
    ):
        agent.log.unlink(missing_ok=True)
        await agent.start(*more)
        async with asyncio.timeout(20):
            assert await agent.process.wait() == 2
        assert said in agent.said()


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["tcp", "127.0.0.1:{open}"], 0, "answers  "),
        (["tcp", "127.0.0.1:9"], 1, "does not answer"),
        (["call_terminal", "127.0.0.1:9", "--timeout", "1"], 1, "does not answer"),
        (["tcp", "127.0.0.1"], 2, "its port is missing"),
        (["carrier-pigeon", "x"], 2, "no driver 'carrier-pigeon'"),
        (["rtsp", "rtsp://x/", "--set", "user"], 2, "expected NAME=VALUE"),
    ],
)
async def test_probe_from_the_command_line(arguments: list[str], code: int, said: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        program = "import sys; from shouwang.cli import main; sys.exit(main())"
        given = [argument.format(open=server.getsockname()[1]) for argument in arguments]
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            program,
            "probe",
            *given,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        async with asyncio.timeout(20):
            out, _ = await process.communicate()
    assert said in out.decode()
    assert process.returncode == code
