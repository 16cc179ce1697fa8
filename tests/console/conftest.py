"""The console over real HTTP, on a ledger that shows a banner on a bad afternoon."""

from __future__ import annotations

import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import uvicorn
from sqlalchemy import Engine

from api.app import create_app
from shouwang import clock
from shouwang.kinds import Kinds
from shouwang.ledger import people
from shouwang.ledger.engine import open_engine, sqlite_url
from shouwang.readings.embedded import EmbeddedStore
from shouwang.readings.store import ReadingStore
from shouwang.vocabulary import Role
from tests.console.picture import Picture, paint

UP_WITHIN_S = 10.0


class Serving:
    """An app behind a port of its own, in a thread, until `stop`."""

    def __init__(self, make: Callable[[str], object]) -> None:
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))
        self.base = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        config = uvicorn.Config(make(self.base), log_level="warning", timeout_graceful_shutdown=1)  # type: ignore[arg-type]
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._socket]}, daemon=True)

    def start(self) -> None:
        self._thread.start()
        until_s = clock.mono_s() + UP_WITHIN_S
        waiting = threading.Event()
        while not self._server.started:
            assert clock.mono_s() < until_s, "the console did not come up"
            waiting.wait(0.02)

    def stop(self) -> None:
        """Stops it, if it has not been."""
        self._server.should_exit = True
        self._thread.join(10)
        self._socket.close()


@dataclass
class Console:
    """A running console: its address, and what stands behind it."""

    base: str
    engine: Engine
    store: ReadingStore
    picture: Picture
    serving: Serving

    def stop(self) -> None:
        """The console goes away."""
        self.serving.stop()

    def link(self, role: Role = Role.ADMINISTRATOR, townships: tuple[str, ...] = ()) -> str:
        """The address of a new sign-in link for somebody of this role."""
        now_ms = clock.wall_ms()
        with self.engine.execution_options(writes=True).begin() as connection:
            name = f"{role.value}{'-' if townships else ''}{'-'.join(townships)}"
            if name not in {user["name"] for user in people.users(connection)}:
                people.add_user(connection, name, role, now_ms, townships=townships)
            return f"{self.base}/sign-in/{people.new_link(connection, name, now_ms)}"

    def session(self, role: Role = Role.ADMINISTRATOR, townships: tuple[str, ...] = ()) -> str:
        """The secret of a session of somebody of this role."""
        secret = self.link(role, townships).rpartition("/")[2]
        with self.engine.execution_options(writes=True).begin() as connection:
            session = people.sign_in(connection, secret, clock.wall_ms())
        assert session is not None
        return session


@pytest.fixture(scope="session")
def kinds() -> Kinds:
    return Kinds()


@pytest.fixture(scope="session")
def painted(tmp_path_factory: pytest.TempPathFactory, kinds: Kinds) -> tuple[Path, Picture]:
    """The picture, painted once: the directory of its ledger and readings."""
    directory = tmp_path_factory.mktemp("painted")
    engine, store = _opened(directory, kinds)
    picture = paint(engine, store, kinds, clock.wall_ms())
    store.close()
    engine.dispose()
    return directory, picture


@pytest.fixture
def console(tmp_path: Path, kinds: Kinds, painted: tuple[Path, Picture]) -> Iterator[Console]:
    """A console with a picture of its own, without a collector."""
    directory, picture = painted
    shutil.copytree(directory, tmp_path, dirs_exist_ok=True)
    engine, store = _opened(tmp_path, kinds)
    serving = Serving(
        lambda base: create_app(engine, store, kinds, public_url=base, providers=("wecom", "dingtalk", "webhook"))
    )
    serving.start()
    yield Console(serving.base, engine, store, picture, serving)
    serving.stop()
    store.close()
    engine.dispose()


def _opened(directory: Path, kinds: Kinds) -> tuple[Engine, EmbeddedStore]:
    engine = open_engine(sqlite_url(directory / "ledger.db"))
    return engine, EmbeddedStore(directory / "readings.db", kinds, writable=True)
