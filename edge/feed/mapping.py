"""The mapping file: where a platform's words stand, and which fields of a kind they mean (TOML; see samples/)."""

from __future__ import annotations

import tomllib
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Meta

from edge.json_path import parse_path
from shouwang.kinds import Kind
from shouwang.topics import DEVICE, NAME

OF_A_CONNECTION = frozenset({"reachable", "registered", "host_link", "device_status"})
"""What a platform derives from its own "online". It is believed only beside the instant when the device was heard."""

Scalar = bool | int | float | str
_Every = Annotated[float, Meta(ge=1, le=86_400)]


class MappingError(ValueError):
    """A mapping that cannot work; the message says where, and what to do."""


class _Said(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    pass


class Instant(_Said, frozen=True, kw_only=True):
    """Where a time stands, and how it is written: `ms`, `s` (since 1970), `iso`, or as strptime has it. `zone`: of a
    time that says none."""

    path: str
    format: str = "iso"
    zone: str = "Asia/Shanghai"


class Value(_Said, frozen=True, kw_only=True):
    """A field: `path` in an entry; `words` turn what stands there into a value of the field (a word that is not among
    them is set aside); `scale` and `offset` for numbers; `age_of`: it is an instant (`format`, `zone` as of Instant),
    and the field is how long ago it was."""

    path: str
    words: dict[str, Scalar] = {}
    scale: float = 1.0
    offset: float = 0.0
    age_of: bool = False
    format: str = "iso"
    zone: str = "Asia/Shanghai"

    @property
    def instant(self) -> Instant:
        return Instant(path=self.path, format=self.format, zone=self.zone)


class EventOf(_Said, frozen=True, kw_only=True):
    """An entry that is something that happened: `words` of `path` → `help_call`, `test_call`, `tamper` …; other words
    are none. `at`: when; `id`: by which a repeat is known; `detail`: names and paths of what goes along."""

    path: str
    words: dict[str, str]
    at: Instant
    id: str
    detail: dict[str, str] = {}


class DeviceOf(_Said, frozen=True, kw_only=True):
    """Which device an entry is of. `path`: the platform's name of it. `list`: a CSV with the columns `centre`, `device`
    and `column`, as `shouwang fleet export` writes one (column `serial`, `iccid`, `x_…`). Without a list the platform
    must know our names: `centre` is then the path of the centre, and `path` that of the device."""

    path: str
    list: str = ""
    column: str = "serial"
    centre: str = ""


class Well(_Said, frozen=True, kw_only=True):
    """How an answer says that it is one, as platforms say 200 with an error inside: `path` must be one of `is`.
    `message`: where the error's words stand."""

    path: str
    is_: list[Scalar] = msgspec.field(name="is")
    message: str = ""


class Pages(_Said, frozen=True, kw_only=True):
    """A list in pages: `parameter` counts from `first`, `size_parameter` says `size`; `total`: where their number
    stands. It ends at a page with fewer entries than `size`."""

    parameter: str = "page"
    first: int = 1
    size_parameter: str = ""
    size: Annotated[int, Meta(ge=1, le=5000)] = 100
    total: str = ""


class Http(_Said, frozen=True, kw_only=True, tag_field="type", tag="http"):
    """Fetched each `every_s`. A header's value may name a secret: `secret:NAME`."""

    url: str
    every_s: _Every = 60.0
    timeout_s: Annotated[float, Meta(ge=0.1, le=120)] = 20.0
    headers: dict[str, str] = {}
    parameters: dict[str, str] = {}
    pages: Pages | None = None
    ca_file: str = ""


class Push(_Said, frozen=True, kw_only=True, tag_field="type", tag="push"):
    """Sent to us by POST, signed: hexadecimal HMAC-SHA256 of `<timestamp>.<body>` with `secret`."""

    port: Annotated[int, Meta(ge=0, le=65535)]
    secret: str
    bind: str = "127.0.0.1"
    path: str = "/"
    signature_header: str = "X-Signature"
    timestamp_header: str = "X-Timestamp"
    window_s: Annotated[float, Meta(ge=1, le=3600)] = 300.0


class Mqtt(_Said, frozen=True, kw_only=True, tag_field="type", tag="mqtt"):
    """A platform's own broker. `password` may name a secret."""

    url: str
    topics: list[str]
    client_id: str = "shouwang-feed"
    username: str = ""
    password: str = ""
    ca_file: str = ""


class Files(_Said, frozen=True, kw_only=True, tag_field="type", tag="folder"):
    """CSV files that somebody puts into a folder; each is taken once, when it has stopped growing."""

    folder: str
    pattern: str = "*.csv"
    encoding: str = "utf-8-sig"
    delimiter: str = ","
    every_s: _Every = 60.0


class Sftp(_Said, frozen=True, kw_only=True, tag_field="type", tag="sftp"):
    """CSV files on a server, fetched by the `sftp` of OpenSSH with a key. The server must stand in `known_hosts`."""

    host: str
    folder: str
    user: str
    key_file: str
    known_hosts: str
    port: int = 22
    pattern: str = "*.csv"
    encoding: str = "utf-8-sig"
    delimiter: str = ","
    every_s: _Every = 300.0
    timeout_s: Annotated[float, Meta(ge=1, le=600)] = 60.0


class NoSource(_Said, frozen=True, kw_only=True, tag_field="type", tag="none"):
    """Only devices that speak by themselves (`listen`)."""


class Heard(_Said, frozen=True, kw_only=True):
    """A device that speaks to this feed by itself, as a terminal with its own SIM by SIP or SCAIP. `device`:
    `<centre>/<device>`; `target`: how it names itself on that protocol."""

    device: str
    kind: str
    driver: str
    target: str
    settings: dict[str, Any] = {}
    report_every_s: float = 120.0


class Mapping(_Said, frozen=True, kw_only=True):
    """One file. `entries`: where the entries of an answer stand; empty: the answer is the list, or the one entry.
    `lost_after_s`: a platform that has not told for so long is out, and so is its feed: of its devices nobody knows.
    Left out, 300 for one that is fetched or whose broker we are connected to, and for ever for one that sends to us."""

    kind: str = ""
    source: Http | Push | Mqtt | Files | Sftp | NoSource
    device: DeviceOf | None = None
    entries: str = ""
    ok: Well | None = None
    last_heard: Instant | None = None
    fields: dict[str, Value] = {}
    events: list[EventOf] = []
    repeat_every_s: float = 600.0
    lost_after_s: float | None = None
    listen: list[Heard] = []


def read_mapping(path: Path, kinds: dict[str, Kind]) -> Mapping:
    """Raises MappingError, naming the place."""
    try:
        text = path.read_text("utf-8")
        found = msgspec.convert(tomllib.loads(text), Mapping)
    except FileNotFoundError:
        raise MappingError(
            f"{path}: there is no such mapping file; copy one of edge/feed/samples, and see docs/feeds.md"
        ) from None
    except OSError as error:
        raise MappingError(f"{path}: the mapping file cannot be read: {error.strerror}") from error
    except ValueError as error:  # msgspec's and tomllib's errors are ValueErrors
        raise MappingError(f"{path}: {error}") from error
    try:
        _check(found, kinds)
    except ValueError as error:
        raise MappingError(f"{path}: {error}") from error
    return found


def _check(said: Mapping, kinds: dict[str, Kind]) -> None:
    for each in said.listen:
        centre, _, device = each.device.partition("/")
        if not NAME.fullmatch(centre) or not DEVICE.fullmatch(device):
            raise MappingError(f"listen: device {each.device!r}: write <centre>/<device>, as 150525100201/call-01")
        _known(each.kind, kinds)
    if isinstance(said.source, NoSource):
        if not said.listen:
            raise MappingError("a source of type none without [[listen]]: it would hear nobody")
        return
    _known(said.kind, kinds)
    if said.device is None:
        raise MappingError("[device] is missing: say by which path the platform names a device")
    if not said.device.list and not said.device.centre:
        raise MappingError("[device]: `list` (a CSV with centre, device and the platform's name), or `centre`")
    fields = kinds[said.kind].fields
    for name in said.fields:
        if name not in fields or name == "last_heard_age_ms":
            near = get_close_matches(name, fields, 1)
            hint = f"; did you mean {near[0]}?" if near else ""
            more = "; it is made from [last_heard]" if name == "last_heard_age_ms" else hint
            raise MappingError(f"fields: {said.kind} has no {name!r} to be mapped{more}")
        if name in OF_A_CONNECTION and said.last_heard is None:
            raise MappingError(
                f"fields: {name!r} is the platform's own word that the device is there. It is believed only with the "
                "instant when it was last heard: name it in [last_heard], or leave the field out"
            )
    if "last_heard_age_ms" in fields and said.last_heard is None and said.fields:
        raise MappingError(f"[last_heard] is missing: a {said.kind} lives by when it was last heard")
    if not said.fields and not said.events and said.last_heard is None:
        raise MappingError("neither [fields] nor [[events]]: nothing would be mapped")
    instants = [each for each in (said.last_heard, *(event.at for event in said.events)) if each is not None]
    instants += [value.instant for value in said.fields.values() if value.age_of]
    for path in (
        *(value.path for value in said.fields.values()),
        *(instant.path for instant in instants),
        *(path for event in said.events for path in (event.path, event.id, *event.detail.values())),
        *((said.ok.path, said.ok.message) if said.ok else ()),
        said.device.path,
        said.device.centre,
        said.entries,
    ):
        steps_of(said, path)
    for instant in instants:
        try:
            ZoneInfo(instant.zone)
        except (KeyError, ValueError, OSError):
            raise MappingError(f"zone {instant.zone!r} is unknown; write it as Asia/Shanghai") from None


def steps_of(said: Mapping, path: str) -> list[str | int]:
    """The steps of a path; in a CSV it is a column's name, whatever that is. Raises ValueError."""
    return [path] if path and isinstance(said.source, Files | Sftp) else parse_path(path)


def _known(kind: str, kinds: dict[str, Kind]) -> None:
    if kind not in kinds:
        near = get_close_matches(kind, kinds, 1)
        raise MappingError(f"kind {kind!r} is unknown" + (f"; did you mean {near[0]}?" if near else ""))
