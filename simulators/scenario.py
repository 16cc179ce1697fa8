"""A scenario: a readable timeline of what goes wrong, where and for how long, and what Shouwang should then say.

```toml
title = { zh = "停电", en = "Power cut" }
about = { zh = "…", en = "…" }
lasts = "20m"

[[timeline]]
at = "30s"                          # of simulated time since the start; or `daily = "21:30"`, or `every = "10m"` too
fault = "power_cut"                 # simulators/faults.py lists them
where = { township = "八仙筒镇" }   # all that match; `pick = 3` draws three of them from the seed
for = "10m"                         # absent: until the end
with = { ups_s = 120 }              # the fault's settings
says = { zh = "…", en = "…" }       # told when it begins

[[expect]]
by = "6m"                           # of simulated time
cause = "area_outage"
count = 1
```
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from shouwang.vocabulary import Cause
from simulators.faults import RULES, FaultKind, Level

FOLDER = Path(__file__).parent / "scenarios"
DAY_S = 86_400.0
_SPAN = re.compile(r"(?:(\d+(?:\.\d+)?)d)?(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s)?")
_HOUR = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")


class ScenarioError(ValueError):
    """A scenario that cannot be played; the message names the file and the place."""


class Words(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    zh: str
    en: str


class Where(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """What a fault lies on: all that match every field given, or `pick` of them. Townships by code or by name."""

    township: str = ""
    centre: str = ""
    device: str = ""
    kind: str = ""
    room: str = ""
    carrier: str = ""
    sim_pool: str = ""
    feed: str = ""
    pick: int | None = None
    per_centre: int | None = None  # so many devices at each centre


@dataclass(frozen=True, slots=True)
class Step:
    """One line of a timeline, in seconds of simulated time.

    It begins at `at_s`, or each day at `daily_h` (hours of local time), and again each `every_s` after. `for_s` None:
    it lasts to the end.
    """

    fault: FaultKind
    where: Where
    at_s: float = 0.0
    daily_h: float | None = None
    every_s: float | None = None
    for_s: float | None = None
    settings: dict[str, float] = field(default_factory=dict)
    says: Words | None = None


@dataclass(frozen=True, slots=True)
class Expectation:
    """By then, `count` incidents of the cause have been opened since the scenario began."""

    by_s: float
    cause: Cause
    count: int = 1


@dataclass(frozen=True, slots=True)
class Scenario:
    name: str
    title: Words
    about: Words
    lasts_s: float
    steps: tuple[Step, ...]
    expect: tuple[Expectation, ...] = ()
    centres: int = 1  # it needs at least so many
    days: bool = False  # made for simulated days, not for a demonstration of minutes


class _Line(msgspec.Struct, forbid_unknown_fields=True):
    fault: str
    where: Where = Where()
    at: str = "0s"
    daily: str = ""
    every: str = ""
    for_: str = msgspec.field(name="for", default="")
    with_: dict[str, float] = msgspec.field(name="with", default_factory=dict)
    says: Words | None = None


class _Want(msgspec.Struct, forbid_unknown_fields=True):
    by: str
    cause: Cause
    count: int = 1


class _File(msgspec.Struct, forbid_unknown_fields=True):
    title: Words
    about: Words
    lasts: str
    timeline: list[_Line]
    expect: list[_Want] = []
    centres: int = 1
    days: bool = False


def span_s(text: str) -> float:
    """Seconds of `90s`, `1h30m`, `2d`. Raises ValueError."""
    found = _SPAN.fullmatch(text.strip())
    if not text.strip() or found is None:
        raise ValueError(f"{text!r} is not a span of time like 90s, 10m, 1h30m or 2d")
    days, hours, minutes, seconds = (float(part or 0) for part in found.groups())
    return days * DAY_S + hours * 3600 + minutes * 60 + seconds


def names() -> list[str]:
    """The scenarios that come with Shouwang."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def load(name: str) -> Scenario:
    """A scenario by its name, or by the path of a file. Raises ScenarioError."""
    path = Path(name) if name.endswith(".toml") else FOLDER / f"{name}.toml"
    try:
        file = msgspec.convert(tomllib.loads(path.read_text("utf-8")), _File)
    except FileNotFoundError:
        raise ScenarioError(f"no scenario {name!r}; there are: {', '.join(names())}; or give a .toml file") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise ScenarioError(f"{path.name}: {error}") from error
    try:
        lasts_s = span_s(file.lasts)
        wants = tuple(Expectation(span_s(want.by), want.cause, want.count) for want in file.expect)
    except ValueError as error:
        raise ScenarioError(f"{path.name}: {error}") from error
    steps = tuple(_step(line, f"{path.name}: timeline {number}") for number, line in enumerate(file.timeline, 1))
    return Scenario(path.stem, file.title, file.about, lasts_s, steps, wants, file.centres, file.days)


def _step(line: _Line, place: str) -> Step:
    if line.fault not in set(FaultKind):
        raise ScenarioError(f"{place}: no fault {line.fault!r}; there are: {', '.join(FaultKind)}")
    kind = FaultKind(line.fault)
    rule = RULES[kind]
    if unknown := set(line.with_) - set(rule.settings):
        known = ", ".join(sorted(rule.settings)) or "none"
        raise ScenarioError(f"{place}: {kind} has no setting {min(unknown)!r}; it has: {known}")
    if rule.level is Level.FEED and not line.where.feed:
        raise ScenarioError(f"{place}: {kind} needs where.feed")
    if rule.at_once and line.for_:
        raise ScenarioError(f"{place}: {kind} happens at once, `for` means nothing")
    daily_h = None
    if line.daily:
        hour = _HOUR.fullmatch(line.daily)
        if hour is None:
            raise ScenarioError(f"{place}: daily must be like 21:30, not {line.daily!r}")
        daily_h = int(hour[1]) + int(hour[2]) / 60
    try:
        at_s, every_s, for_s = (span_s(text) if text else None for text in (line.at, line.every, line.for_))
    except ValueError as error:
        raise ScenarioError(f"{place}: {error}") from error
    if every_s is not None and every_s <= 0:
        raise ScenarioError(f"{place}: every must be over 0s")
    return Step(kind, line.where, at_s or 0.0, daily_h, every_s, for_s, line.with_, line.says)
