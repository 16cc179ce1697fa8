"""How a platform's names of devices are ours: by a list, or because the platform knows our names."""

from __future__ import annotations

import csv
from pathlib import Path

from edge.feed.mapping import DeviceOf, MappingError
from shouwang.topics import DEVICE, NAME

_BYTES_MAX = 64 << 20


class Names:
    """`ours` is quick, and knows nothing by heart that is not in the list."""

    def __init__(self, known: dict[str, str] | None) -> None:
        self._known = known

    def __len__(self) -> int:
        return len(self._known or ())

    def ours(self, named: str, centre: str | None) -> str | None:
        """`<centre>/<device>`; None for a device that is not ours."""
        if self._known is not None:
            return self._known.get(named.strip())
        if centre is None or not NAME.fullmatch(centre) or not DEVICE.fullmatch(named):
            return None
        return f"{centre}/{named}"


def read_names(said: DeviceOf, beside: Path) -> Names:
    """The list that a mapping names, looked for beside the mapping file. Raises MappingError, with the line."""
    if not said.list:
        return Names(None)
    path = beside / said.list
    known: dict[str, str] = {}
    try:
        if path.stat().st_size > _BYTES_MAX:
            raise MappingError(f"{path}: over {_BYTES_MAX >> 20} MiB")
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file)
            missing = {"centre", "device", said.column} - set(rows.fieldnames or ())
            if missing:
                raise MappingError(f"{path}: no column {', '.join(sorted(missing))}; it has {rows.fieldnames}")
            for row in rows:
                named = (row[said.column] or "").strip()
                if not named:
                    continue
                centre, device = (row["centre"] or "").strip(), (row["device"] or "").strip()
                where = f"{path} line {rows.line_num}"
                if not NAME.fullmatch(centre) or not DEVICE.fullmatch(device):
                    raise MappingError(f"{where}: {centre!r}, {device!r} are no names of a centre and a device")
                if known.setdefault(named, f"{centre}/{device}") != f"{centre}/{device}":
                    raise MappingError(f"{where}: {said.column} {named!r} stands twice")
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise MappingError(f"{path}: {error}") from error
    return Names(known)
