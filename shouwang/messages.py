"""Messages on MQTT: their shapes, and decoding that sets a bad reading aside without costing the report its good ones.

Shapes are fixed by the contract (MQTT 5, JSON). Ages are milliseconds, instants Unix epoch milliseconds.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta

from shouwang.kinds import Kinds
from shouwang.kinds.wire import AGE_MAX_MS
from shouwang.reasons import Reason

VERSION = 1
SIZE_MAX = 1 << 20
DEPTH_MAX = 8
_AS_BRACES = bytes.maketrans(b"[]", b"{}")
_NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))

Boot = Annotated[str, Meta(pattern="^[0-9a-fA-F-]{8,36}$")]
Seq = Annotated[int, Meta(ge=1, le=2**53)]
Age = Annotated[int, Meta(ge=0, le=AGE_MAX_MS)]
Instant = Annotated[int, Meta(ge=-(2**53), le=2**53)]
Version = Annotated[int, Meta(ge=VERSION, le=VERSION)]
Name = Annotated[str, Meta(min_length=1, max_length=65)]


class Wire(msgspec.Struct, gc=False, omit_defaults=True):
    """Base of every message; unknown fields are ignored."""


class Lost(Wire):
    """What the agent dropped of a boot."""

    rows: int = 0
    readings: int = 0


class Presence(Wire):
    """`presence`: retained, and the Last Will. A will's `at_ms` is its connect time."""

    v: Version
    online: bool
    boot: Boot
    connection: Annotated[int, Meta(ge=1, le=2**53)]
    agent_version: Annotated[str, Meta(max_length=64)] = ""
    reason: Annotated[str, Meta(max_length=32)] = ""  # started, stopped, lost
    at_ms: Instant = 0
    lost: dict[str, Lost] = {}


class ReportHead(Wire):
    """A report without its readings."""

    v: Version
    boot: Boot
    seq: Seq
    oldest: Annotated[int, Meta(ge=1, le=2**53)]
    sent_at_ms: Instant
    gone: list[tuple[Seq, Seq]] = []


class Event(Wire):
    """`event`: at once, ahead of every report."""

    v: Version
    boot: Boot
    seq: Seq
    oldest: Annotated[int, Meta(ge=1, le=2**53)]
    id: Annotated[str, Meta(min_length=8, max_length=64)]
    sent_at_ms: Instant
    device: Name
    kind: Annotated[str, Meta(max_length=32)]
    event: Annotated[str, Meta(min_length=1, max_length=32)]
    age_ms: Age | None = None
    detail: dict[str, Any] = {}
    gone: list[tuple[Seq, Seq]] = []


class Ack(Wire):
    """`ack`: what is stored of each boot lately heard, as closed ranges from its `oldest` on; the whole truth."""

    v: Version
    boots: dict[str, list[tuple[int, int]]]


class ConfiguredDevice(Wire):
    """A device as the agent is told of it. `settings` may name `secret:NAME`, never a password."""

    device: str
    kind: str
    driver: str
    target: str
    settings: dict[str, Any] = {}
    report_every_s: float = 60.0
    probe_timeout_s: float = 5.0


class Config(Wire):
    """`config`: retained; the latest received wins."""

    v: Version
    revision: str
    devices: list[ConfiguredDevice] = []


class Command(Wire):
    """`command`: expires after 30 s. `probe` asks the `device` of the configuration; `try` asks once what is in no
    configuration yet, by `kind`, `driver`, `target` and `settings` (which may name `secret:NAME`, never a password)."""

    v: Version
    id: str
    command: str
    device: str = ""
    kind: Annotated[str, Meta(max_length=32)] = ""
    driver: Annotated[str, Meta(max_length=32)] = ""
    target: Annotated[str, Meta(max_length=255)] = ""
    settings: dict[str, Any] = {}


class Reply(Wire):
    """`reply` to a command. `reading` is as in a report. `reason` is English text, `why` the same by its code."""

    v: Version
    id: str
    ok: bool
    reason: Annotated[str, Meta(max_length=512)] = ""
    why: Reason | None = None
    reading: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET  # beside Raw, None would decode as null alone


class _Head(Wire):
    device: Any = None
    kind: Any = None


@dataclass(frozen=True, slots=True)
class Aside:
    """Something set aside: never lost from sight, never fatal. `text` is a sample, cut."""

    reason: str  # too_large, too_deep, malformed, unknown_kind, unknown_device, wrong_value, foreign_topic
    detail: str
    device: str = ""
    kind: str = ""
    text: str = ""


@dataclass(slots=True)
class Report:
    """A decoded report: its good readings (structs of `Kinds.types`), and what was set aside of it."""

    head: ReportHead
    readings: list[Any]
    asides: list[Aside] = field(default_factory=list)


class Malformed(ValueError):
    """A message that cannot be used at all."""

    def __init__(self, aside: Aside) -> None:
        super().__init__(f"{aside.reason}: {aside.detail}")
        self.aside = aside


class Codec:
    """Decodes what agents publish. One a process: it holds compiled decoders for the given kinds."""

    def __init__(self, kinds: Kinds) -> None:
        reading: Any = kinds.reading_type
        heads: dict[str, Any] = {"bases": (ReportHead,), "kw_only": True, "gc": False}
        whole = msgspec.defstruct("WholeReport", [("readings", list[reading])], **heads)
        parts = msgspec.defstruct("ReportParts", [("readings", list[msgspec.Raw])], **heads)
        self._kinds = kinds
        self._whole = msgspec.json.Decoder(whole)
        self._parts = msgspec.json.Decoder(parts)
        self._reading = msgspec.json.Decoder(kinds.reading_type)
        self._head = msgspec.json.Decoder(_Head)
        self._event = msgspec.json.Decoder(Event)
        self._presence = msgspec.json.Decoder(Presence)
        self._reply = msgspec.json.Decoder(Reply)

    def report(self, payload: bytes) -> Report:
        """Raises Malformed when not even the head can be read."""
        _bounded(payload)
        try:
            whole: Any = self._whole.decode(payload)
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
            return self._report_by_parts(payload)
        return Report(whole, whole.readings)

    def event(self, payload: bytes) -> Event:
        """Raises Malformed."""
        return _decoded(self._event, payload)

    def presence(self, payload: bytes) -> Presence:
        """Raises Malformed."""
        return _decoded(self._presence, payload)

    def reply(self, payload: bytes) -> Reply:
        """Raises Malformed."""
        return _decoded(self._reply, payload)

    def reading(self, raw: bytes | msgspec.Raw) -> Any:
        """One reading, a struct of `Kinds.types`. Raises Malformed."""
        result = self._one(raw)
        if isinstance(result, Aside):
            raise Malformed(result)
        return result

    def _report_by_parts(self, payload: bytes) -> Report:
        parts: Any = _decoded(self._parts, payload)
        report = Report(parts, [])
        for raw in parts.readings:
            result = self._one(raw)
            if isinstance(result, Aside):
                report.asides.append(result)
            else:
                report.readings.append(result)
        return report

    def _one(self, raw: bytes | msgspec.Raw) -> Any:
        try:
            return self._reading.decode(raw)
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
            try:
                head = self._head.decode(raw)
            except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
                return Aside("malformed", str(error), text=_sample(raw))
            device = head.device if isinstance(head.device, str) else ""
            kind = head.kind if isinstance(head.kind, str) else ""
            reason = "wrong_value" if kind in self._kinds else "unknown_kind"
            return Aside(reason, str(error), device[:65], kind[:32], _sample(raw))


def encode(message: msgspec.Struct) -> bytes:
    """As it goes over the wire."""
    return _encoder.encode(message)


_encoder = msgspec.json.Encoder()
_Message = TypeVar("_Message")


def _bounded(payload: bytes) -> None:
    if len(payload) > SIZE_MAX:
        raise Malformed(Aside("too_large", f"{len(payload)} bytes, at most {SIZE_MAX}", text=_sample(payload)))
    if _deeper_than_allowed(payload):
        raise Malformed(Aside("too_deep", f"nested over {DEPTH_MAX} deep", text=_sample(payload)))


def _deeper_than_allowed(payload: bytes) -> bool:
    brackets = payload.translate(_AS_BRACES, _NOT_BRACKETS)
    for _ in range(DEPTH_MAX):
        brackets = brackets.replace(b"{}", b"")  # the innermost level
        if not brackets:
            return False
    return _depth(payload) > DEPTH_MAX  # brackets inside strings may have misled the quick look


def _depth(payload: bytes) -> int:
    depth = deepest = 0
    in_string = escaped = False
    for byte in payload:
        if in_string:
            if escaped:
                escaped = False
            elif byte == 0x5C:
                escaped = True
            elif byte == 0x22:
                in_string = False
        elif byte == 0x22:
            in_string = True
        elif byte in b"{[":
            depth += 1
            deepest = max(deepest, depth)
        elif byte in b"}]":
            depth -= 1
    return deepest


def _decoded(decoder: msgspec.json.Decoder[_Message], payload: bytes) -> _Message:
    _bounded(payload)
    try:
        return decoder.decode(payload)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise Malformed(Aside("malformed", str(error), text=_sample(payload))) from error


def _sample(raw: bytes | msgspec.Raw) -> str:
    return bytes(raw)[:512].decode("utf-8", "replace")
