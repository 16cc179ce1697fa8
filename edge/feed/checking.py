"""`shouwang feed --check`: what a platform's answer maps to, and what is set aside and why. Nothing is sent."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec

from edge.feed.mapping import Files, Mapping, Sftp, read_mapping
from edge.feed.meaning import Aside, Mapped, Meaning
from edge.feed.naming import read_names
from edge.feed.sources import NotToldError, make_source
from edge.feed.sources.files import read_csv
from edge.secrets import Secrets
from shouwang import clock, kinds
from shouwang.clock import SystemClock
from shouwang.kinds import Kinds

SHOWN_MAX = 20


def look(mapping: Path, state: Path, answer: Path | None) -> tuple[Mapping, Mapped]:
    """`answer`: a file with what the platform said, in place of asking it. Raises MappingError, UnknownSecretError,
    ValueError or OSError."""
    declared = kinds.load()
    said = read_mapping(mapping, declared)
    if said.device is None:
        return said, Mapped()
    meaning = Meaning(said, Kinds(declared), read_names(said.device, mapping.parent))
    now_ms = clock.wall_ms()
    asides: list[Aside] = []

    def found(content: Any) -> list[Any]:
        entries = meaning.entries(content)
        if isinstance(entries, Aside):
            raise NotToldError(entries.reason, entries.detail)
        return entries

    try:
        if answer is not None:
            entries = found(_read(said, answer))
        else:
            source = make_source(said, Secrets(state / "secrets.toml"), state, mapping.parent, found, SystemClock())
            assert source is not None
            source.aside = asides.append
            entries = asyncio.run(source.once())
    except NotToldError as error:
        return said, Mapped(asides=[error.aside], well=False)
    made = meaning.of_entries(entries, now_ms)
    made.asides = asides + made.asides
    return said, made


def as_json(made: Mapped) -> dict[str, Any]:
    """Everything, for `--json`."""
    return {
        "well": made.well,
        "entries": made.entries,
        "readings": [
            {"device": each.device, "kind": each.kind, **each.fields, "last_heard": clock.rfc3339(each.heard_ms)}
            for each in made.readings
        ],
        "events": [
            {"device": each.device, "event": each.event, "at": clock.rfc3339(each.at_ms), "detail": each.detail}
            for each in made.events
        ],
        "asides": [{"reason": each.reason, "device": each.device, "detail": each.detail} for each in made.asides],
    }


def as_text(made: Mapped) -> list[str]:
    """For people: the first twenty of each, and how many there are."""
    found = f"{len(made.readings)} readings, {len(made.events)} events, {len(made.asides)} set aside"
    lines = [f"{made.entries} entries: {found}"]
    for reading in made.readings[:SHOWN_MAX]:
        heard = f"  heard {clock.rfc3339(reading.heard_ms)}" if reading.heard_ms else ""
        lines.append(f"  {reading.device}{heard}")
        lines += [f"    {name}  {value}" for name, value in reading.fields.items()]
    lines += [f"  {e.device}  {e.event} at {clock.rfc3339(e.at_ms)}" for e in made.events[:SHOWN_MAX]]
    counts = Counter(each.reason for each in made.asides)
    lines += [f"set aside, {reason}: {count}" for reason, count in counts.most_common()]
    lines += [f"  {each.device or '-'}  {each.detail}" for each in made.asides[:SHOWN_MAX]]
    return lines


def _read(said: Mapping, path: Path) -> Any:
    """Raises NotToldError, or ValueError for a file that is not there or cannot be read."""
    try:
        with path.open("rb"):
            pass
    except FileNotFoundError:
        raise ValueError(f"{path}: there is no such file with a platform's answer (--from)") from None
    except OSError as error:
        raise ValueError(f"{path}: the platform's answer (--from) cannot be read: {error.strerror}") from error
    if isinstance(said.source, Files | Sftp):
        return read_csv(path, said.source.encoding, said.source.delimiter)
    try:
        return msgspec.json.decode(path.read_bytes())
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise NotToldError("malformed", f"{path}: its JSON cannot be read: {error}") from error
