"""The API's process: opens what the settings name, serves until it is told to stop, and says that it is well."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import signal
import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

from fastapi import FastAPI
from sqlalchemy import Engine

from api.agent.bundles import BUNDLES
from api.app import create_app
from api.house import ForAgents
from api.server import Server, bound, config
from shouwang import kinds as declared
from shouwang.clock import mono_s
from shouwang.kinds import Kinds
from shouwang.ledger.engine import open_engine
from shouwang.ledger.migrate import upgrade
from shouwang.ledger.restore import refuse_unfinished
from shouwang.log import get_logger
from shouwang.readings import ReadingStore, open_store
from shouwang.sd_notify import notify, watchdog_s
from shouwang.settings import Settings, SettingsError, readings_token
from shouwang.trouble import Trouble

log = get_logger("api.service")


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


def store_of(settings: Settings, kinds: Kinds) -> ReadingStore:
    """The store of readings, to read from. Raises SettingsError when its token cannot be read."""
    said = settings.readings
    return open_store(
        said.url,
        settings.state,
        kinds,
        org=said.org,
        bucket=said.bucket,
        token=readings_token(said, writes=False),
    )


def providers_of(settings: Settings) -> tuple[str, ...]:
    """The configured ways to tell people, in the order in which they are tried."""
    return tuple(settings.notify.providers if settings.notify.ways is None else settings.notify.ways)


def for_agents(settings: Settings) -> ForAgents:
    """What new agents are told. Raises SettingsError where the file of authorities cannot be read."""
    said, broker = settings.agents, settings.broker
    url = said.broker_url or broker.url
    if url is None and settings.agents_from_outside:
        scheme = "mqtts" if broker.certificate_file is not None else "mqtt"
        url = f"{scheme}://{urlsplit(settings.public_url).hostname}:{broker.port}"
    authorities = ""
    if said.ca_file is not None:
        try:
            authorities = said.ca_file.read_text("ascii")
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(f"agents.ca_file: {said.ca_file}: {error}") from error
    return ForAgents(url or settings.broker_url, authorities, settings.state / BUNDLES)


def refuse_open_http(settings: Settings) -> None:
    """Raises SettingsError where cookies and tokens would cross a network in clear without anybody having said so."""
    host = settings.api.host
    if _is_loopback(host):
        return
    if settings.api.public_url is None:
        raise SettingsError(
            f"api.host: {host} is reached by other machines, and this server speaks plain http. Put a proxy with TLS "
            "before it (and let it listen on 127.0.0.1), and say in [api] public_url what people type: https://… "
            "(or http://…, if sign-ins may cross your network in clear)"
        )
    if urlsplit(settings.public_url).scheme == "http":
        log.warning("sign-ins and tokens cross the network in clear", host=host, public_url=settings.public_url)


def serve(settings: Settings) -> None:
    """Serves until SIGTERM or Ctrl-C. Raises Trouble where the address is taken."""
    refuse_open_http(settings)
    kinds = kinds_of(settings)
    engine = ledger_of(settings)
    store = store_of(settings, kinds)
    try:
        app = create_app(
            engine,
            store,
            kinds,
            public_url=settings.public_url,
            limits=settings.limits_said,
            grafana_url=settings.grafana.url,
            speed=settings.speed,
            providers=providers_of(settings),
            demo_url=settings.demo_url,
            for_agents=for_agents(settings),
        )
        with _listening(settings.api.host, settings.api.port) as listening:
            asyncio.run(_run(app, settings, listening))
    finally:
        store.close()
        engine.dispose()


class WatchedServer(Server):
    """Tells whoever started it that it is ready, and then that its loop still turns."""

    _fed_s = 0.0

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            notify("READY=1")

    async def on_tick(self, counter: int) -> bool:
        within_s = watchdog_s()
        if within_s is not None and mono_s() - self._fed_s > within_s / 4:
            notify("WATCHDOG=1")
            self._fed_s = mono_s()
        return await super().on_tick(counter)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """SIGTERM and Ctrl-C end it in order, and then it has ended well (uvicorn would raise them again)."""
        loop = asyncio.get_running_loop()
        for which in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(which, self.handle_exit, which, None)
        try:
            yield
        finally:
            for which in (signal.SIGTERM, signal.SIGINT):
                loop.remove_signal_handler(which)


async def _run(app: FastAPI, settings: Settings, listening: socket.socket) -> None:
    server = WatchedServer(config(app, settings.api.host, settings.api.port))
    log.info("serving", url=settings.public_url, host=settings.api.host, port=listening.getsockname()[1])
    await server.serve([listening])
    notify("STOPPING=1")
    log.info("stopped")


@contextlib.contextmanager
def _listening(host: str, port: int) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # The protocol is named because asyncio sets TCP_NODELAY only where it is: without, each answer waits 40 ms.
    with socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound(listening)
        try:
            listening.bind((host, port))
        except OSError as error:
            raise Trouble(f"api: cannot listen on {host} port {port}: {error.strerror}; choose another port") from error
        yield listening


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
