"""`shouwang demo` at work: prepares, starts everything under one supervisor, tells what happens, ends it all."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import signal
import tempfile
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any, TextIO

import httpx
import uvicorn

from shouwang import kinds
from shouwang.child import Child
from shouwang.processes import children, command, environment
from shouwang.settings import Loaded, load
from shouwang.supervisor import Supervisor
from shouwang.trouble import Trouble
from simulators.control import Control
from simulators.demo.arrivals import TEST, Arrival, Arrivals
from simulators.demo.page import Showing, make_app
from simulators.demo.prepare import Asked, Prepared, check_ports, prepare, write_secret
from simulators.demo.telling import Telling
from simulators.demo.tour import COLLECTOR_KILLED, INSTALLED_CENTRE, Stop, stops
from simulators.demo.wording import incident_said, process_said
from simulators.fleet import DEVICES_PER_CENTRE

LOOK_EVERY_S = 0.25
PREPARE_WITHIN_S = 120.0
STOP_WITHIN_S = 8.5
LINES_AT_ONCE = 8
INCIDENTS_REMEMBERED = 5000
FIRST_SCENARIO = "first_steps"


class _PageServer(uvicorn.Server):
    """uvicorn without its own hand on signals: the supervisor ends everything in order."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class Demo:
    """One run of the demo, from `run` to its exit code."""

    def __init__(self, asked: Asked, began_s: float) -> None:
        check_ports(asked)
        logging.getLogger("uvicorn").setLevel(logging.WARNING)
        self.asked = asked
        self.prepared: Prepared = prepare(asked)
        self.telling = Telling(began_s, asked.state / "demo.json")
        self.flags = {"state": str(asked.state), "api.port": asked.port, "broker.port": asked.mqtt_port}
        self.loaded: Loaded = load(self.prepared.settings, flags=self.flags)
        self.env = {**os.environ, **environment(self.loaded, self.flags)}
        self.control: Control | None = None
        self.devices: Control | None = None
        self._kinds = kinds.load()
        self._token = ""
        self._known_incidents: dict[str, str] = {}

    async def run(self) -> int:
        """Runs until it is told to end."""
        asked = self.asked
        with tempfile.TemporaryDirectory(prefix="shouwang-demo-") as folder, self._log() as log:
            socket_path = Path(folder) / "control"
            self.supervisor = Supervisor(
                # The simulation ends last, when nobody hears it any more: its goodbyes are no incidents of the demo.
                [
                    self._simulation(socket_path),
                    *self._installed(Path(folder) / "devices"),
                    *children(self.loaded, self.flags),
                ],
                stop_within_s=STOP_WITHIN_S,
                on_change=self._changed,
                say=lambda line: print(line, file=log, flush=True),
            )
            arrivals = Arrivals(self.prepared.webhook_secret, self._arrived)
            self.showing = Showing(
                arrivals, stops(bool(self.prepared.installed)), asked.console_url, asked.speed, self._start_stop
            )
            self.telling.showing = self.showing
            page = _PageServer(
                uvicorn.Config(
                    make_app(self.showing), "127.0.0.1", asked.page_port, log_config=None, lifespan="off", workers=1
                )
            )
            self._first_words()
            serving = asyncio.create_task(page.serve())
            try:
                if not await self._unless_told_to_end(self._import_fleet()):
                    return 0
                running = asyncio.create_task(self.supervisor.run())
                telling = asyncio.create_task(self._tell_all(socket_path, Path(folder) / "devices"))
                await asyncio.wait([running, telling], return_when=asyncio.FIRST_COMPLETED)
                if not running.done():
                    self.supervisor.stop()
                code = await running
                telling.cancel()
                await asyncio.gather(telling, return_exceptions=True)
                return code if telling.cancelled() or telling.exception() is None else 1
            finally:
                page.should_exit = page.force_exit = True
                await asyncio.wait([serving], timeout=1.0)
                self.telling.note(ended=True)

    # --- starting

    def _first_words(self) -> None:
        asked, centres = self.asked, len(self.prepared.fleet)
        self.telling.note(
            console=asked.console_url,
            page=asked.page_url,
            mqtt=f"mqtt://127.0.0.1:{asked.mqtt_port}",
            state=str(asked.state),
            centres=centres,
            devices=centres * DEVICES_PER_CENTRE,
            speed=asked.speed,
            pids={},
        )
        self.telling.say(
            f"奈曼旗（模拟）：{centres}个服务中心，{centres * DEVICES_PER_CENTRE}台设备，时间快{asked.speed:g}倍",
            f"simulated Naiman Banner: {centres} centres, {centres * DEVICES_PER_CENTRE} devices, "
            f"time runs {asked.speed:g} times as fast",
        )

    async def _unless_told_to_end(self, work: Coroutine[Any, Any, None]) -> bool:
        """Does something before the supervisor is there to hear signals. False when told to end meanwhile."""
        task = asyncio.create_task(work)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, task.cancel)
        try:
            await task
        except asyncio.CancelledError:
            return False
        return True

    async def _import_fleet(self) -> None:
        await self._run_command("fleet", "import", str(self.prepared.fleet_file))
        self.telling.say("名册已导入", "the fleet is imported")

    def _simulation(self, socket_path: Path) -> Child:
        asked = self.asked
        arguments = [
            "--speed", f"{asked.speed}", "--seed", f"{asked.seed}", "--broker", f"mqtt://127.0.0.1:{asked.mqtt_port}",
            "--control", str(socket_path), "--after", f"{asked.port}", "--centres", f"{len(self.prepared.fleet)}",
            "--building", f"{sum(centre.stage != 'live' for centre in self.prepared.fleet)}",
        ]  # fmt: skip
        if self.prepared.installed:
            arguments += ["--installed", self.prepared.installed]
        child = command("simulate", *arguments)
        return Child("simulation", child, watchdog_s=None, start_within_s=180.0, stop_within_s=2.5)

    def _installed(self, control: Path) -> list[Child]:
        """The first centre as it stands in a village: devices on real sockets, and the agent that watches them."""
        asked, installed = self.asked, self.prepared.installed
        if not installed:
            return []
        devices = [
            "--installed", installed, "--devices", asked.network, "--control", str(control), "--after", f"{asked.port}",
            "--speed", f"{asked.speed}", "--seed", f"{asked.seed}", "--centres", f"{len(self.prepared.fleet)}",
        ]  # fmt: skip
        agent = [
            "--centre", installed, "--region", self.prepared.fleet[0].region, "--speed", f"{asked.speed}",
            "--broker", f"mqtt://127.0.0.1:{asked.mqtt_port}", "--state", str(asked.state / "agent"),
            "--network", f"{asked.network}.0/24", "--allow-loopback",
        ]  # fmt: skip
        return [
            Child("devices", command("simulate", *devices), watchdog_s=None, start_within_s=180.0, stop_within_s=2.5),
            Child("agent", command("agent", *agent), stop_within_s=2.5),
        ]

    async def _run_command(self, name: str, *arguments: str) -> str:
        """One of our own commands, to its end; gives what it printed. Raises Trouble with what it complained of."""
        process = await asyncio.create_subprocess_exec(
            *command(name, *arguments),
            env=self.env,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        try:
            out, err = await asyncio.wait_for(process.communicate(), PREPARE_WITHIN_S)
        except TimeoutError:
            process.kill()
            raise Trouble(f"`shouwang {name}` did not end within {PREPARE_WITHIN_S:g} s") from None
        if process.returncode:
            raise Trouble(f"`shouwang {name} {arguments[0]}` failed:\n{err.decode(errors='replace')[-2000:]}")
        return out.decode()

    # --- telling

    async def _tell_all(self, simulation: Path, devices: Path) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._follow_console())
            group.create_task(self._follow_simulation(simulation))
            if self.prepared.installed:
                group.create_task(self._follow_devices(devices))

    async def _follow_console(self) -> None:
        await self._await_first_page()
        await self._sign_in()  # only now: until the first page every core has enough to do
        await self._follow_incidents()

    async def _await_first_page(self) -> None:
        async with httpx.AsyncClient(base_url=self.asked.console_url, timeout=2) as client:
            while not await _answers(client):  # noqa: ASYNC110  another process is waited for
                await asyncio.sleep(0.1)
        self.telling.fact("first_page_s")
        self.telling.say(f"控制台已开：{self.asked.console_url}", f"the console is open: {self.asked.console_url}")
        self.telling.say(
            f"通知与导览：{self.asked.page_url}", f"notifications and the guided tour: {self.asked.page_url}"
        )
        self.telling.say(
            "接下来：一台呼叫终端将失联，到时限即开事件，随后通知到达。Ctrl-C 结束一切",
            "next: a call terminal will fall silent, its incident opens at its limit, its notification follows. "
            "Ctrl-C ends everything",
        )

    async def _sign_in(self) -> None:
        token, user = await asyncio.gather(
            self._run_command("token", "create", "--role", "administrator", "--json"),
            self._run_command("user", "add", "demo", "--role", "administrator", "--json"),
        )
        self._token = json.loads(token)["token"]
        write_secret(self.asked.state / "token", self._token)
        link = json.loads(user)["url"]
        self.telling.say(f"一次性登录链接：{link}", f"one-time sign-in link: {link}")

    async def _follow_incidents(self) -> None:
        headers = {"Authorization": f"Bearer {self._token}"}
        async with httpx.AsyncClient(base_url=f"{self.asked.console_url}/api/v1", headers=headers, timeout=5) as client:
            while True:
                with contextlib.suppress(httpx.HTTPError):
                    answer = await client.get("/incidents", params={"open": "true", "limit": "200"})
                    if answer.is_success:
                        self._told_of(answer.json()["items"])
                await asyncio.sleep(LOOK_EVERY_S)

    def _told_of(self, incidents: list[dict[str, Any]]) -> None:
        new = [incident for incident in incidents if incident["id"] not in self._known_incidents]
        if not new:
            return
        self._known_incidents.update((incident["id"], incident["cause"]) for incident in new)
        while len(self._known_incidents) > INCIDENTS_REMEMBERED:
            del self._known_incidents[next(iter(self._known_incidents))]
        if self.telling.fact("first_incident_s"):
            self.telling.say("第一起事件已开：", "the first incident is open:")
        for incident in new[:LINES_AT_ONCE]:
            zh, en = incident_said(incident, self._kinds)
            self.telling.say(f"事件 {zh}", f"incident {en}")
        if len(new) > LINES_AT_ONCE:
            more = len(new) - LINES_AT_ONCE
            self.telling.say(f"另有{more}起事件", f"and {more} more incidents")

    def _arrived(self, arrival: Arrival) -> None:
        if arrival.type != TEST and self.telling.fact("first_notification_s"):
            self.telling.say(
                "第一条通知已到达，签名正确：", "the first notification has arrived, its signature verified:"
            )
        zh, en = (" ".join(text.splitlines()[:2]) for text in (arrival.zh, arrival.en))
        self.telling.say(f"通知：{zh}", f"notification: {en}")

    async def _follow_simulation(self, socket_path: Path) -> None:
        while True:
            try:
                async with Control.connect(socket_path) as control:
                    self.control = control
                    if "first_fault_s" not in self.telling.data:
                        playing = asyncio.create_task(control.play(FIRST_SCENARIO))
                    async for happened in control.happenings():
                        if happened.began:
                            self.telling.fact("first_fault_s")
                        self.telling.say(f"模拟：{happened.zh}", f"simulated: {happened.en}")
                    playing.cancel()
            except OSError:
                pass
            self.control = None
            await asyncio.sleep(LOOK_EVERY_S)

    async def _follow_devices(self, socket_path: Path) -> None:
        """What the first centre's devices do when they are asked to."""
        while True:
            try:
                async with Control.connect(socket_path) as control:
                    self.devices = control
                    async for happened in control.happenings():
                        self.telling.say(f"实装中心：{happened.zh}", f"installed centre: {happened.en}")
            except OSError:
                pass
            self.devices = None
            await asyncio.sleep(LOOK_EVERY_S)

    def _changed(self, name: str, what: str) -> None:
        self.telling.note(pids=self.supervisor.pids)
        if what in ("ended", "hung") and self.telling.data.get("first_page_s"):
            self.telling.say(*process_said(name, what))

    # --- the tour

    async def _start_stop(self, stop: Stop) -> str:
        if stop.name == COLLECTOR_KILLED:
            pid = self.supervisor.pids.get("collector")
            if pid is None:
                return "the collector is not running now"
            os.kill(pid, signal.SIGKILL)
            self.telling.say("导览：采集器被杀掉", "tour: the collector is killed")
            return ""
        if stop.name == INSTALLED_CENTRE:
            if self.devices is None:
                return "its devices are not there yet; try again in a few seconds"
            return await self.devices.play(stop.scenario)
        if self.control is None:
            return "the simulation is not there yet; try again in a few seconds"
        return await self.control.play(stop.scenario)

    @contextlib.contextmanager
    def _log(self) -> Iterator[TextIO]:
        with self.prepared.log.open("w", encoding="utf-8") as log:
            yield log


async def _answers(client: httpx.AsyncClient) -> bool:
    try:
        answer = await client.get("/", follow_redirects=True)
    except httpx.HTTPError:
        return False
    return answer.status_code < 500 and answer.status_code != 404
