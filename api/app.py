"""Makes the app: REST, event stream, health, and the console where it is installed."""

from __future__ import annotations

import importlib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from fastapi import FastAPI
from sqlalchemy import Engine
from starlette.middleware import Middleware

from api import agent, document, health, problems, rest
from api.guard import BoundedBody, Counts, Meter, SafeHeaders
from api.house import ForAgents, House
from api.stream import Hub
from shouwang import __version__
from shouwang.clock import Clock, SystemClock
from shouwang.kinds import Kinds
from shouwang.log import get_logger
from shouwang.readings.store import ReadingStore

log = get_logger("api")


def create_app(
    engine: Engine,
    store: ReadingStore,
    kinds: Kinds,
    *,
    clock: Clock | None = None,
    public_url: str = "http://127.0.0.1:8420",
    limits: Mapping[str, Mapping[str, float]] | None = None,
    grafana_url: str | None = None,
    speed: float = 1.0,
    providers: tuple[str, ...] = (),
    demo_url: str | None = None,
    for_agents: ForAgents | None = None,
    console: bool = True,
) -> FastAPI:
    """An ASGI app on an open ledger and store, which stay the caller's to close. See `House` for the arguments."""
    house = House(
        engine=engine,
        store=store,
        kinds=kinds,
        clock=clock or SystemClock(),
        public_url=public_url.rstrip("/"),
        limits=limits or {},
        grafana_url=grafana_url.rstrip("/") if grafana_url else None,
        speed=speed,
        providers=providers,
        demo_url=demo_url,
        for_agents=for_agents or ForAgents(),
    )
    counts = Counts()
    hub = Hub(house)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield
        hub.close()

    app = FastAPI(
        title="Shouwang",
        version=__version__,
        docs_url=None,  # they fetch scripts from other hosts
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
        middleware=[
            Middleware(Meter, counts=counts),
            Middleware(SafeHeaders, https=house.https),
            Middleware(BoundedBody),
        ],
    )
    app.state.house = house
    app.state.hub = hub
    app.state.counts = counts
    problems.install(app)
    for part in (rest, agent, document, health):
        app.include_router(part.router)
    if console:
        _mount_console(app)
    return app


def _mount_console(app: FastAPI) -> None:
    # The console stands on REST, never the other way round: an API without pages is still whole.
    try:
        module = importlib.import_module("api.console")
    except ModuleNotFoundError as error:
        if error.name != "api.console":
            raise
        log.warning("no console is installed")
        return
    mount = getattr(module, "mount", None)
    if mount is None:
        log.warning("the console cannot be mounted")
        return
    mount(app)
