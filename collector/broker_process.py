"""`shouwang broker`: becomes the broker, or, where passwords are asked for, keeps Mosquitto's password file true."""

from __future__ import annotations

import logging
import os
import signal
import socket
import subprocess
import threading
from pathlib import Path
from types import FrameType

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from collector.broker import check, find_mosquitto, write_iotcore, write_mosquitto, write_passwords
from shouwang import clock
from shouwang.certificates import due, file_ends_at_ms, in_words
from shouwang.child import die_with_parent
from shouwang.ledger.engine import open_engine
from shouwang.ledger.migrate import upgrade
from shouwang.log import get_logger
from shouwang.sd_notify import notify, watchdog_s
from shouwang.settings import Settings

log = get_logger("broker")

LOOK_EVERY_S = 1.0
STOP_WITHIN_S = 5.0
HOUR_MS = 3_600_000


def run(settings: Settings) -> int:
    """Runs the broker until it ends; gives its exit code. Raises SettingsError."""
    mosquitto = find_mosquitto(settings)
    check(settings, mosquitto)
    if mosquitto is None:
        return _run_embedded(settings)
    configuration = write_mosquitto(settings)
    if not settings.agents_from_outside and watchdog_s() is None:
        log.info("mosquitto", address=f"127.0.0.1:{settings.broker.port}", passwords=False)
        os.execv(mosquitto, [str(mosquitto), "-c", str(configuration)])  # noqa: S606 -- found on this machine by us
    return _keep(settings, [str(mosquitto), "-c", str(configuration)])


def _run_embedded(settings: Settings) -> int:
    from iotcore import IotCoreBroker

    log.warning(
        "the embedded broker: loopback alone, no passwords, no ACL, nothing survives its restart; install mosquitto",
        address=f"127.0.0.1:{settings.broker.port}",
    )
    logging.getLogger("rumqttd").setLevel(logging.CRITICAL)  # it logs each packet as an error
    path: Path = write_iotcore(settings)
    IotCoreBroker(config_path=str(path)).run_forever()
    return 0


def _keep(settings: Settings, argv: list[str]) -> int:
    """Runs Mosquitto, and tells it when a password came or went (SIGHUP): it then lets nobody in by an ended one."""
    engine: Engine | None = None
    if settings.agents_from_outside:
        engine = open_engine(settings.ledger_url)
        upgrade(engine)
        with engine.connect() as connection:
            write_passwords(settings, connection, anew=True)
    log.info("mosquitto", address=f"{settings.broker.host}:{settings.broker.port}", passwords=engine is not None)
    process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, preexec_fn=die_with_parent)
    stopping = threading.Event()

    def stop(_number: int, _frame: FrameType | None) -> None:
        stopping.set()
        process.terminate()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    trouble = ""
    certificate = CertificateWatch(settings.broker.certificate_file)
    is_ready = False
    while process.poll() is None:
        try:
            process.wait(STOP_WITHIN_S if stopping.is_set() else LOOK_EVERY_S)
        except subprocess.TimeoutExpired:
            if stopping.is_set():
                process.kill()
                continue
            certificate.look(clock.wall_ms())
            if engine is not None:
                trouble = _look(settings, engine, process, trouble)
            # That Mosquitto itself hangs the collector hears, by its fence; this is a sign of who keeps its passwords.
            is_ready = is_ready or (_answers(settings) and notify("READY=1"))
            notify("WATCHDOG=1")
    return 0 if stopping.is_set() else process.returncode


def _answers(settings: Settings) -> bool:
    """Whether the broker takes connections of our own processes."""
    try:
        with socket.create_connection((settings.broker.inner_host, settings.inner_mqtt_port), timeout=1.0):
            return True
    except OSError:
        return False


class CertificateWatch:
    """Says that the listener's certificate ends: 30, 7 and 1 days before, once each, and when it has ended."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._said: int | None = None
        self._look_again_ms = 0

    def look(self, now_ms: int) -> None:
        """Reads the file once an hour; what cannot be read is the doctor's to name."""
        if self._path is None or 0 <= self._look_again_ms - now_ms <= HOUR_MS:
            return
        self._look_again_ms = now_ms + HOUR_MS
        try:
            ends_ms = file_ends_at_ms(self._path)
        except (OSError, ValueError):
            return
        days = -1 if ends_ms <= now_ms else due(ends_ms, now_ms)
        if days is not None and days != self._said:
            say = log.error if days <= 1 else log.warning
            say("the certificate that agents see ends: renew it", file=str(self._path), when=in_words(ends_ms, now_ms))
        self._said = days


def _look(settings: Settings, engine: Engine, process: subprocess.Popen[bytes], trouble: str) -> str:
    try:
        with engine.connect() as connection:
            changed = write_passwords(settings, connection)
    except (SQLAlchemyError, OSError) as error:
        if not trouble:
            log.error("passwords cannot be renewed; those before still hold", error=str(error)[:300])
        return str(error)
    if trouble:
        log.info("passwords are renewed again")
    if changed:
        log.info("passwords changed")
        process.send_signal(signal.SIGHUP)
    return ""
