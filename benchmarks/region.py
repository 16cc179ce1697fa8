"""The region from end to end: broker, collector, recorder and store as they run, under the load of its agents."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.figures import Figures, heading
from benchmarks.fleet import LONE_SILENT_AFTER_S, fill
from benchmarks.load import LONE_DEVICE
from benchmarks.processes import Use, use_of
from shouwang.clock import wall_ms
from shouwang.ledger.engine import open_engine, sqlite_url
from shouwang.ledger.migrate import upgrade
from shouwang.processes import command
from tests.servers import Bucket, Mosquitto, free_port, need_server

START_WITHIN_S = 180.0
POLL_S = 0.05
LOOK_EVERY_S = 1.0
SAY_EVERY_S = 30.0
FREE_MIN_BYTES = 2 << 30


@dataclass(frozen=True, slots=True)
class Plan:
    """One run. `rate` is readings a second; 0: as fast as it goes."""

    name: str
    centres: int
    connections: int
    readings_a_report: int
    rate: float
    seconds: float
    lone: int = 0
    bucket: Bucket | None = None


@dataclass(slots=True)
class _Run:
    plan: Plan
    state: Path
    env: dict[str, str]
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    broker: Mosquitto | None = None


def measure(figures: Figures, plan: Plan) -> None:
    """Runs it, and adds its figures."""
    load_said = f"{plan.rate:,.0f} readings/s" if plan.rate else "as fast as it goes"
    store = "InfluxDB" if plan.bucket else "embedded store"
    heading(
        f"{plan.name}: {plan.centres} centres × 50 devices, {plan.connections} connections, reports of "
        f"{plan.readings_a_report}, {load_said} for {plan.seconds:g} s, {store}"
    )
    with tempfile.TemporaryDirectory(prefix="shouwang-bench-") as folder:
        run = _Run(plan, Path(folder), {})
        port = free_port()
        run.env = _environment(run, port)
        idle = _idle_rss(run)
        devices = _fill(run)
        with _running(run):
            _measure(figures, run, port, idle, devices)


def _measure(figures: Figures, run: _Run, port: int, idle: int, devices: int) -> None:
    plan = run.plan
    silenced = run.state / "silenced.txt"
    arguments = {
        "port": port, "centres": plan.centres, "connections": plan.connections, "readings": plan.readings_a_report,
        "rate": plan.rate, "seconds": plan.seconds, "lone": plan.lone, "silenced": silenced if plan.lone else "",
    }  # fmt: skip
    words = [word for name, value in arguments.items() for word in (f"--{name}", str(value))]
    load = subprocess.Popen([sys.executable, "-m", "benchmarks.load", *words], stdout=subprocess.PIPE, text=True)
    run.processes["load"] = load  # type: ignore[assignment]
    assert load.stdout is not None
    assert load.stdout.readline().strip() == "connected"
    watching = _Incidents(run.state / "ledger.db")
    began_s = time.monotonic()
    said_s = looked_s = 0.0
    while (passed_s := time.monotonic() - began_s) < plan.seconds / 2:
        if passed_s - looked_s >= LOOK_EVERY_S:
            looked_s = passed_s
            if _all_heard(run, devices):
                break
        time.sleep(POLL_S)
        watching.look()
    # Measured once everything was heard for the first time: a start costs more, and comes once.
    figures.add(f"{plan.name}: until all was heard", time.monotonic() - began_s, "s")
    from_s, before, first = time.monotonic(), _uses(run), _progress(run)
    while (passed_s := time.monotonic() - began_s) < plan.seconds:
        time.sleep(POLL_S)
        watching.look()
        if passed_s - said_s >= SAY_EVERY_S:
            said_s = passed_s
            _say_progress(run, passed_s)
    took_s, after, last = time.monotonic() - from_s, _uses(run), _progress(run)
    said = json.loads(load.stdout.readline())
    load.wait(60)
    _throughput(figures, plan, said, took_s, (before, after), (first, last))
    figures.add(
        f"{plan.name}: memory a device",
        (after["collector"].rss_bytes - idle) / devices,
        "B",
        f"limit 600, of a whole region: what is there once weighs on fewer; {devices} devices",
    )
    for name, size in _sizes(run).items():
        figures.add(f"{plan.name}: {name} on disk at the end", size / 2**20, "MiB")
    if plan.lone:
        _delays(figures, plan, silenced, watching)


def _throughput(
    figures: Figures,
    plan: Plan,
    said: dict[str, float],
    took_s: float,
    uses: tuple[dict[str, Use], dict[str, Use]],
    reached: tuple[dict[str, int], dict[str, int]],
) -> None:
    (before, after), (first, last) = uses, reached
    readings_a_message = said["readings"] / max(1, said["published"])
    figures.add(f"{plan.name}: sent", said["readings"] / said["took_s"], "readings/s", f"{said['lost']:g} lines lost")
    if said["refused"]:
        figures.add(f"{plan.name}: refused by the broker", said["refused"], "messages")
    journalled = (last["journal"] - first["journal"]) * readings_a_message
    watched = (last["watched"] - first["watched"]) * readings_a_message
    stored = last["stored"] - first["stored"]
    for what, count in (("journalled", journalled), ("watched and in the ledger", watched), ("stored", stored)):
        figures.add(f"{plan.name}: {what}", count / took_s, "readings/s")
    for name, of in (("collector", journalled), ("recorder", stored), ("broker", journalled), ("load", journalled)):
        cpu_s = after[name].cpu_s - before[name].cpu_s
        note = {"collector": "limit 8", "load": "the load's own, not ours"}.get(name, "")
        figures.add(f"{plan.name}: {name}'s processor time", cpu_s / max(1.0, of) * 1e6, "CPU-s/1M", note)
        figures.add(f"{plan.name}: {name}'s share of a core", cpu_s / took_s * 100, "%")
    if "influxd" in after:
        cpu_s = after["influxd"].cpu_s - before["influxd"].cpu_s
        figures.add(f"{plan.name}: InfluxDB's processor time", cpu_s / max(1, stored) * 1e6, "CPU-s/1M")
    figures.add(
        f"{plan.name}: not yet stored at the end", (last["journal"] - last["read"]) * readings_a_message, "readings"
    )


def _delays(figures: Figures, plan: Plan, silenced: Path, watching: _Incidents) -> None:
    spoke: dict[str, int] = {}
    for text in silenced.read_text("utf-8").splitlines():
        centre, device, at_ms = text.split()
        assert device == LONE_DEVICE
        spoke[centre] = int(at_ms)
    limit_s = time.monotonic() + LONE_SILENT_AFTER_S + 10
    while len(watching.seen) < len(spoke) and time.monotonic() < limit_s:
        time.sleep(POLL_S)
        watching.look()
    lags = [
        (watching.seen[centre] - at_ms) / 1000 - LONE_SILENT_AFTER_S
        for centre, at_ms in spoke.items()
        if centre in watching.seen
    ]
    note = f"{len(lags)} of {len(spoke)} terminals that fell silent; limit to the incident's row"
    if len(lags) >= 2:
        cuts = statistics.quantiles(lags, n=100, method="inclusive")
        figures.add(f"{plan.name}: limit to incident, p50", cuts[49], "s", note)
        figures.add(f"{plan.name}: limit to incident, p99", cuts[98], "s", "limit 1")
        figures.add(f"{plan.name}: limit to incident, longest", max(lags), "s")
    figures.add(f"{plan.name}: incidents missing", len(spoke) - len(lags), "incidents")


def _say_progress(run: _Run, passed_s: float) -> None:
    """A long run is watched. Raises RuntimeError before the disk is full."""
    reached, free = _progress(run), shutil.disk_usage(run.state).free
    behind = reached["journal"] - reached["read"]
    sizes = ", ".join(f"{name} {size / 2**20:,.0f} MiB" for name, size in _sizes(run).items())
    collector = use_of(run.processes["collector"].pid).rss_bytes
    print(
        f"  … {passed_s:.0f} of {run.plan.seconds:g} s: {reached['journal']} messages journalled, {behind} of them not "
        f"yet stored, {reached['stored']} readings stored; collector {collector / 2**20:,.0f} MiB; {sizes}",
        flush=True,
    )
    if free < FREE_MIN_BYTES:
        raise RuntimeError(
            f"only {free / 2**20:,.0f} MiB are free at {run.state}: stopped; set TMPDIR to a larger disk"
        )


def _sizes(run: _Run) -> dict[str, int]:
    """Bytes on disk, logs written ahead included."""
    return {
        name: sum(path.stat().st_size for path in run.state.glob(f"{name}.db*"))
        for name in ("journal", "ledger", "readings")
    }


def _all_heard(run: _Run, devices: int) -> bool:
    """Whether the ledger knows a condition of every device, but for the silent rest of the lone ones' centres."""
    with contextlib.closing(_read_only(run.state / "ledger.db")) as ledger:
        (heard,) = ledger.execute("select count(*) from conditions").fetchone()
    return int(heard) >= devices - run.plan.lone * 50


class _Incidents:
    """Sees incidents as they come to stand in the ledger."""

    def __init__(self, ledger: Path) -> None:
        self._db = sqlite3.connect(f"file:{ledger}?mode=ro", uri=True, timeout=5)
        self.seen: dict[str, int] = {}

    def look(self) -> None:
        query = "select centre from incidents where cause = 'device_silent' and device = ?"
        at_ms = wall_ms()
        for (centre,) in self._db.execute(query, (LONE_DEVICE,)):
            self.seen.setdefault(centre, at_ms)


def _uses(run: _Run) -> dict[str, Use]:
    uses = {name: use_of(process.pid) for name, process in run.processes.items()}
    if run.broker is not None:
        uses["broker"] = use_of(run.broker.pid)
    if run.plan.bucket is not None:
        uses["influxd"] = use_of(run.plan.bucket.server.pid)
    return uses


def _progress(run: _Run) -> dict[str, int]:
    """How far each reader has come, in rows of the journal, and how many readings are stored."""
    found = {"journal": 0, "watched": 0, "stored": 0, "read": 0, "hears": 0}
    with contextlib.suppress(sqlite3.Error), contextlib.closing(_read_only(run.state / "journal.db")) as journal:
        (last,) = journal.execute("select max(position) from journal").fetchone()
        found["journal"] = last or 0
    with contextlib.suppress(sqlite3.Error), contextlib.closing(_read_only(run.state / "ledger.db")) as ledger:
        row = ledger.execute("select value from meta where key = 'journal_position'").fetchone()
        found["watched"] = int(row[0]) if row else 0
        row = ledger.execute("select value from meta where key = 'attentive_ms'").fetchone()
        found["hears"] = int(row[0]) if row else 0
    state = _recorder_state(run.state)
    found["stored"], found["read"] = state.get("stored", 0), state.get("position", 0)
    return found


def _recorder_state(state: Path) -> dict[str, Any]:
    from collector.recorder.file import RecorderFile

    file = RecorderFile(state)
    try:
        said = file.state()
        return {} if said is None else {"stored": said.stored, "position": said.position}
    finally:
        file.close()


def _read_only(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5)


def _environment(run: _Run, port: int) -> dict[str, str]:
    env = {
        **os.environ,
        "SHOUWANG_STATE": str(run.state),
        "SHOUWANG_BROKER__PORT": str(port),
        "SHOUWANG_LOG": "warning",
        "SHOUWANG_SETTINGS": str(run.state / "shouwang.toml"),
    }
    (run.state / "shouwang.toml").write_text("", encoding="utf-8")
    if run.plan.bucket is not None:
        bucket = run.plan.bucket
        env |= {
            "SHOUWANG_READINGS__URL": bucket.url,
            "SHOUWANG_READINGS__ORG": bucket.org,
            "SHOUWANG_READINGS__BUCKET": bucket.bucket,
            "SHOUWANG_READINGS__TOKEN": bucket.token,
        }
    return env


def _fill(run: _Run) -> int:
    engine = open_engine(sqlite_url(run.state / "ledger.db"))
    upgrade(engine)
    devices = fill(engine, run.plan.centres, run.plan.lone, LONE_DEVICE)
    engine.dispose()
    return devices


def _idle_rss(run: _Run) -> int:
    """What a collector takes that knows no device."""
    with tempfile.TemporaryDirectory(prefix="shouwang-bench-idle-") as folder:
        env = {**run.env, "SHOUWANG_STATE": folder}
        idle = _Run(run.plan, Path(folder), env)
        with _running(idle):
            return use_of(idle.processes["collector"].pid).rss_bytes


@contextlib.contextmanager
def _running(run: _Run) -> Iterator[None]:
    """Broker, collector (its watch) and recorder; all ended afterwards."""
    port = int(run.env["SHOUWANG_BROKER__PORT"])
    (run.state / "broker").mkdir()
    run.broker = Mosquitto(need_server("mosquitto"), run.state / "broker", port=port).start()
    try:
        for name, part in (("collector", "watch"), ("recorder", "recorder")):
            run.processes[name] = subprocess.Popen(command("collector", "--only", part), env=run.env)
        limit_s = time.monotonic() + START_WITHIN_S
        while not _progress(run)["hears"]:
            if time.monotonic() > limit_s or any(p.poll() is not None for p in run.processes.values()):
                raise RuntimeError("the collector does not hear; run with SHOUWANG_LOG=info to see why")
            time.sleep(0.1)
        yield
    finally:
        for process in reversed(list(run.processes.values())):
            process.terminate()
        for process in run.processes.values():
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        run.broker.stop()
