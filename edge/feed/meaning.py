"""From a platform's answer to readings and events: pure, and nothing that is wrong goes without its reason."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from edge.feed.instants import NoInstantError, instant_ms
from edge.feed.mapping import OF_A_CONNECTION, EventOf, Mapping, Value, steps_of
from edge.feed.naming import Names
from edge.json_path import find
from shouwang.kinds.declaration import FieldType
from shouwang.kinds.wire import Kinds

ENTRIES_MAX = 50_000


@dataclass(frozen=True, slots=True)
class Aside:
    """What was not believed. `reason`: no_entries, error_inside, no_device, unknown_device, no_instant, unknown_word,
    wrong_value, too_many."""

    reason: str
    detail: str
    device: str = ""


@dataclass(frozen=True, slots=True)
class MappedReading:
    """`device`: `<centre>/<device>`. `heard_ms`: when the platform heard the device, where it says so."""

    device: str
    kind: str
    fields: dict[str, Any]
    heard_ms: int | None


@dataclass(frozen=True, slots=True)
class MappedEvent:
    """`id`: the platform's own, by which a repeat is known."""

    device: str
    kind: str
    event: str
    at_ms: int
    id: str
    detail: dict[str, Any]


@dataclass(slots=True)
class Mapped:
    """What an answer gave. `well` False: the answer as a whole was none, so that a platform's outage is not taken for
    a list of nobody."""

    readings: list[MappedReading] = field(default_factory=list)
    events: list[MappedEvent] = field(default_factory=list)
    asides: list[Aside] = field(default_factory=list)
    entries: int = 0
    well: bool = True


class Meaning:
    """Applies one mapping. `names`: how the platform's names of devices are ours."""

    def __init__(self, said: Mapping, kinds: Kinds, names: Names) -> None:
        self._said, self._names = said, names
        self._steps = {path: steps_of(said, path) for path in _paths(said)}
        self._decode = msgspec.json.Decoder(kinds.types[said.kind]).decode if said.kind else None
        texts = (FieldType.TEXT, FieldType.ENUM)
        fields = kinds[said.kind].fields if said.kind else {}
        self._texts = {name for name, each in fields.items() if each.type in texts}
        self._lives_by_hearing = bool(said.kind) and "last_heard_age_ms" in kinds[said.kind].fields

    def entries(self, content: Any) -> list[Any] | Aside:
        """The entries of an answer, or why there are none."""
        said = self._said
        if said.ok is not None:
            found = self._at(content, said.ok.path)
            if not any(found == right and isinstance(found, bool) == isinstance(right, bool) for right in said.ok.is_):
                words = self._at(content, said.ok.message) if said.ok.message else None
                return Aside("error_inside", f"{said.ok.path} is {str(found)[:40]!r}: {str(words)[:120]}")
        found = self._at(content, said.entries)
        if isinstance(found, dict):
            return [found]
        if not isinstance(found, list):
            return Aside("no_entries", f"no list at {said.entries or 'the top'!r}, but {type(found).__name__}")
        return found

    def of_answer(self, content: Any, now_ms: int) -> Mapped:
        """Everything that an answer gives."""
        found = self.entries(content)
        if isinstance(found, Aside):
            return Mapped(asides=[found], well=False)
        return self.of_entries(found, now_ms)

    def of_entries(self, entries: Sequence[Any], now_ms: int) -> Mapped:
        made = Mapped(entries=len(entries))
        if len(entries) > ENTRIES_MAX:
            made.asides.append(
                Aside("too_many", f"{len(entries)} entries, at most {ENTRIES_MAX}: the rest is not read")
            )
        for entry in entries[:ENTRIES_MAX]:
            self._entry(entry, now_ms, made)
        return made

    def _entry(self, entry: Any, now_ms: int, made: Mapped) -> None:
        said = self._said
        assert said.device is not None
        named = self._at(entry, said.device.path)
        if not isinstance(named, str | int) or isinstance(named, bool) or named == "":
            made.asides.append(Aside("no_device", f"no device's name at {said.device.path!r}"))
            return
        centre = self._at(entry, said.device.centre) if said.device.centre else None
        device = self._names.ours(str(named), None if centre is None else str(centre))
        if device is None:
            made.asides.append(Aside("unknown_device", "it is not in the list of devices", str(named)[:64]))
            return
        happened = False
        for event in said.events:
            happened = self._event(event, entry, device, now_ms, made) or happened
        if said.fields or (said.last_heard is not None and not happened):
            self._reading(entry, device, now_ms, made)

    def _event(self, said: EventOf, entry: Any, device: str, now_ms: int, made: Mapped) -> bool:
        word = self._at(entry, said.path)
        name = said.words.get(_text(word)) if word is not None else None
        if name is None:
            return False
        try:
            at_ms = instant_ms(said.at, self._at(entry, said.at.path), now_ms)
        except NoInstantError as error:
            # A help call is told whatever its clock says: when it came is then all that is known.
            made.asides.append(Aside("no_instant", f"{name}: {error}; it is told as of now", device))
            at_ms = now_ms
        known = self._at(entry, said.id)
        detail = {key: self._at(entry, path) for key, path in said.detail.items()}
        told = {key: value for key, value in detail.items() if isinstance(value, bool | int | float | str)}
        id_ = _text(known) if isinstance(known, str | int) else f"{device} {name} {at_ms}"
        made.events.append(MappedEvent(device, self._said.kind, name, at_ms, id_[:128], told))
        return True

    def _reading(self, entry: Any, device: str, now_ms: int, made: Mapped) -> None:
        said = self._said
        heard_ms: int | None = None
        if said.last_heard is not None:
            try:
                heard_ms = instant_ms(said.last_heard, self._at(entry, said.last_heard.path), now_ms)
            except NoInstantError as error:
                made.asides.append(Aside("no_instant", str(error), device))
                if self._lives_by_hearing:
                    return  # of unknown age: no sign of life, and a field without its time is worth nothing
        fields: dict[str, Any] = {}
        for name, value in said.fields.items():
            if name in OF_A_CONNECTION and heard_ms is None:
                continue
            found = self._value(name, value, entry, now_ms, device, made)
            if found is not None and self._fits(name, found, device, made):
                fields[name] = found
        if heard_ms is not None and self._lives_by_hearing:
            fields["last_heard_age_ms"] = now_ms - heard_ms
        if fields:
            made.readings.append(MappedReading(device, said.kind, fields, heard_ms))

    def _value(self, name: str, said: Value, entry: Any, now_ms: int, device: str, made: Mapped) -> Any:
        found = self._at(entry, said.path)
        if found is None or found == "":
            return None
        if said.age_of:
            return self._age(name, said, found, now_ms, device, made)
        if said.words:
            word = _text(found)
            if word not in said.words:
                made.asides.append(Aside("unknown_word", f"{name}: {word[:40]!r} is not in its words", device))
                return None
            return said.words[word]
        if isinstance(found, str) and (number := _number(found)) is not None and name not in self._texts:
            found = number
        if isinstance(found, int | float) and not isinstance(found, bool) and (said.scale, said.offset) != (1.0, 0.0):
            return round(found * said.scale + said.offset, 6)
        return found

    def _age(self, name: str, said: Value, found: Any, now_ms: int, device: str, made: Mapped) -> int | None:
        try:
            return now_ms - instant_ms(said.instant, found, now_ms)
        except NoInstantError as error:
            made.asides.append(Aside("no_instant", f"{name}: {error}", device))
            return None

    def _fits(self, name: str, value: Any, device: str, made: Mapped) -> bool:
        if isinstance(value, float) and not math.isfinite(value):
            made.asides.append(Aside("wrong_value", f"{name} is {value}", device))
            return False
        assert self._decode is not None
        try:
            self._decode(msgspec.json.encode({"kind": self._said.kind, "device": "d", name: value}))
        except (msgspec.MsgspecError, RecursionError, OverflowError) as error:
            made.asides.append(Aside("wrong_value", f"{name} {str(value)[:40]!r}: {error}"[:200], device))
            return False
        return True

    def _at(self, content: Any, path: str) -> Any:
        return find(content, self._steps[path])


def _paths(said: Mapping) -> Iterator[str]:
    yield said.entries
    if said.device is not None:
        yield from (said.device.path, said.device.centre)
    if said.ok is not None:
        yield from (said.ok.path, said.ok.message)
    if said.last_heard is not None:
        yield said.last_heard.path
    for value in said.fields.values():
        yield value.path
    for event in said.events:
        yield from (event.path, event.at.path, event.id, *event.detail.values())


def _text(word: Any) -> str:
    return {True: "true", False: "false"}[word] if isinstance(word, bool) else str(word).strip()


def _number(text: str) -> float | int | None:
    try:
        return int(text)
    except ValueError:
        pass
    try:
        return float(text)
    except ValueError:
        return None
