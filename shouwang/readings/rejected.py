"""What to do with a batch that InfluxDB will not take as it is: find the bad readings, and store the rest.

Its answers name the cause: a field that has another type in the bucket (fault 26), readings older than its retention, a
line that it cannot read. Where the answer says nothing that helps, halving finds the bad ones. All of it is bounded: a
batch is never sent for ever.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from shouwang.clock import parse_rfc3339
from shouwang.readings.connection import Rejected
from shouwang.readings.store import Refused, Stored

TRIES_MAX = 120
_CONFLICT = re.compile(
    r'field type conflict: input field "(?P<field>[^"]+)" on measurement "(?P<kind>[^"]+)" is type (?P<ours>\w+), '
    r"already exists as type (?P<theirs>\w+)"
)
_TOO_OLD = re.compile(r"outside retention policy.*?Lower Bound at (?P<bound>[0-9T:.\-]+Z)", re.DOTALL)
_UNREADABLE = re.compile(r"unable to parse '(?P<line>.*?)'(?:: (?P<why>[^\n]*))?(?=\n|$)", re.DOTALL)

Pair = tuple[Stored, str]
"""A reading and its line."""


@dataclass(frozen=True, slots=True)
class Conflict:
    """A field that the bucket holds with another type than ours."""

    kind: str
    field: str
    reason: str


def conflict(message: str) -> Conflict | None:
    """Which field an answer names, if it is one of type conflict."""
    found = _CONFLICT.search(message)
    if found is None:
        return None
    reason = (
        f"field {found['field']} of {found['kind']}: the bucket holds it as {found['theirs']}, the kind file makes it "
        f"{found['ours']}; the reading's other fields are stored"
    )
    return Conflict(found["kind"], found["field"], reason)


def isolate(
    pairs: list[Pair], rejected: Rejected, send: Callable[[list[Pair]], None]
) -> tuple[list[Refused], Conflict | None]:
    """(what was refused, a type conflict): with a conflict nothing is settled, and the batch is to be made again
    without the field. `send` writes pairs, or raises Rejected or StoreUnavailable."""
    refused: list[Refused] = []
    for _ in range(TRIES_MAX):
        if found := conflict(rejected.message):
            return [], found
        bad = _named(pairs, rejected)
        if not bad:
            return refused + _halve(pairs, rejected, send), None
        refused += [Refused(pair[0], reason) for pair, reason in bad]
        gone = {id(pair) for pair, _ in bad}
        pairs = [pair for pair in pairs if id(pair) not in gone]
        if not pairs:
            return refused, None
        try:
            send(pairs)
        except Rejected as again:
            rejected = again
        else:
            return refused, None
    return refused + [Refused(stored, _unexplained(rejected)) for stored, _ in pairs], None


def _named(pairs: list[Pair], rejected: Rejected) -> list[tuple[Pair, str]]:
    if found := _TOO_OLD.search(rejected.message):
        bound_ms = parse_rfc3339(found["bound"][:23].rstrip("Z") + "Z")
        reason = f"older than what the bucket keeps (from {found['bound']})"
        return [(pair, reason) for pair in pairs if pair[0].taken_at_ms <= bound_ms]
    lines = {each["line"]: each["why"] or "" for each in _UNREADABLE.finditer(rejected.message)}
    if lines:
        return [(pair, f"a line that InfluxDB cannot read: {lines[pair[1]]}") for pair in pairs if pair[1] in lines]
    return []


def _halve(pairs: list[Pair], rejected: Rejected, send: Callable[[list[Pair]], None]) -> list[Refused]:
    """At most `TRIES_MAX` tries; what is then not yet told apart is refused together."""
    refused: list[Refused] = []
    waiting = [(pairs, rejected)]
    tries = 0
    while waiting:
        some, why = waiting.pop()
        if len(some) == 1 or tries >= TRIES_MAX:
            refused += [Refused(stored, _unexplained(why)) for stored, _ in some]
            continue
        middle = len(some) // 2
        for half in (some[:middle], some[middle:]):
            tries += 1
            try:
                send(half)
            except Rejected as again:
                waiting.append((half, again))
    return refused


def _unexplained(rejected: Rejected) -> str:
    return f"InfluxDB answers {rejected.status}: {rejected.message[:200]}"
