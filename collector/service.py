"""The collector's two processes, put together from the settings: the watch, and the recorder of readings."""

from __future__ import annotations

import asyncio
import signal
import ssl
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from collector import memory
from collector.app import Collector, CollectorOptions
from collector.broker import COLLECTOR, collector_password
from collector.directly import Directly
from collector.hearing import BrokerLogin
from collector.heartbeat import Heartbeat
from collector.notify import Notifier, configured
from collector.recorder import Signs, run_recorder
from shouwang import kinds as declared
from shouwang.child import Child
from shouwang.clock import SystemClock
from shouwang.kinds import Kinds
from shouwang.ledger.engine import open_engine
from shouwang.ledger.migrate import upgrade
from shouwang.ledger.restore import refuse_unfinished
from shouwang.log import get_logger
from shouwang.readings import Retention, open_store
from shouwang.sd_notify import notify
from shouwang.settings import Settings, environment_of, readings_token, secret
from shouwang.supervisor import Supervisor

log = get_logger("collector.service")


def kinds_of(settings: Settings) -> Kinds:
    """Ours, and those of the user's own folder (by default `kinds/` in the state directory)."""
    folder = settings.kinds or settings.state / "kinds"
    return Kinds(declared.load(*([folder] if folder.is_dir() else [])))


def ledger_of(settings: Settings) -> Engine:
    """The ledger, its tables brought to what this version needs. Raises Trouble where a restore was cut short."""
    settings.state.mkdir(parents=True, exist_ok=True)
    refuse_unfinished(settings.state)
    engine = open_engine(settings.ledger_url)
    upgrade(engine)
    return engine


def login_of(settings: Settings) -> BrokerLogin:
    """How the collector reaches the broker. Raises SettingsError when a secret cannot be read."""
    broker = settings.broker
    tls = None
    if settings.broker_url.startswith("mqtts:"):
        tls = ssl.create_default_context(cafile=None if broker.ca_file is None else str(broker.ca_file))
    if settings.agents_from_outside:  # the broker that we start asks us for a password too
        return BrokerLogin(settings.broker_url, COLLECTOR, collector_password(settings))
    password = secret(broker.password, broker.password_file, "broker.password")
    return BrokerLogin(settings.broker_url, broker.username, password, tls)


async def watch(settings: Settings) -> None:
    """Hears, decides and tells, until SIGTERM."""
    memory.be_thrifty()
    ways = configured(settings.notify)
    engine = await asyncio.to_thread(ledger_of, settings)
    options = CollectorOptions(
        state=settings.state,
        broker=login_of(settings),
        engine=engine,
        kinds=kinds_of(settings),
        limits=settings.limits_said,
        speed=settings.speed,
        public_url=settings.public_url,
    )
    make: Callable[[CollectorOptions], Collector] = Collector
    close_traces: Callable[[], None] | None = None
    if settings.tracing.url is not None:
        from collector.traced import traced  # few need it, and it wants packages of its own

        make, ways, close_traces = traced(settings.tracing, ways)
    collector = await asyncio.to_thread(make, options)
    memory.settle()
    notifier = Notifier(engine, ways)
    collector.on_owed = notifier.wake
    collector.directly = Directly(ways, options.kinds, options.public_url)
    collector.send_test = lambda way: notifier.send_test(way, settings.public_url)
    heartbeat = Heartbeat(settings, lambda: collector.well)
    running = asyncio.create_task(collector.run(notifier.run(), heartbeat.run()))
    loop = asyncio.get_running_loop()
    for which in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(which, running.cancel)
    try:
        await running
    except asyncio.CancelledError:
        log.info("stopped")
    finally:
        engine.dispose()
        if close_traces is not None:
            await asyncio.to_thread(close_traces)


def record(settings: Settings) -> None:
    """Writes readings from the journal to their store, until SIGTERM."""
    stop = threading.Event()
    for which in (signal.SIGTERM, signal.SIGINT):
        signal.signal(which, lambda *_: stop.set())
    kinds = kinds_of(settings)
    readings = settings.readings
    token = readings_token(readings, writes=True)
    notify("READY=1")
    engine = ledger_of(settings)
    run_recorder(
        settings.state,
        journal_of(settings),
        engine,
        lambda: open_store(
            readings.url,
            settings.state,
            kinds,
            org=readings.org,
            bucket=readings.bucket,
            token=token,
            writable=True,
            retention=Retention(readings.raw_days, readings.hourly_days),
        ),
        kinds,
        SystemClock(),
        stop,
        _alive,
        Signs(engine, kinds, settings.limits_said, settings.speed),
    )


def _alive() -> None:
    notify("WATCHDOG=1")


def journal_of(settings: Settings) -> Path:
    return settings.state / "journal.db"


def children(settings: Settings, flags: Mapping[str, Any], file: Path | None = None) -> list[Child]:
    """The two processes, for a supervisor. `flags` are what the command line said over the settings."""
    argv = (sys.executable, "-m", "shouwang", "collector", *(("--settings", str(file)) if file else ()), "--only")
    environment = environment_of(flags)
    return [Child(name, (*argv, name), environment) for name in ("watch", "recorder")]


async def supervised(settings: Settings, file: Path | None = None) -> int:
    """Runs both until SIGTERM; gives an exit code. Raises Trouble where a restore was cut short."""
    refuse_unfinished(settings.state)
    kept = Supervisor(children(settings, {"state": settings.state}, file), stop_within_s=settings.stop_within_s)
    return await kept.run()
