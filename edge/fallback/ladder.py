"""Which way comes next for a call that nobody has acknowledged. Pure: ages and what was tried are arguments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edge.fallback.file import FallbackFile, SecondUplink


@dataclass(frozen=True, slots=True)
class Try:
    """One way, tried for one call. `ok` None: under way, or cut short by the end of the process: nobody knows whether
    it went out, so it is not done again."""

    number: int  # of the way, from 0
    way: str
    began_ms: int
    ok: bool | None = None
    said: str = ""


def next_way(said: FallbackFile, age_s: float, tries: Sequence[Try], since_last_s: float) -> int | None:
    """The number of the way to take now; None while something is waited for, or when there is no more to do. `age_s`:
    of the call; `since_last_s`: since the last try began. A message that a network took, or a siren that confirmed,
    has reached somebody; another uplink has only when the ack comes, which is not waited for here."""
    if age_s < said.wait_s or age_s > said.oldest_s:
        return None
    if not tries:
        return 0 if said.way else None
    last = tries[-1]
    waits = last.number < len(said.way) and isinstance(said.way[last.number], SecondUplink)
    if last.ok and not waits:
        return None
    if last.ok is not False and since_last_s < said.wait_s:
        return None
    following = last.number + 1
    return following if following < len(said.way) else None
