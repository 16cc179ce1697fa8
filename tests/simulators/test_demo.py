"""The demo as a person runs it: everything starts, tells what happens, and ends."""

import json
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.servers import free_port
from tests.waiting import SELDOM_S, wait_until

pytestmark = [pytest.mark.system, pytest.mark.slow, pytest.mark.timeout(180)]


class RunningDemo:
    """`shouwang demo` with a few centres, on ports of its own."""

    def __init__(self, state: Path) -> None:
        self.state = state
        self.port = free_port()
        self.output = state.parent / "demo.out"
        options = ["--centres", "20", "--speed", "20", "--state", str(state)]
        ports = ["--port", str(self.port), "--mqtt-port", str(free_port())]
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "shouwang", "demo", *options, *ports],
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def facts(self) -> dict[str, Any]:
        try:
            read = json.loads((self.state / "demo.json").read_text("utf-8"))
        except FileNotFoundError:
            return {}
        assert isinstance(read, dict)
        return read

    def page_state(self) -> dict[str, Any]:
        answer = httpx.get(f"{self.facts()['page']}/state", timeout=5).raise_for_status().json()
        assert isinstance(answer, dict)
        return answer

    def arrived(self, cause: str) -> list[dict[str, Any]]:
        return [arrival for arrival in self.page_state()["arrivals"] if arrival["cause"] == cause]

    def await_fact(self, name: str, within_s: float) -> float:
        def found() -> Any:
            assert self.process.poll() is None, self.output.read_text("utf-8")
            return self.facts().get(name)

        return float(wait_until(found, f"{name} in demo.json:\n{self.output.read_text('utf-8')}", within_s, SELDOM_S))


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDemo]:
    running = RunningDemo(tmp_path_factory.mktemp("demo") / "state")
    yield running
    if running.process.poll() is None:
        os.killpg(running.process.pid, signal.SIGKILL)
        running.process.wait()


def test_within_a_minute_a_terminal_has_fallen_silent_and_somebody_was_told(demo: RunningDemo) -> None:
    demo.await_fact("first_page_s", 60)
    demo.await_fact("first_incident_s", 60)
    assert demo.await_fact("first_notification_s", 60) > demo.facts()["first_incident_s"]
    (arrival, *_) = demo.arrived("device_silent")
    assert arrival["type"] == "incident.opened"
    assert arrival["severity"] == "critical"
    assert all(arrival[language] for language in ("zh", "en"))
    assert demo.page_state()["refused"] == 0


def test_the_token_is_an_administrators_and_for_this_user_alone(demo: RunningDemo) -> None:
    token = demo.state / "token"
    wait_until(token.exists, "the token", 60, SELDOM_S)
    assert stat.S_IMODE(token.stat().st_mode) == 0o600
    headers = {"Authorization": f"Bearer {token.read_text('utf-8').strip()}"}
    console = demo.facts()["console"]
    answer = httpx.get(f"{console}/api/v1/devices", params={"limit": 1000}, headers=headers, timeout=10)
    assert len(answer.raise_for_status().json()["items"]) == 1000
    assert httpx.get(f"{console}/api/v1/devices", timeout=10).status_code == 401


def test_the_sign_in_link_on_the_terminal_opens_the_console(demo: RunningDemo) -> None:
    said = wait_until(
        lambda: [word for word in demo.output.read_text("utf-8").split() if "/sign-in/" in word], "the link", 60
    )
    with httpx.Client(timeout=10, follow_redirects=True) as browser:
        assert browser.get(said[-1]).status_code == 200
        page = browser.post(said[-1], headers={"origin": demo.facts()["console"]})
        assert page.status_code == 200
        assert "呼叫终端" in page.text
        assert f'href="{demo.facts()["page"]}' in page.text, "the console links to the tour"


def test_a_stop_of_the_tour_is_told_at_the_page(demo: RunningDemo) -> None:
    demo.await_fact("first_notification_s", 60)
    page = demo.facts()["page"]
    answer = httpx.post(f"{page}/tour/help_call", headers={"origin": page}, timeout=10)
    assert answer.status_code == 202, answer.text
    arrival = wait_until(lambda: demo.arrived("help_call"), "the help call's notification", 30, SELDOM_S)[0]
    assert arrival["severity"] == "emergency"
    assert "help call" in json.dumps(demo.page_state()["lines"])


def test_a_killed_collector_comes_back_and_tells_nothing_twice(demo: RunningDemo) -> None:
    demo.await_fact("first_notification_s", 60)
    before, page = demo.facts()["pids"]["collector"], demo.facts()["page"]
    answer = httpx.post(f"{page}/tour/collector_killed", headers={"origin": page}, timeout=10)
    assert answer.status_code == 202, answer.text
    wait_until(lambda: demo.facts()["pids"].get("collector", before) != before, "another collector", 30, SELDOM_S)
    httpx.post(f"{page}/tour/help_call", headers={"origin": page}, timeout=10).raise_for_status()
    calls = len(demo.arrived("help_call"))
    wait_until(lambda: len(demo.arrived("help_call")) > calls, "a help call after it", 40, SELDOM_S)
    opened = [a["incident_id"] for a in demo.page_state()["arrivals"] if a["type"] == "incident.opened"]
    assert len(opened) == len(set(opened))


def test_told_to_end_it_ends_everything_within_ten_seconds_and_exits_with_0(demo: RunningDemo) -> None:
    demo.await_fact("first_page_s", 60)
    pids = [demo.process.pid, *demo.facts()["pids"].values()]
    assert len(pids) >= 6
    began_s = time.monotonic()
    demo.process.send_signal(signal.SIGTERM)
    assert demo.process.wait(20) == 0
    assert time.monotonic() - began_s < 10
    assert [pid for pid in pids if Path(f"/proc/{pid}").exists()] == []
    with pytest.raises(httpx.TransportError):
        httpx.get(f"http://127.0.0.1:{demo.port}/", timeout=2)


def test_a_second_demo_on_the_same_port_says_so(tmp_path: Path) -> None:
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        command = [sys.executable, "-m", "shouwang", "demo", "--state", str(tmp_path / "state"), "--port", port]
        done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert done.returncode == 2
    assert f"port {port} is taken" in done.stderr
    assert not (tmp_path / "state").exists()


def test_a_directory_that_is_no_demos_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work", encoding="utf-8")
    ports = ["--port", str(free_port()), "--mqtt-port", str(free_port())]
    command = [sys.executable, "-m", "shouwang", "demo", "--state", str(tmp_path), *ports]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert done.returncode == 1
    assert "is not empty and no demo's" in done.stderr
    assert (tmp_path / "thesis.txt").exists()
