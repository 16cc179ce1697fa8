"""Writing a fleet file that `parse` reads back the same."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from shouwang.fleet import settings, sheet
from shouwang.fleet.headers import CHINESE, NAMES
from shouwang.fleet.row import FleetRow

FORMATS = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "json": "application/json",
}
_ORDER = (
    "region", "township", "township_name", "centre", "centre_name",
    *(name for name in NAMES if name not in ("region", "township", "township_name", "centre", "centre_name")),
)  # fmt: skip
_FORMULA = re.compile(r"[=+\-@\t](?![0-9.]+$)")


def as_csv(rows: Sequence[FleetRow], *, chinese: bool = False) -> bytes:
    """UTF-8 with BOM, as spreadsheets want it. A cell that a spreadsheet would run as a formula gets a `'` in front,
    which `parse` takes away."""
    columns = _columns(rows)
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(_header(columns, chinese))
    for row in rows:
        writer.writerow(["'" + cell if _FORMULA.match(cell) else cell for cell in _cells(row, columns)])
    return out.getvalue().encode("utf-8-sig")


def as_xlsx(rows: Sequence[FleetRow], *, chinese: bool = False) -> bytes:
    """One sheet of text cells, so that no code becomes a number."""
    columns = _columns(rows)
    return sheet.write("fleet", [_header(columns, chinese), *(_cells(row, columns) for row in rows)])


def as_json(rows: Sequence[FleetRow]) -> bytes:
    """A list of objects, a device each; what a device does not say is left out."""
    entries = []
    for row in rows:
        entry: dict[str, Any] = {}
        for name in _ORDER:
            value = getattr(row, name)
            if value not in ("", None, {}):
                entry[name] = value
        entries.append(entry | row.extra)
    return msgspec.json.format(msgspec.json.encode(entries), indent=1) + b"\n"


def _columns(rows: Iterable[FleetRow]) -> list[str]:
    extra: dict[str, None] = {}
    for row in rows:
        extra.update(dict.fromkeys(row.extra))
    return [*_ORDER, *sorted(extra)]


def _header(columns: list[str], chinese: bool) -> list[str]:
    return [CHINESE[name][0] if chinese and name in CHINESE else name for name in columns]


def _cells(row: FleetRow, columns: list[str]) -> list[str]:
    cells = []
    for name in columns:
        value = row.extra.get(name, "") if name.startswith("x_") else getattr(row, name)
        if value is None:
            cells.append("")
        elif isinstance(value, dict):
            cells.append(settings.write(value))
        elif isinstance(value, float):
            cells.append(str(int(value)) if value == int(value) else repr(value))
        else:
            cells.append(value)
    return cells
