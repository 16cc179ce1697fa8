"""`shouwang serve` whole: everything comes up, what is killed comes back, and all of it ends in time."""

import csv
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from structlog.testing import capture_logs

from collector.broker_process import CertificateWatch
from shouwang.certificates import DAY_MS, file_ends_at_ms
from tests.edge.devices import certificate
from tests.servers import need_server
from tests.servers.process import START_LIMIT_S, ServerProcess, free_port
from tests.waiting import wait_until

pytestmark = [pytest.mark.system, pytest.mark.slow, pytest.mark.timeout(120)]

REGION = "150525"
HEADERS = ("region", "centre", "device", "kind", "township", "target")
ROWS = [
    (REGION, "c-1", "call-01", "call_terminal", "150525100", "10.0.0.1"),
    (REGION, "c-1", "site-01", "site", "150525100", ""),
]


class Serve(ServerProcess):
    """The command, as a person runs it. Ready when its page answers that all is well."""

    def __init__(self, directory: Path, *arguments: str, program: str = "") -> None:
        super().__init__(directory)
        self.mqtt_port = free_port()
        self.fleet = directory / "fleet.csv"
        with self.fleet.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([HEADERS, *ROWS])
        self.state = directory / "state"
        self.arguments: tuple[str, ...] = arguments
        self.program = program

    def command(self) -> list[str | Path]:
        said: list[str | Path] = ["--state", self.state, "--fleet", self.fleet]
        said += ["--port", str(self.port), "--mqtt-port", str(self.mqtt_port)]
        env = ["/usr/bin/env", f"SHOUWANG_BROKER__PROGRAM={self.program}"] if self.program else []
        return [*env, sys.executable, "-P", "-m", "shouwang", "serve", *said, *self.arguments]

    def ready(self) -> bool:
        try:
            return httpx.get(f"http://127.0.0.1:{self.port}/readyz", timeout=2).is_success
        except httpx.HTTPError:
            return False

    def children(self) -> dict[str, int]:
        """The pids of what it supervises, by what each runs."""
        found = {}
        for path in Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = path.read_text().rpartition(")")[2].split()
                words = (path.parent / "cmdline").read_bytes().decode().split("\0")
            except (FileNotFoundError, ProcessLookupError):
                continue
            if int(fields[1]) == self.pid and fields[0] != "Z":
                named = next((w for w in ("watch", "recorder", "api", "mosquitto", "broker") if w in words), "")
                found[named or Path(words[0]).name] = int(path.parent.name)
        return found


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., Serve]]:
    made: list[Serve] = []

    def one(*arguments: str, program: str = "") -> Serve:
        directory = tmp_path / str(len(made))
        directory.mkdir()
        made.append(Serve(directory, *arguments, program=program))
        return made[-1]

    yield one
    for each in made:
        each.stop()


def exists(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.mark.parametrize("program", ["", "embedded"])
def test_it_comes_up_whole_and_ends_whole_within_ten_seconds(make: Callable[..., Serve], program: str) -> None:
    serve = make(program=program)
    serve.start()
    said = serve.log.read_text()
    assert "2 devices added" in said
    link = re.search(r"http://\S+/sign-in/\S+", said)
    assert link
    assert httpx.get(link.group(), follow_redirects=False).status_code < 400
    pids = serve.children()
    assert len(pids) == 4
    began = time.monotonic()
    serve.stop()
    assert time.monotonic() - began < 10
    assert not any(exists(pid) for pid in pids.values())
    assert "Traceback" not in serve.log.read_text()


def test_what_is_killed_comes_back(make: Callable[..., Serve]) -> None:  # fault 6
    serve = make()
    serve.start()
    before = serve.children()
    assert set(before) >= {"watch", "recorder", "api"}
    for pid in before.values():
        os.kill(pid, signal.SIGKILL)
    wait_until(
        lambda: len(serve.children()) == len(before) and not set(serve.children().values()) & set(before.values()),
        limit_s=START_LIMIT_S,
    )
    wait_until(serve.ready, limit_s=START_LIMIT_S)


def test_a_frozen_watch_is_replaced(make: Callable[..., Serve]) -> None:  # fault 6
    serve = make()
    serve.start()
    frozen = serve.children()["watch"]
    os.kill(frozen, signal.SIGSTOP)
    wait_until(lambda: serve.children().get("watch", frozen) != frozen, limit_s=40)
    assert "no sign of life" in serve.log.read_text()
    wait_until(serve.ready, limit_s=START_LIMIT_S)


def test_a_second_start_changes_nothing_and_two_at_once_are_refused(make: Callable[..., Serve]) -> None:
    serve = make()
    serve.start()
    command = [str(word) for word in serve.command()]
    command[command.index("--port") + 1] = str(free_port())
    command[command.index("--mqtt-port") + 1] = str(free_port())
    second = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert second.returncode == 1
    assert f"another `shouwang serve` (process {serve.pid}) uses" in second.stderr
    with sqlite3.connect(serve.state / "ledger.db") as db:  # as the console would
        db.execute("update devices set target = '10.0.0.2' where device = 'call-01'")
    serve.stop()
    serve.start()
    assert "as it was taken in before" in serve.log.read_text()
    with sqlite3.connect(serve.state / "ledger.db") as db:
        assert db.execute("select target from devices where device = 'call-01'").fetchone() == ("10.0.0.2",)
    serve.stop()
    serve.fleet.write_text("centre,device,kind\nc-1,CALL_1,call_terminal\n")
    serve.start()
    assert "the fleet as it was before is watched" in serve.log.read_text()
    assert len(re.findall("/sign-in/", serve.log.read_text())) == 1


def test_a_wrong_fleet_a_taken_port_and_a_wrong_setting_are_said_before_anything_starts(
    make: Callable[..., Serve],
) -> None:
    serve = make()
    serve.fleet.write_text("centre,device,kind\nc-1,CALL_1,call_terminal\nc-1,cam,camra\n")
    done = subprocess.run([str(w) for w in serve.command()], capture_output=True, text=True, timeout=30)
    assert done.returncode == 1
    assert "line 2" in done.stderr
    assert "line 3" in done.stderr
    assert "camera" in done.stderr

    other = make()
    other.start()
    serve.port = other.port
    done = subprocess.run([str(w) for w in serve.command()], capture_output=True, text=True, timeout=30)
    assert done.returncode == 2
    assert f"port {other.port} cannot be used" in done.stderr
    assert "--port" in done.stderr

    wrong = make("--mqtt-port", "0")
    done = subprocess.run([str(w) for w in wrong.command()], capture_output=True, text=True, timeout=30)
    assert done.returncode == 2
    assert "broker.port" in done.stderr


def test_fleet_commands_work_beside_it(make: Callable[..., Serve], tmp_path: Path) -> None:
    serve = make()
    serve.start()

    def shouwang(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-P", "-m", "shouwang", *words, "--state", str(serve.state)]
        return subprocess.run(command, capture_output=True, text=True, timeout=30)

    exported = tmp_path / "exported.csv"
    assert shouwang("fleet", "export", str(exported)).returncode == 0
    again = shouwang("fleet", "import", str(exported), "--json")
    assert json.loads(again.stdout) | {"revision": ""} == json.loads(again.stdout) | {"revision": "", "unchanged": 2}
    exported.write_text("\n".join(exported.read_text().splitlines()[:2]) + "\n")
    refused = shouwang("fleet", "import", str(exported))
    assert refused.returncode == 1
    assert "--allow-removals" in refused.stderr
    would = shouwang("fleet", "import", str(exported), "--dry-run", "--allow-removals", "--json")
    assert json.loads(would.stdout)["retired"] == 1
    assert json.loads(shouwang("fleet", "export", "--json").stdout)


def test_an_agent_from_outside_comes_in_by_its_password_alone(make: Callable[..., Serve], tmp_path: Path) -> None:
    need_server("mosquitto")
    serve = make("--mqtt-host", "0.0.0.0")
    serve.start()
    create = [sys.executable, "-P", "-m", "shouwang", "token", "create", "--centre", "c-1", "--state", str(serve.state)]
    password = subprocess.run(create, capture_output=True, text=True, timeout=30, check=True).stdout.strip()
    (tmp_path / "password").write_text(password)
    (tmp_path / "wrong").write_text("guess")

    def agent(password_file: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-P", "-m", "shouwang", "agent", "--centre", "c-1", "--region", REGION]
        command += ["--broker", f"mqtt://127.0.0.1:{serve.mqtt_port}", "--state", str(tmp_path / password_file[::-1])]
        return subprocess.Popen([*command, "--password-file", str(tmp_path / password_file)], stderr=subprocess.DEVNULL)

    def online() -> bool:
        with sqlite3.connect(serve.state / "ledger.db") as db:
            return bool(db.execute("select online from paths where path = 'c-1'").fetchall() == [(1,)])

    thief = agent("wrong")
    wait_until(lambda: "not authorised" in serve.log.read_text(), limit_s=START_LIMIT_S)
    assert not online()
    thief.kill()
    thief.wait()
    own = agent("password")
    try:
        wait_until(online, limit_s=START_LIMIT_S)
    finally:
        own.kill()
        own.wait()


def test_agents_come_in_by_tls_and_refuse_a_broker_that_is_not_ours(  # fault 18, fault 19
    make: Callable[..., Serve], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    need_server("mosquitto")
    made, key = certificate(tmp_path, days=5)
    (tmp_path / "another").mkdir()
    another, _ = certificate(tmp_path / "another")
    monkeypatch.setenv("SHOUWANG_BROKER__CERTIFICATE_FILE", str(made))
    monkeypatch.setenv("SHOUWANG_BROKER__KEY_FILE", str(key))
    serve = make("--mqtt-host", "0.0.0.0")
    serve.start()
    wait_until(lambda: "agents: mqtts://0.0.0.0" in serve.log.read_text(), limit_s=START_LIMIT_S)
    wait_until(lambda: "the certificate that agents see ends" in serve.log.read_text(), limit_s=START_LIMIT_S)
    command = [sys.executable, "-P", "-m", "shouwang"]
    create = [*command, "token", "create", "--centre", "c-1", "--state", str(serve.state)]
    password = subprocess.run(create, capture_output=True, text=True, timeout=30, check=True).stdout.strip()
    (tmp_path / "password").write_text(password)

    def agent(ca_file: Path, url: str) -> tuple[subprocess.Popen[bytes], Path]:
        state = tmp_path / f"agent-{ca_file.parent.name}"
        said = state.with_suffix(".log")
        asked = ["agent", "--centre", "c-1", "--region", REGION, "--broker", url, "--ca-file", str(ca_file)]
        asked += ["--state", str(state), "--password-file", str(tmp_path / "password")]
        with said.open("ab") as log:
            return subprocess.Popen([*command, *asked], stderr=log, stdout=log), said

    def online() -> bool:
        with sqlite3.connect(serve.state / "ledger.db") as db:
            return bool(db.execute("select online from paths where path = 'c-1'").fetchall() == [(1,)])

    url = f"mqtts://127.0.0.1:{serve.mqtt_port}"
    deceived, said = agent(another, url)
    try:
        wait_until(lambda: "its certificate is refused" in said.read_text(), limit_s=START_LIMIT_S)
        assert not online()
    finally:
        deceived.kill()
        deceived.wait()
    ours, _ = agent(made, url)
    try:
        wait_until(online, limit_s=START_LIMIT_S)
    finally:
        ours.kill()
        ours.wait()


def test_the_end_of_the_certificate_that_agents_see_is_said_thirty_seven_and_one_days_before(  # fault 19
    tmp_path: Path,
) -> None:
    made, _ = certificate(tmp_path, days=40)
    ends_ms = file_ends_at_ms(made)
    watch = CertificateWatch(made)
    with capture_logs() as said:
        for days in (40, 31, 29.9, 29, 7, 6, 1.01, 0.9, 0.5, -0.5, -2):
            watch.look(ends_ms - int(days * DAY_MS))
    assert [(each["log_level"], each["when"].partition(",")[0]) for each in said] == [
        ("warning", "ends in 30 days"),
        ("warning", "ends in 7 days"),
        ("error", "ends in 1 days"),
        ("error", "ended 0 days ago"),
    ]
