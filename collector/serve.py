"""`shouwang serve`: checks that all can run here, takes the fleet in, and supervises broker, collector and API."""

from __future__ import annotations

import asyncio
import hashlib
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typer
from sqlalchemy import Engine, delete, func, insert, select
from sqlalchemy.exc import SQLAlchemyError

from collector.broker import check, find_mosquitto
from collector.fleet_file import take_in
from collector.holding import SERVE, held
from collector.notify import configured
from shouwang import clock
from shouwang.ledger.engine import open_engine
from shouwang.ledger.migrate import LedgerNewer, upgrade
from shouwang.ledger.people import add_user, new_link
from shouwang.ledger.restore import refuse_unfinished
from shouwang.ledger.tables import Device, Meta, User
from shouwang.processes import children
from shouwang.settings import Loaded, Settings
from shouwang.supervisor import Supervisor
from shouwang.trouble import Trouble, WrongUsage
from shouwang.vocabulary import Role

FIRST_USER = "admin"
FLEET_FILE = "fleet_file"
"""In `meta`: the digest of the fleet file that `serve` took in last."""


def serve(loaded: Loaded, flags: Mapping[str, Any]) -> int:
    """Runs everything until SIGTERM or Ctrl-C; gives an exit code. Raises Trouble before anything has started.

    `flags` are those that `loaded` was made with; the processes come to the same settings by them.
    """
    settings = loaded.settings
    configured(settings.notify, loaded.sources)
    check(settings, find_mosquitto(settings))
    with held(settings.state, SERVE, "shouwang serve"):
        refuse_unfinished(settings.state)
        check_ports(settings)
        engine = open_ledger(settings)
        try:
            if settings.fleet is not None:
                bring_fleet(engine, settings, settings.fleet)
            for line in first_words(engine, settings):
                typer.echo(line)
        finally:
            engine.dispose()
        return asyncio.run(_supervise(loaded, flags))


async def _supervise(loaded: Loaded, flags: Mapping[str, Any]) -> int:
    return await Supervisor(children(loaded, flags), stop_within_s=loaded.settings.stop_within_s).run()


def check_ports(settings: Settings) -> None:
    """Raises WrongUsage for a port that something else listens on."""
    wanted = [("--port", "api.port", settings.api.host, settings.api.port)]
    if settings.broker.url is None:
        wanted.append(("--mqtt-port", "broker.port", settings.broker.host, settings.broker.port))
        if settings.agents_from_outside:
            wanted.append(("--mqtt-port", "broker.port", "127.0.0.1", settings.inner_mqtt_port))
    for flag, key, host, port in wanted:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError as error:
                raise WrongUsage(f"{host} port {port} cannot be used: {error.strerror}; {flag} ({key})") from error


def open_ledger(settings: Settings) -> Engine:
    """The ledger, its tables brought to what this version needs. Raises Trouble."""
    try:
        settings.state.mkdir(mode=0o700, parents=True, exist_ok=True)
        engine = open_engine(settings.ledger_url)
        upgrade(engine)
    except LedgerNewer as error:
        raise Trouble(str(error)) from error
    except (SQLAlchemyError, OSError) as error:
        raise Trouble(f"the ledger cannot be opened: {str(error).splitlines()[0]}") from error
    return engine


def bring_fleet(engine: Engine, settings: Settings, file: Path) -> None:
    """Takes the fleet file in, unless this very file was the last one: what was changed in the console since then
    stays. Raises Trouble for a file that cannot be taken in; where a fleet is watched already it only says so."""
    try:
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        with engine.connect() as connection:
            before = connection.scalar(select(Meta.value).where(Meta.key == FLEET_FILE))
        if digest == before:
            typer.echo(f"{file}: as it was taken in before")
            return
        typer.echo(take_in(engine, settings, file))
    except (Trouble, OSError) as error:
        said = str(error) if isinstance(error, Trouble) else f"{file}: {error.strerror}"
        if not _devices(engine):
            raise Trouble(said) from error
        typer.echo(f"shouwang: {said}\nshouwang: the fleet as it was before is watched", err=True)
        return
    with engine.execution_options(writes=True).begin() as connection:
        connection.execute(delete(Meta).where(Meta.key == FLEET_FILE))
        connection.execute(insert(Meta), {"key": FLEET_FILE, "value": digest})


def _devices(engine: Engine) -> int:
    with engine.connect() as connection:
        watched = select(func.count()).select_from(Device).where(Device.retired_at.is_(None))
        return connection.scalar(watched) or 0


def first_words(engine: Engine, settings: Settings) -> list[str]:
    """What to open; for the first start of all, the way in: there is no default account."""
    lines = [f"console: {settings.public_url}"]
    with engine.execution_options(writes=True).begin() as connection:
        if not connection.scalar(select(func.count()).select_from(User)):
            now_ms = clock.wall_ms()
            add_user(connection, FIRST_USER, Role.ADMINISTRATOR, now_ms)
            link = new_link(connection, FIRST_USER, now_ms)
            lines.append(f"first sign-in, once, within 15 minutes: {settings.public_url}/sign-in/{link}")
        lines.append(f"a new sign-in link, any time: shouwang user link {FIRST_USER} --state {settings.state}")
    if not _devices(engine):
        lines.append("no device is watched yet: shouwang fleet import FILE (`shouwang init` writes a sample)")
    if settings.broker.url is None:
        where = settings.broker.host if settings.agents_from_outside else "127.0.0.1"
        how = (
            ", each with its password"
            if settings.agents_from_outside
            else ", from this machine alone, without password"
        )
        scheme = "mqtts" if settings.broker.certificate_file is not None and settings.agents_from_outside else "mqtt"
        lines.append(f"agents: {scheme}://{where}:{settings.broker.port}{how}")
    return lines
