"""The API's commands, by the front door: people and tokens, and serving until told to stop."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
from pathlib import Path

import httpx
import pytest

from api import service
from shouwang import cli, clock
from shouwang.ledger import people
from shouwang.ledger.engine import open_engine, sqlite_url
from shouwang.vocabulary import Role


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty state directory; no settings of this machine are read."""
    for name in [each for each in os.environ if each.startswith("SHOUWANG_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "state"


def run(*arguments: str) -> int:
    return cli.main(list(arguments))


def test_a_person_is_added_and_comes_in_by_the_link(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("user", "add", "王芳", "--role", "duty_officer", "--state", str(state), "--json") == 0
    first = json.loads(capsys.readouterr().out)
    assert run("user", "link", "王芳", "--state", str(state)) == 0
    url = capsys.readouterr().out.strip()
    assert url.startswith("http://127.0.0.1:8420/sign-in/")
    engine = open_engine(sqlite_url(state / "ledger.db"))
    with engine.execution_options(writes=True).begin() as connection:
        now_ms = clock.wall_ms()
        assert people.sign_in(connection, first["url"].rsplit("/", 1)[1], now_ms) is None
        session = people.sign_in(connection, url.rsplit("/", 1)[1], now_ms)
        assert session is not None
        person = people.person_by_session(connection, session, now_ms)
    engine.dispose()
    assert person is not None
    assert person.role is Role.DUTY_OFFICER


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["user", "link", "nobody"], 1, "user add"),
        (["user", "add", "li", "--township", "150999"], 1, "150999"),
        (["user", "add", "li", "--role", "emperor"], 2, "emperor"),
        (["token", "create"], 2, "--centre"),
        (["token", "create", "--centre", "150525100200"], 1, "150525100200"),
        (["token", "create", "--centre", "150525100200", "--name", "x"], 2, "--name"),
        (["token", "revoke", "nothing"], 1, "nothing"),
    ],
)
def test_what_cannot_be_done_is_said(
    state: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, says: str
) -> None:
    assert run(*arguments, "--state", str(state)) == code
    assert says in capsys.readouterr().err


def test_a_token_is_printed_once_and_revoked(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    common = ["--state", str(state)]
    assert run("token", "create", "--role", "viewer", "--name", "grafana", *common) == 0
    token = capsys.readouterr().out.strip()
    assert len(token) >= 32
    assert run("token", "create", "--role", "viewer", "--name", "grafana", *common) == 1
    assert run("token", "revoke", "grafana", *common) == 0
    assert run("token", "revoke", "grafana", *common) == 1


def test_other_machines_are_not_served_in_clear_unless_somebody_says_so(
    state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("api", "--state", str(state), "--host", "0.0.0.0") == 2
    assert "public_url" in capsys.readouterr().err


@pytest.mark.system
async def test_it_serves_says_that_it_is_well_and_ends_well(state: Path, tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    told = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    told.bind(str(tmp_path / "notify"))
    told.setblocking(False)
    env = os.environ | {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "2000000"}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-P", "-m", "shouwang", "api", "--state", str(state), "--port", str(port), env=env
    )
    try:
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(30):
            heard: list[bytes] = []
            while heard.count(b"WATCHDOG=1") < 2:
                heard.append(await loop.sock_recv(told, 100))
        assert heard[0] == b"READY=1"
        async with httpx.AsyncClient() as client:
            ready = await client.get(f"http://127.0.0.1:{port}/readyz")
        assert ready.status_code == 200
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(10):
            assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        told.close()


def test_answers_are_not_held_back() -> None:
    """asyncio sets TCP_NODELAY only on sockets that name their protocol."""
    with service._listening("127.0.0.1", 0) as listening:
        assert listening.proto == socket.IPPROTO_TCP
