"""Proposed devices as rows of a fleet file: appended to what stands there, which stays as it is to the byte."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from edge.discovery.proposing import Proposal
from edge.second_look import place_of
from shouwang import fleet
from shouwang.fleet import FleetRow, files, headers, settings
from shouwang.kinds import Kind
from shouwang.trouble import Trouble

FILE_BYTES_MAX = 64 << 20
COLUMNS = ("centre", "device", "kind", "driver", "target", "settings", "model", "x_why", "x_mac")
_NEEDED = ("driver", "target", "settings")


class FleetFile:
    """A CSV file that may not be there yet. Raises Trouble where it cannot be appended to."""

    def __init__(self, path: Path, kinds: Mapping[str, Kind]) -> None:
        self._path, self._kinds = path, kinds
        try:
            self._data = path.read_bytes() if path.exists() else b""
        except OSError as error:
            raise Trouble(f"{path}: {error.strerror}") from error
        if len(self._data) > FILE_BYTES_MAX:
            raise Trouble(
                f"{path}: over {FILE_BYTES_MAX >> 20} MiB: append to a file of its own, and join them by hand"
            )
        self._columns = list(COLUMNS)
        self.rows: list[FleetRow] = []
        if self._data.strip():
            self._read()

    def _read(self) -> None:
        if path_is_no_csv(self._data):
            raise Trouble(
                f"{self._path}: rows can be appended to a CSV file only: `shouwang fleet export fleet.csv` makes one"
            )
        parsed = fleet.parse(self._data, self._kinds, name=self._path.name)
        # A file that has its header alone is one to begin with.
        wrong = [each for each in parsed.errors if not each.message.startswith("no device in it")]
        if wrong:
            raise Trouble(f"{wrong[0]} (`shouwang fleet check {self._path}` says all; nothing was changed)")
        self.rows = parsed.rows
        self._columns, _ = headers.resolve(files.read(self._data).header)
        missing = [name for name in _NEEDED if name not in self._columns]
        if missing:
            chinese = ", ".join(f"{name} ({headers.CHINESE[name][0]})" for name in missing)
            raise Trouble(f"{self._path}: add to its first line the columns {chinese}; nothing was changed")

    def names(self, centre: str) -> set[str]:
        """Of the centre's devices."""
        return {row.device for row in self.rows if row.centre == centre}

    def mark_known(self, proposals: Sequence[Proposal], centre: str) -> list[Proposal]:
        """With `known` where the centre has that target already: the same address, and the same port or kind. Other
        centres have the same private addresses."""
        known: list[tuple[str, int | None, str, str]] = []
        for row in self.rows:
            place = place_of(row.driver or str(self._kinds[row.kind].driver), row.target) if row.target else None
            if row.centre == centre and place is not None:
                known.append((place.host, place.port, row.kind, row.device))
        return [replace(each, known=_known_as(each, known)) for each in proposals]

    def with_rows(self, proposals: Sequence[Proposal], centre: str) -> bytes:
        """The file's bytes with a row for each proposal. Raises Trouble if it would not pass `shouwang fleet check`."""
        text, encoding = _text_of(self._data)
        out = io.StringIO(newline="")
        writer = csv.writer(
            out, delimiter=_delimiter(text), lineterminator="\r\n" if "\r\n" in text or not text else "\n"
        )
        if not text.strip():
            writer.writerow(self._columns)
        elif not text.endswith("\n"):
            writer.writerow([])
        for each in proposals:
            cells = _cells(each, centre)
            writer.writerow([cells.get(name, "") for name in self._columns])
        made = self._data + out.getvalue().encode(encoding, "replace")
        if not self._data.strip():
            made = out.getvalue().encode("utf-8-sig")
        parsed = fleet.parse(made, self._kinds, name=self._path.name)
        if parsed.errors:
            raise Trouble(f"the rows do not pass: {parsed.errors[0]}; nothing was changed")
        return made

    def write(self, data: bytes) -> None:
        """In place of what is there, whole or not at all. Raises Trouble."""
        beside = self._path.with_name(f".{self._path.name}.{os.getpid()}.new")
        try:
            beside.write_bytes(data)
            if self._path.exists():
                beside.chmod(self._path.stat().st_mode & 0o777)
            beside.replace(self._path)
        except OSError as error:
            beside.unlink(missing_ok=True)
            raise Trouble(f"{self._path}: {error.strerror}") from error


def path_is_no_csv(data: bytes) -> bool:
    """XLSX, XLS and JSON cannot be appended to."""
    return data[:4] in (b"PK\x03\x04", b"\xd0\xcf\x11\xe0") or data.lstrip(b"\xef\xbb\xbf \r\n\t")[:1] in (b"[", b"{")


def _known_as(each: Proposal, known: Sequence[tuple[str, int | None, str, str]]) -> str:
    if not each.kind:
        return ""
    place = place_of(each.driver, each.target)
    if place is None:
        return ""
    for host, port, kind, device in known:
        if host == place.host and (kind == each.kind or port == place.port):
            return device
    return ""


def _cells(each: Proposal, centre: str) -> dict[str, str]:
    reasons = [why.words() for why in each.why]
    return {
        "centre": centre,
        "device": each.name,
        "kind": each.kind,
        "driver": each.driver,
        "target": each.target,
        "settings": settings.write(each.settings),
        "model": each.model,
        "x_why": _safe(f"{each.confidence}: " + "; ".join(reason["en"] for reason in reasons)),
        "x_mac": each.mac,
    }


def _safe(text: str) -> str:
    """A spreadsheet runs no device's name as a formula."""
    return text.lstrip("=+-@\t ")


def _text_of(data: bytes) -> tuple[str, str]:
    """Its text, and in what to write on: as it was read."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16", "replace"), "utf-16-le" if data[:2] == b"\xff\xfe" else "utf-16-be"
    try:
        return data.decode("utf-8-sig"), "utf-8"
    except UnicodeDecodeError:
        return data.decode("gb18030", "replace"), "gb18030"


def _delimiter(text: str) -> str:
    return max(",\t;", key=text.split("\n", 1)[0].count)
