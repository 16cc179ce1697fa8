"""A look at LANs from beginning to end, within its time; whenever it ends, it gives what was found so far."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from edge.discovery.aloud import MDNS, SSDP, WSD, Aloud, interfaces_of
from edge.discovery.found import Found, Neighbourhood
from edge.discovery.networks import Chosen, Lan
from edge.discovery.pace import Pace
from edge.discovery.services import Ports, asked, questions_for
from edge.discovery.sweep import Progress, Sweep
from edge.probing import Around

_ALOUD_S = 3.0
_A_C_NETWORK = 256
_LONGEST_S = 900.0


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is looked at. `aloud`: where each of WS-Discovery, mDNS and SSDP is asked."""

    chosen: Chosen
    lans: Sequence[Lan] = ()
    gateways: frozenset[str] = frozenset()
    ports: Ports = field(default_factory=Ports)
    aloud: tuple[tuple[str, int], ...] = (WSD, MDNS, SSDP)


@dataclass(slots=True)
class Look:
    """What came of it. `whole` False: it was cut short; `notes`: what could not be done, in a sentence each."""

    found: list[Found]
    whole: bool = True
    notes: list[str] = field(default_factory=list)


def time_for(addresses: int) -> float:
    """Seconds that a look may take: a minute for 256 addresses."""
    return min(_LONGEST_S, 60.0 * max(1.0, addresses / _A_C_NETWORK))


async def look(wanted: Wanted, around: Around, within_s: float, stop: asyncio.Event, progress: Progress) -> Look:
    """Looks until it is done, `stop` is set or the time is over."""
    into = Neighbourhood()
    pace = Pace(around.clock)
    aloud = Aloud(around.allowed, into, wanted.aloud)
    sweep = Sweep(around, into, pace, progress)
    working = asyncio.ensure_future(_all(wanted, around, into, pace, aloud, sweep, progress))
    stopping = asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait({working, stopping}, timeout=within_s, return_when=asyncio.FIRST_COMPLETED)
        whole = working.done()
        if whole:
            working.result()
    finally:
        for each in (working, stopping):
            each.cancel()
        await asyncio.gather(working, stopping, return_exceptions=True)
    notes = list(wanted.chosen.left_out)
    if sweep.no_ping:
        notes.append(sweep.no_ping)
    if aloud.refused:
        shown = ", ".join(sorted(aloud.refused)[:5])
        notes.append(f"answers from {len(aloud.refused)} addresses that may not be touched ({shown}): see allowed.toml")
    for found in into.alive():
        found.gateway = found.address in wanted.gateways
    return Look(into.alive(), whole, notes)


async def _all(
    wanted: Wanted, around: Around, into: Neighbourhood, pace: Pace, aloud: Aloud, sweep: Sweep, progress: Progress
) -> None:
    ports = wanted.ports
    async with asyncio.TaskGroup() as group:
        group.create_task(aloud.ask(interfaces_of(wanted.chosen.networks, wanted.lans), _ALOUD_S))
        group.create_task(sweep.addresses(wanted.chosen.addresses(), ports.first))
    await sweep.ports(into.alive(), ports.tcp)
    questions = [(found, ask, port) for found in into.alive() for ask, port in questions_for(found, ports)]
    done = 0

    async def one(each: tuple[Found, Callable[..., object], int]) -> None:
        nonlocal done
        found, ask, port = each
        for service in await asked(ask, found, port, around):  # type: ignore[arg-type]
            found.add(service)
            found.call(service.detail.get("name", ""))
        done += 1
        progress("services", done, len(questions))

    await pace.each(questions, one)
