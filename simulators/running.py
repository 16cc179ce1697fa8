"""`shouwang simulate` at work: a banner, its timelines, progress on the terminal, and the end when asked."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import shutil
import signal
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import msgspec
import typer

from shouwang.sd_notify import notify
from shouwang.trouble import WrongUsage
from simulators.banner import Banner
from simulators.control import ControlServer, Happened
from simulators.fleet import SimCentre
from simulators.player import Happening
from simulators.scenario import Scenario, ScenarioError, load

PROGRESS_EVERY_S = 10.0
_PREFIX = "shouwang-outboxes-"
_MEMORY = Path("/dev/shm")  # noqa: S108  a file system in memory, where Linux has one
_MEMORY_NEEDED_BYTES = 1 << 30


@dataclass(frozen=True, slots=True)
class Running:
    """What `simulate` was asked to do."""

    fleet: Sequence[SimCentre]
    broker: str
    speed: float = 1.0
    seed: int = 1
    scenarios: Sequence[Scenario] = ()
    random: int | None = None
    outboxes: Path | None = None
    passwords: Path | None = None
    seconds: float | None = None
    control: Path | None = None
    as_json: bool = False


def run(asked: Running) -> None:
    """Runs until it is interrupted, terminated or its time is over. Raises WrongUsage for what cannot be done."""
    logging.getLogger("edge").setLevel(logging.ERROR)  # hundreds of agents: what they say of lines is asked for here
    with outboxes_folder(asked.outboxes) as folder:
        try:
            asyncio.run(_run(asked, folder, _passwords(asked.passwords)))
        except ScenarioError as error:
            raise WrongUsage(str(error)) from error


async def _run(asked: Running, folder: Path, passwords: dict[str, str]) -> None:
    server: ControlServer | None = None

    def happened(happening: Happening) -> None:
        said = happening.said
        told = Happened(happening.at_s, happening.fault.value, happening.began, said.zh, said.en)
        _say(asked, f"{told.at_s:8.0f} s  {told.zh} · {told.en}", {"happened": msgspec.to_builtins(told)})
        if server is not None:
            server.tell(told)

    banner = Banner(
        asked.fleet,
        asked.broker,
        folder,
        speed=asked.speed,
        seed=asked.seed,
        password_of=passwords.get,
        on_happening=happened,
    )
    for scenario in asked.scenarios:
        banner.play(scenario)
    if asked.random is not None:
        banner.play_at_random(asked.random)
    if asked.control is not None:
        server = ControlServer(asked.control, lambda name: _play(banner, name), lambda seed: _random(banner, seed))
        await server.start()
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ended.set)
    living = asyncio.create_task(banner.run())
    living.add_done_callback(lambda _: ended.set())
    progress = asyncio.create_task(_progress(asked, banner))
    notify("READY=1")
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(ended.wait(), asked.seconds)
    progress.cancel()
    living.cancel()
    results = await asyncio.gather(living, progress, return_exceptions=True)
    if server is not None:
        await server.close()
    for result in results:
        if isinstance(result, Exception):
            raise result
    _tell_doing(asked, banner)


async def _progress(asked: Running, banner: Banner) -> None:
    while True:
        await asyncio.sleep(PROGRESS_EVERY_S)
        notify("WATCHDOG=1")
        _tell_doing(asked, banner)


def _tell_doing(asked: Running, banner: Banner) -> None:
    doing = banner.doing()
    text = (
        f"{doing.elapsed_s:8.0f} s  {doing.connected}/{doing.agents} connected, {doing.readings_taken} readings taken, "
        f"{doing.pending_rows} rows not yet acknowledged, {doing.faults} faults"
    )
    _say(asked, text, {"doing": asdict(doing)})


def _play(banner: Banner, name: str) -> str:
    try:
        banner.play(load(name))
    except ScenarioError as error:
        return str(error)
    return ""


def _random(banner: Banner, seed: int) -> str:
    banner.play_at_random(seed)
    return ""


def _say(asked: Running, text: str, data: dict[str, object]) -> None:
    typer.echo(json.dumps(data, ensure_ascii=False) if asked.as_json else text)


def _passwords(path: Path | None) -> dict[str, str]:
    if path is None:
        return {}
    try:
        read = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise WrongUsage(f"--passwords {path}: {error}") from error
    if not isinstance(read, dict) or not all(isinstance(value, str) for value in read.values()):
        raise WrongUsage(f'--passwords {path}: expected an object like {{"150525100201": "password"}}')
    return read


@contextlib.contextmanager
def outboxes_folder(asked: Path | None) -> Iterator[Path]:
    """Where the outboxes are kept: as asked, else in memory if there is room (writing through costs nothing there),
    else in a folder for temporary files; those two are gone at the end."""
    if asked is not None:
        asked.mkdir(parents=True, exist_ok=True)
        yield asked
        return
    parent = None
    if _MEMORY.is_dir() and os.access(_MEMORY, os.W_OK) and shutil.disk_usage(_MEMORY).free > _MEMORY_NEEDED_BYTES:
        parent = _MEMORY
    _sweep(parent or Path(tempfile.gettempdir()))
    with tempfile.TemporaryDirectory(prefix=f"{_PREFIX}{os.getpid()}-", dir=parent) as folder:
        yield Path(folder)


def _sweep(parent: Path) -> None:
    """Removes what simulations left that were killed."""
    for left in parent.glob(f"{_PREFIX}*-*"):
        pid = left.name.removeprefix(_PREFIX).partition("-")[0]
        if pid.isdecimal() and not _runs(int(pid)):
            shutil.rmtree(left, ignore_errors=True)


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
