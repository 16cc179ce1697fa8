"""`shouwang discover` at work: from what the command line says to what a person reads and a fleet file gets."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edge.allowed import AllowedFile, load_allowed, read_allowed
from edge.discovery.fleet_rows import FleetFile
from edge.discovery.networks import ROUTES, attached, choose
from edge.discovery.proposing import Proposal, named, propose
from edge.discovery.running import Look, Wanted, look, time_for
from edge.discovery.telling import ProgressLine
from edge.probing import Around
from shouwang import kinds
from shouwang.trouble import Trouble


@dataclass(frozen=True, slots=True)
class Options:
    """As the command line has them; `within_s` None: as long as so many addresses need."""

    state: Path | None = None
    networks: Sequence[str] = ()
    allow_loopback: bool = False
    large: bool = False
    within_s: float | None = None
    lang: str = "en"


async def discover(options: Options) -> Look:
    """Looks, until it is done or Ctrl-C. Raises WrongNetworksError, ValueError for a wrong allowed.toml."""
    path = None if options.state is None else options.state / "allowed.toml"
    said = read_allowed(path) if path is not None else AllowedFile()
    loopback = options.allow_loopback or said.loopback
    try:
        lans, gateways = attached(ROUTES.read_text("ascii", "replace"))
    except OSError:
        lans, gateways = [], frozenset()
    chosen = choose(list(options.networks) or said.networks, lans, large=options.large, loopback=loopback)
    with tempfile.TemporaryDirectory(prefix="shouwang-discover-") as folder:
        networks = list(options.networks)
        allowed = load_allowed(path or Path(folder) / "allowed.toml", loopback=loopback, networks=networks)
        around = Around(allowed=allowed, state_directory=Path(folder))
        progress = ProgressLine(around.clock, options.lang)
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        with contextlib.suppress(NotImplementedError, RuntimeError):  # where there are no signals, Ctrl-C simply ends
            loop.add_signal_handler(signal.SIGINT, stop.set)
        try:
            wanted = Wanted(chosen, lans, gateways)
            return await look(wanted, around, options.within_s or time_for(chosen.size), stop, progress)
        finally:
            with contextlib.suppress(NotImplementedError, RuntimeError):
                loop.remove_signal_handler(signal.SIGINT)
            progress.end()
            around.close()


@dataclass(frozen=True, slots=True)
class Made:
    """Proposals with their names, and the rows that they became: of a file, its new bytes."""

    proposals: list[Proposal]
    count: int = 0
    data: bytes = b""


def made_of(found: Look, file: FleetFile | None, centre: str) -> Made:
    """What is proposed; with a file, what would be written to it. Raises Trouble."""
    declared = kinds.load()
    proposals = [each for one in found.found for each in propose(one)]
    taken = file.names(centre) if file is not None else set()
    if file is not None:
        proposals = file.mark_known(proposals, centre)
    proposals = named(proposals, {name: declared[name].code_prefix for name in declared}, taken)
    new = [each for each in proposals if each.kind and not each.known]
    if file is None or not new:
        return Made(proposals)
    return Made(proposals, len(new), file.with_rows(new, centre))


def fleet_file(path: Path) -> FleetFile:
    """The file that rows are appended to. Raises Trouble."""
    declared = kinds.load()
    if not path.parent.is_dir():
        raise Trouble(f"{path.parent}: no such directory")
    return FleetFile(path, {name: declared[name] for name in declared})
