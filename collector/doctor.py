"""Looks at everything that the collector stands on. Each look ends by itself, whatever it finds, within seconds."""

from __future__ import annotations

import ctypes
import os
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from collector.broker import WITHOUT_MOSQUITTO, find_mosquitto
from collector.findings import Finding, bad, ok, warning
from collector.notify import configured
from collector.service import kinds_of, login_of
from shouwang import clock
from shouwang.certificates import due, file_ends_at_ms, in_words
from shouwang.kinds import KindError
from shouwang.ledger.engine import open_engine
from shouwang.ledger.migrate import current
from shouwang.ledger.restore import unfinished
from shouwang.ledger.tables import Device, Meta, Notification, User
from shouwang.mqtt import split_url
from shouwang.readings import StoreUnavailable, open_store
from shouwang.settings import Loaded, Settings, SettingsError, readings_token
from shouwang.trouble import Trouble

ANSWER_WITHIN_S = 5.0
DISK_LOW_BYTES = 2 << 30
DISK_OUT_BYTES = 200 << 20
PLAUSIBLE_FROM_MS = 1_750_000_000_000  # June 2025: an earlier clock was never set
HEARD_WITHIN_MS = 60_000
OWED_TOO_LONG_MS = 600_000
_TIME_ERROR = 5  # of adjtimex(2): the clock is not synchronised


def examine(loaded: Loaded) -> Iterator[Finding]:
    """Every finding, in the order in which one stands on the other."""
    looks: list[Callable[[Loaded], Iterator[Finding]]] = [
        _settings, _clock, _disk, _ledger, _readings, _program, _certificates, _broker, _ports, _providers, _heartbeat,
    ]  # fmt: skip
    for look in looks:
        try:
            yield from look(loaded)
        except (Trouble, OSError, SQLAlchemyError) as error:
            said = str(error).splitlines()
            yield bad(look.__name__.strip("_"), said[0] if said else type(error).__name__, "see the message")


def _settings(loaded: Loaded) -> Iterator[Finding]:
    where = str(loaded.file) if loaded.file else "no file; defaults and the environment"
    yield ok("settings", where)
    try:
        kinds = kinds_of(loaded.settings)
    except KindError as error:
        yield bad("kinds", str(error), "mend the kind file, or take it out of the folder")
    else:
        yield ok("kinds", f"{len(list(kinds))} kinds of device")


def _clock(_loaded: Loaded) -> Iterator[Finding]:
    now_ms = clock.wall_ms()
    if now_ms < PLAUSIBLE_FROM_MS:
        yield bad(
            "clock", f"it says {clock.rfc3339(now_ms)}", "set it: timedatectl set-ntp true, or apt-get install chrony"
        )
    elif _synchronised() is False:
        yield warning(
            "clock",
            f"{clock.rfc3339(now_ms)}, but nothing keeps it right",
            "timedatectl set-ntp true, or apt-get install chrony (liveness does not depend on it, displayed times do)",
        )
    else:
        yield ok("clock", f"{clock.rfc3339(now_ms)}")


def _synchronised() -> bool | None:
    """What the kernel knows; None where it does not say."""
    try:
        buffer = ctypes.create_string_buffer(512)  # struct timex, larger than it is anywhere; modes 0: only read
        state = ctypes.CDLL(None, use_errno=True).adjtimex(buffer)
    except (OSError, AttributeError):
        return None
    return None if state < 0 else state != _TIME_ERROR


def _disk(loaded: Loaded) -> Iterator[Finding]:
    state = loaded.settings.state.absolute()
    there = next(path for path in (state, *state.parents) if path.exists())
    if not os.access(there, os.W_OK):
        yield bad("state", f"{state} cannot be written to by this user", f"chown -R $(id -un) {there}, or --state")
        return
    yield ok("state", str(state) if state.exists() else f"{state}, made at the first start")
    free = shutil.disk_usage(there).free
    said = f"{free / (1 << 30):.1f} GiB free"
    if free < DISK_OUT_BYTES:
        yield bad("disk", said, "make room: when it is full nothing more is recorded, and agents keep theirs")
    elif free < DISK_LOW_BYTES:
        yield warning("disk", said, "make room, or lower raw_days under [readings]")
    else:
        yield ok("disk", said)


def _ledger(loaded: Loaded) -> Iterator[Finding]:
    settings = loaded.settings
    if said := unfinished(settings.state):
        what, _, cure = said.partition(": ")
        yield bad("restore", f"{what}; nothing starts on it", cure)
    if settings.ledger.url is None and not (settings.state / "ledger.db").exists():
        yield ok("ledger", "SQLite, made at the first start")
        return
    engine = open_engine(settings.ledger_url)
    try:
        revision = current(engine)
        if revision is None:
            yield warning("ledger", "it answers, and holds no tables yet", "they are made at the first start")
            return
        with engine.connect() as connection:
            devices = (
                connection.scalar(select(func.count()).select_from(Device).where(Device.retired_at.is_(None))) or 0
            )
            users = connection.scalar(select(func.count()).select_from(User).where(User.ended_at.is_(None))) or 0
            heard = connection.scalar(select(Meta.value).where(Meta.key == "heard_well_at"))
            owed_since = connection.scalar(
                select(func.min(Notification.owed_at)).where(Notification.accepted_at.is_(None))
            )
    except SQLAlchemyError as error:
        yield bad("ledger", str(error).splitlines()[0], "start the database, or mend `url` under [ledger]")
        return
    finally:
        engine.dispose()
    yield ok("ledger", f"{engine.dialect.name}, {devices} devices, {users} users")
    if not devices:
        yield warning("fleet", "no device is watched", "shouwang fleet import FILE")
    if not users:
        yield warning("users", "nobody can sign in", "shouwang user add NAME --role administrator")
    yield from _heard(heard, owed_since)


def _heard(heard: str | None, owed_since: int | None) -> Iterator[Finding]:
    now_ms = clock.wall_ms()
    if heard is None:
        yield warning("watch", "it has never heard anything", "shouwang serve")
    elif now_ms - int(heard) > HEARD_WITHIN_MS:
        yield bad("watch", f"it last heard at {clock.rfc3339(int(heard))}", "is `shouwang serve` running? see its log")
    else:
        yield ok("watch", "it hears")
    if owed_since is not None and now_ms - owed_since > OWED_TOO_LONG_MS:
        since = clock.rfc3339(owed_since)
        yield bad("notifications", f"owed since {since}, and nobody has accepted them", "shouwang notify test")


def _readings(loaded: Loaded) -> Iterator[Finding]:
    settings = loaded.settings
    said = settings.readings
    if said.url is None and not (settings.state / "readings.db").exists():
        yield ok("readings", "in the state directory, made at the first start")
        return
    token = readings_token(said, writes=True)
    try:
        store = open_store(said.url, settings.state, kinds_of(settings), org=said.org, bucket=said.bucket, token=token)
        try:
            store.check()
        finally:
            store.close()
    except StoreUnavailable as error:
        yield bad("readings", str(error), "start InfluxDB; `shouwang setup influxdb` makes bucket and tokens")
    else:
        yield ok("readings", said.url or "in the state directory")


def _program(loaded: Loaded) -> Iterator[Finding]:
    settings = loaded.settings
    if settings.broker.url is not None:
        return
    mosquitto = find_mosquitto(settings)
    if mosquitto is None and settings.agents_from_outside:
        yield bad("mosquitto", "not installed", WITHOUT_MOSQUITTO)
    elif mosquitto is None:
        yield warning(
            "mosquitto",
            "not installed: the embedded broker serves this machine alone, and has no ACL",
            "apt-get install mosquitto",
        )
    else:
        yield ok("mosquitto", f"{mosquitto} {_version(mosquitto)}")


def _version(mosquitto: Path) -> str:
    try:
        said = subprocess.run([mosquitto, "-h"], capture_output=True, text=True, timeout=ANSWER_WITHIN_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    first = said.stdout.splitlines()[:1]
    return first[0].removeprefix("mosquitto version ") if first else ""


def _certificates(loaded: Loaded) -> Iterator[Finding]:
    broker = loaded.settings.broker
    now_ms = clock.wall_ms()
    for key, path in (("certificate_file", broker.certificate_file), ("ca_file", broker.ca_file)):
        if path is None:
            continue
        try:
            ends_ms = file_ends_at_ms(path, authorities=key == "ca_file")
        except (OSError, ValueError) as error:
            said = f"broker.{key}: {path}: {error.strerror}" if isinstance(error, OSError) else f"broker.{key}: {error}"
            yield bad("certificate", said, "give a PEM file that this user may read")
            continue
        said = f"broker.{key}: {path} {in_words(ends_ms, now_ms)}"
        if ends_ms <= now_ms:
            yield bad("certificate", said, "renew it: agents refuse it; they keep what they have until it is good")
        elif due(ends_ms, now_ms) is not None:
            yield warning("certificate", said, "renew it; the broker takes the new one when `shouwang serve` starts")
        else:
            yield ok("certificate", said)


def _broker(loaded: Loaded) -> Iterator[Finding]:
    settings = loaded.settings
    url = settings.broker_url
    host, port, secure = split_url(url)
    client = paho.Client(CallbackAPIVersion.VERSION2, "shouwang-doctor", protocol=paho.MQTTv5)
    login = login_of(settings)
    if login.username is not None:
        client.username_pw_set(login.username, login.password)
    if secure and login.tls is not None:
        client.tls_set_context(login.tls)
    answers: list[str] = []
    client.on_connect = lambda _c, _d, _f, code, _p: answers.append(str(code))
    client.connect_timeout = ANSWER_WITHIN_S
    try:
        client.connect(host, port, keepalive=10)
        limit_s = clock.mono_s() + ANSWER_WITHIN_S
        while not answers and clock.mono_s() < limit_s and client.loop(0.1) is paho.MQTT_ERR_SUCCESS:
            pass
    except OSError as error:
        running = "" if settings.broker.url else " (it runs while `shouwang serve` does)"
        cure = "start it, or mend `url` under [broker]" if settings.broker.url else "shouwang serve"
        grade = bad if settings.broker.url else warning
        yield grade("broker", f"{url}: {error.strerror or error}{running}", cure)
        return
    finally:
        client.disconnect()
    if answers == ["Success"]:
        yield ok("broker", f"{url} lets us in")
    else:
        said = answers[0] if answers else "no answer"
        yield bad("broker", f"{url}: {said}", "mend username and password_file under [broker]")


def _ports(loaded: Loaded) -> Iterator[Finding]:
    settings = loaded.settings
    for key, host, port in _listeners(settings):
        try:
            with socket.create_connection((host, port), timeout=1.0):
                yield ok("port", f"{key} {port}: somebody listens (if `shouwang serve` runs, it does)")
        except OSError:
            yield ok("port", f"{key} {port}: free")


def _listeners(settings: Settings) -> Iterator[tuple[str, str, int]]:
    api = "127.0.0.1" if settings.api.host in ("0.0.0.0", "::") else settings.api.host  # noqa: S104 -- compared
    yield "api.port", api, settings.api.port
    if settings.broker.url is None:
        yield "broker.port", "127.0.0.1", settings.broker.port


def _providers(loaded: Loaded) -> Iterator[Finding]:
    try:
        ways = configured(loaded.settings.notify, loaded.sources)
    except SettingsError as error:
        for line in str(error).splitlines():
            yield bad("notify", line, "mend it in the settings")
        return
    if not ways:
        yield warning("notify", "nobody is told: no provider is configured", "see [notify] in shouwang.toml")
    else:
        yield ok("notify", f"{', then '.join(ways)}; `shouwang notify test` tries them")


def _heartbeat(loaded: Loaded) -> Iterator[Finding]:
    if loaded.settings.heartbeat.url is None:
        yield warning(
            "heartbeat",
            "if this machine dies nobody outside notices",
            "give `url` under [heartbeat]: an address that tells people when it is no longer asked",
        )
    else:
        yield ok("heartbeat", f"each {loaded.settings.heartbeat.every_s:g} s")
