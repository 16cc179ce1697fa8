"""What the agent of one centre costs: `shouwang agent` with 50 devices of all kinds at their own intervals, without
picture checks, against a real broker and a listener that acknowledges. `python -m benchmarks.agent --seconds 300`.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import ssl
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.figures import Figures, heading
from benchmarks.processes import Use, use_of
from shouwang.kinds import load
from simulators.centre.plan import Standing, listen_file, standing
from simulators.centre.running import SimulatedCentre
from simulators.devices.onvif import Device as OnvifDevice
from simulators.devices.xfs4iot import CashMachine
from simulators.fleet import SimCentre, SimDevice, naiman
from tests.edge.devices import certificate
from tests.edge.listening import REGION, Listener
from tests.servers import Mosquitto
from tests.servers.programs import need_server
from tests.waiting import until

_NETWORK = "127.78.0"
_COMPOSITION = {
    "site": 1, "call_terminal": 12, "camera": 10, "ecommerce_point": 4, "remote_education": 5, "payment_kiosk": 4,
    "water_pump": 3, "clinic_terminal": 3, "nvr": 2, "bank_link": 2,
}  # fmt: skip
_ATMS, _RECORDERS, _PAGES = 1, 2, 1
_WARM_UP_S = 75.0
"""The first round of all: drivers are loaded, connections opened, models and versions asked for."""


def measure(figures: Figures, *, seconds: float = 300.0) -> None:
    """Processor and memory of one agent over `seconds`, after its first minute."""
    count = sum(_COMPOSITION.values()) + _ATMS + _RECORDERS + _PAGES
    heading(f"The agent of one centre: {count} devices of {len(_COMPOSITION) + 1} kinds for {seconds:g} s")
    asyncio.run(_measure(figures, seconds))


async def _measure(figures: Figures, seconds: float) -> None:
    with tempfile.TemporaryDirectory(prefix="shouwang-bench-") as folder:
        state = Path(folder) / "state"
        state.mkdir()
        (state / "listen.toml").write_text(listen_file(_NETWORK), "utf-8")
        mosquitto = Mosquitto(need_server("mosquitto"), Path(folder))
        mosquitto.start()
        try:
            centre = _centre()
            stood = standing(centre, _NETWORK)
            async with SimulatedCentre(stood), Listener(mosquitto.url, centre.centre) as listener:
                devices = [*_configured(stood), *[each async for each in _others(Path(folder))]]
                await listener.configure(json.dumps({"v": 1, "revision": "bench", "devices": devices}).encode())
                await _watch(figures, mosquitto.url, centre.centre, state, listener, len(devices), seconds)
        finally:
            mosquitto.stop()


async def _watch(
    figures: Figures, url: str, centre: str, state: Path, listener: Listener, count: int, seconds: float
) -> None:
    command = ["agent", "--centre", centre, "--region", REGION, "--broker", url, "--state", str(state)]
    with (state / "agent.log").open("wb") as log:
        agent = await asyncio.create_subprocess_exec(
            sys.executable, "-P", "-m", "shouwang", *command, "--allow-loopback",
            stdout=log, stderr=log, env=os.environ | {"PYTHONPATH": str(Path.cwd())},
        )  # fmt: skip
    try:
        began_s = time.perf_counter()
        await until(lambda: len(listener.latest) == count, f"a reading of all {count} devices", _WARM_UP_S)
        await asyncio.sleep(max(0.0, _WARM_UP_S - (time.perf_counter() - began_s)))
        before, heard, began_s = use_of(agent.pid), len(listener.readings()), time.perf_counter()
        most = before.rss_bytes
        while (took_s := time.perf_counter() - began_s) < seconds:
            await asyncio.sleep(min(5.0, seconds - took_s))
            most = max(most, use_of(agent.pid).rss_bytes)
        _say(figures, before, use_of(agent.pid), most, _own_bytes(agent.pid), took_s, len(listener.readings()) - heard)
        lost = sorted(name for name, said in listener.latest.items() if said.get("reachable") is False)
        if lost:
            figures.add("agent: devices without an answer", len(lost), "", ", ".join(lost))
    finally:
        agent.terminate()
        await agent.wait()


def _say(figures: Figures, before: Use, after: Use, most: int, own: int, took_s: float, readings: int) -> None:
    busy_s = after.cpu_s - before.cpu_s
    figures.add("agent, 50 devices: of one core", 100 * busy_s / took_s, "%", f"{busy_s:.2f} s in {took_s:.0f} s")
    figures.add("agent, 50 devices: memory (RSS)", most / 1e6, "MB", f"most seen; {own / 1e6:.1f} MB its own alone")
    figures.add("agent, 50 devices: to its first minute", before.cpu_s, "s CPU", "start, drivers loaded, first round")
    figures.add("agent, 50 devices: readings", readings / took_s, "/s")


def _centre() -> SimCentre:
    """The kinds of `_COMPOSITION`, all for the centre's own agent to watch."""
    sample = naiman(1)[0]
    kinds, like = load(), sample.devices[0]

    def devices() -> Iterator[SimDevice]:
        for kind, count in _COMPOSITION.items():
            for number in range(1, count + 1):
                name = f"{kinds[kind].code_prefix}-{number:02d}"
                yield replace(like, device=name, kind=kind, path="", profile="", household="")

    return replace(sample, devices=tuple(devices()))


def _configured(stood: list[Standing]) -> Iterator[dict[str, Any]]:
    for each in stood:
        yield _device(each.device.device, each.device.kind, each.driver, each.target, each.settings)


async def _others(folder: Path) -> Any:
    """What stands in no simulated centre: a cash machine, recorders on ONVIF, a page in TLS."""
    for number in range(1, _ATMS + 1):
        machine = await CashMachine().start(f"{_NETWORK}.{200 + number}", 5846)
        yield _device(f"atm-{number:02d}", "atm", "xfs4iot", machine.target, {})
    for number in range(1, _RECORDERS + 1):
        recorder = OnvifDevice(host=f"{_NETWORK}.{210 + number}", port=8899, oldest_days=20.0)
        await recorder.start()
        yield _device(f"onvif-{number:02d}", "nvr", "onvif", recorder.target, {})
    own = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    own.load_cert_chain(*certificate(folder))
    for number in range(1, _PAGES + 1):
        address = f"{_NETWORK}.{220 + number}"
        await asyncio.start_server(_page, address, 8443, ssl=own)
        yield _device(f"page-{number:02d}", "ecommerce_point", "http", f"https://{address}:8443/", {})


async def _page(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(asyncio.IncompleteReadError, OSError):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        await writer.drain()
    writer.close()


def _device(name: str, kind: str, driver: str, target: str, settings: dict[str, Any]) -> dict[str, Any]:
    every_s = load()[kind].limits.report_every_s
    head = {"device": name, "kind": kind, "driver": driver, "target": target, "settings": settings}
    return head | {"report_every_s": every_s, "probe_timeout_s": 5.0}


def _own_bytes(pid: int) -> int:
    """Memory that would be free if it ended: shared libraries are not counted."""
    rows = Path(f"/proc/{pid}/smaps_rollup").read_text("ascii").splitlines()
    return sum(int(row.split()[1]) * 1024 for row in rows if row.startswith("Private_"))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.agent", description="What an agent costs.")
    parser.add_argument("--seconds", type=float, default=300.0, help="how long it is watched after its first minute")
    measure(Figures(), seconds=parser.parse_args().seconds)
