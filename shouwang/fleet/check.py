"""Reading a fleet file: rows that can be used, and every error at once with its line, its value and what to do."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from shouwang.fleet import cells
from shouwang.fleet.files import Table, Unreadable, read
from shouwang.fleet.headers import NEEDED, resolve
from shouwang.fleet.row import FleetError, FleetRow
from shouwang.kinds import Kind

ERRORS_MAX = 1_000
"""So many errors are told one by one; the rest are counted."""
DEFAULT_REGION = "local"
_KNOWN_BY_TARGET = frozenset({"scaip", "gbt28181"})
_VILLAGE = re.compile(r"\d{12}")
_OF_CENTRE = (
    "region",
    "township",
    "township_name",
    "centre_name",
    "centre_type",
    "centre_stage",
    "latitude",
    "longitude",
)


@dataclass(slots=True)
class Parsed:
    """`rows` may be used only when there are no `errors`: a fleet is taken whole or not at all."""

    rows: list[FleetRow] = field(default_factory=list)
    errors: list[FleetError] = field(default_factory=list)
    more_errors: int = 0  # beyond those that are listed


def parse(data: bytes, kinds: Mapping[str, Kind], *, name: str = "fleet.csv", region: str = DEFAULT_REGION) -> Parsed:
    """Reads a whole file; raises nothing. `name` stands in the errors; `region` is that of centres that say none and
    whose name is no village code (whose first six digits are its county's)."""
    parsed = Parsed()
    try:
        table = read(data)
    except Unreadable as error:
        parsed.errors.append(FleetError(name, error.line, str(error), word=error.word))
        return parsed
    columns, wrong = resolve(table.header)
    parsed.errors += [
        FleetError(name, 1 if table.word != "entry" else 0, message, header, table.word) for header, message in wrong
    ]
    if not parsed.errors:
        _Reading(parsed, table, columns, kinds, name, region).run()
    return parsed


@dataclass(slots=True)
class _Said:
    """What some line has said of a centre."""

    line: int
    values: dict[str, Any]  # said, or drawn from its name
    said: set[str]


class _Reading:
    """The pass over the rows."""

    def __init__(
        self, parsed: Parsed, table: Table, columns: list[str], kinds: Mapping[str, Kind], name: str, region: str
    ) -> None:
        self._parsed = parsed
        self._table = table
        self._kinds = kinds
        self._name = name
        self._region = region
        checks = cells.checks(kinds)
        self._columns = columns
        self._check: list[Callable[[str], Any]] = [checks.get(column, cells.text) for column in columns]
        self._known: list[dict[str, Any]] = [{} for _ in columns]  # cells repeat: each text is checked once a column
        # A sheet of before there were settings takes none away; an entry of JSON leaves out what there is not.
        self._settings_said = "settings" in columns or table.word == "entry"
        self._lines: dict[tuple[str, str], int] = {}
        self._centres: dict[str, _Said] = {}
        self._paths: dict[str, int] = {}
        self._numbers: dict[tuple[str, str, str], int] = {}

    def run(self) -> None:
        try:
            for line, texts in self._table.rows:
                row = self._row(line, texts)
                if row is not None:
                    self._parsed.rows.append(row)
        except Unreadable as error:
            self._wrong(error.line, str(error))
        if not self._lines and not self._parsed.errors:
            self._wrong(0, "no device in it: after the first line stands a row for each device")
        for path, line in self._paths.items():
            if path in self._centres:
                self._wrong(
                    line, f"{path!r} is a centre, so it cannot be a feed: leave path empty for its agent", "path"
                )
        for row in self._parsed.rows:
            for what, value in self._centres[row.centre].values.items():
                setattr(row, what, value)

    def _row(self, line: int, texts: list[str]) -> FleetRow | None:
        values: dict[str, Any] = {} if self._settings_said else {"settings": None}
        extra: dict[str, str] = {}
        good = True
        for place, text in enumerate(texts):
            if not text:
                continue
            column = self._columns[place] if place < len(self._columns) else ""
            if not column:
                self._wrong(line, f"{text[:40]!r} stands in a column without a name: name it, or empty it")
                good = False
                continue
            known = self._known[place]
            if text in known:
                value = known[text]
            else:
                try:
                    value = self._check[place](text)
                except ValueError as error:
                    self._wrong(line, str(error), column)
                    good = False
                    continue
                if len(known) < 100_000:
                    known[text] = value
            if column.startswith("x_"):
                extra[column] = value
            else:
                values[column] = value
        for needed in NEEDED:
            at = self._columns.index(needed)
            if at >= len(texts) or not texts[at]:
                self._wrong(line, "empty, but needed", needed)
                good = False
        if "centre" in values and "device" in values:
            good = self._unique(line, values["centre"], values["device"]) and good
        if not good:
            return None
        return self._whole(line, values, extra)

    def _unique(self, line: int, centre: str, device: str) -> bool:
        first = self._lines.setdefault((centre, device), line)
        if first == line:
            return True
        self._wrong(
            line,
            f"{centre}/{device} stands already in {self._table.word} {first}: rename or remove one of them",
            "device",
        )
        return False

    def _whole(self, line: int, values: dict[str, Any], extra: dict[str, str]) -> FleetRow | None:
        before = len(self._parsed.errors) + self._parsed.more_errors
        centre = values["centre"]
        if values.get("path") == centre:
            del values["path"]
        if "path" in values:
            self._paths.setdefault(values["path"], line)
        self._fits_its_kind(line, values)
        self._has_a_number_of_its_own(line, values)
        if ("latitude" in values) != ("longitude" in values):
            self._wrong(line, "latitude and longitude go together: give both, or none", "latitude")
        self._says_of_its_centre(line, centre, values)
        if len(self._parsed.errors) + self._parsed.more_errors > before:
            return None
        said = self._centres[centre].values
        values.setdefault("region", said["region"])
        return FleetRow(extra=extra, **values)

    def _has_a_number_of_its_own(self, line: int, values: dict[str, Any]) -> None:
        """What calls by a number is known by it: two with the same one, and somebody goes to the wrong home."""
        driver = values.get("driver") or str(self._kinds[values["kind"]].driver)
        target = values.get("target", "")
        if driver not in _KNOWN_BY_TARGET or not target:
            return
        whose = values.get("path", values["centre"])
        first = self._numbers.setdefault((whose, driver, target), line)
        if first != line:
            self._wrong(
                line,
                f"{self._table.word} {first} has the same {driver} number {target!r}: a call from it would be told of "
                "the wrong device; give each its own",
                "target",
            )

    def _fits_its_kind(self, line: int, values: dict[str, Any]) -> None:
        kind = self._kinds[values["kind"]]
        profile = values.get("profile")
        if profile is not None and profile not in kind.profiles:
            by_label = {each.label.zh: name for name, each in kind.profiles.items()}
            if profile in by_label:
                profile = values["profile"] = by_label[profile]
            else:
                close = get_close_matches(profile, list(kind.profiles), 1, 0.4)
                known = f"the nearest is {close[0]}" if close else f"it has {', '.join(kind.profiles) or 'none'}"
                self._wrong(line, f"{profile!r} is no profile of {kind.name}; {known}", "profile")
                return
        if "report_every_s" in values or "silent_after_s" in values:
            limits = kind.limits_of(profile)
            every = values.get("report_every_s", limits.report_every_s)
            silent = values.get("silent_after_s", limits.silent_after_s)
            if silent <= every:
                self._wrong(
                    line,
                    f"it reports every {every:g} s and would be silent after {silent:g} s, between two reports: "
                    "let silent_after_s be at least twice report_every_s",
                    "silent_after_s",
                )

    def _says_of_its_centre(self, line: int, centre: str, values: dict[str, Any]) -> None:
        said = self._centres.get(centre)
        if said is None:
            drawn = {"region": self._region}
            if _VILLAGE.fullmatch(centre):  # a statistical division code: county, township, village
                drawn = {"region": centre[:6], "township": centre[:9]}
            own = {what: values[what] for what in _OF_CENTRE if what in values}
            self._centres[centre] = _Said(line, {**drawn, **own}, set(own))
            return
        for what in _OF_CENTRE:
            value = values.get(what)
            if value is None or said.values.get(what) == value:
                continue
            if what in said.said:
                self._wrong(
                    line,
                    f"{value!r}, but {self._table.word} {said.line} says {said.values[what]!r} of the same centre "
                    f"{centre}: let all its rows agree, or leave it empty in all but one",
                    what,
                )
            else:
                said.values[what] = value
                said.said.add(what)

    def _wrong(self, line: int, message: str, column: str = "") -> None:
        if len(self._parsed.errors) < ERRORS_MAX:
            self._parsed.errors.append(FleetError(self._name, line, message, column, self._table.word))
        else:
            self._parsed.more_errors += 1
