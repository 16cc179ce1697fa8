"""`shouwang report`: availability on the terminal, as text, CSV or JSON."""

from __future__ import annotations

import csv
import io
import json
import re
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any
from unicodedata import east_asian_width

import typer

from shouwang import clock
from shouwang.clock import SHANGHAI, rfc3339
from shouwang.options import AsJson, SettingsFile, StateDir
from shouwang.trouble import WrongUsage

_MONTH = re.compile(r"(\d{4})-(0[1-9]|1[0-2])")
_FORMULA = re.compile(r"[=+\-@\t\r]")
_DAY_MS = 86_400_000


class By(StrEnum):
    TOWNSHIP = "township"
    KIND = "kind"
    CENTRE = "centre"
    DEVICE = "device"
    NET = "net"


class Form(StrEnum):
    TEXT = "text"
    CSV = "csv"
    JSON = "json"


def report(
    by: Annotated[By, typer.Option(help="What a line is about.")] = By.TOWNSHIP,
    month: Annotated[str | None, typer.Option(help="A month like 2026-10, in local time; else give --from.")] = None,
    from_: Annotated[str | None, typer.Option("--from", help="RFC 3339; left out, thirty days before --to.")] = None,
    to: Annotated[str | None, typer.Option(help="RFC 3339; left out, now.")] = None,
    township: Annotated[str, typer.Option(help="Only this township, by its code.")] = "",
    form: Annotated[Form, typer.Option("--format", help="How to print it.")] = Form.TEXT,
    settings_file: SettingsFile = None,
    state: StateDir = None,
    as_json: AsJson = False,
) -> None:
    """Print availability by township, kind, centre, device or net.

    Example: shouwang report --by net --month 2026-10
    Example: shouwang report --by township --from 2026-11-01T00:00:00+08:00 --format csv
    """
    from api.commands import ledger_opened
    from api.rest.availability import line_dict
    from api.service import kinds_of
    from shouwang.ledger import availability as counted
    from shouwang.ledger.views import HOUSE

    now_ms = clock.wall_ms()
    from_ms, to_ms = span(month, from_, to, now_ms)
    with ledger_opened(settings_file, state) as (settings, engine), engine.connect() as connection:
        lines = counted.availability(
            connection,
            kinds_of(settings).declared,
            counted.By(by.value),
            from_ms,
            to_ms,
            now_ms,
            scope=HOUSE,
            township=township,
        )
    items = [line_dict(line) for line in lines]
    head = {"by": by.value, "from": rfc3339(from_ms), "to": rfc3339(min(to_ms, now_ms))}
    if as_json or form is Form.JSON:
        typer.echo(json.dumps(head | {"items": items}, ensure_ascii=False))
    elif form is Form.CSV:
        typer.echo(as_csv(items), nl=False)
    else:
        typer.echo(as_text(head, items))


def span(month: str | None, from_: str | None, to: str | None, now_ms: int) -> tuple[int, int]:
    """[from, to) in epoch ms. Raises WrongUsage."""
    if month is not None:
        match = _MONTH.fullmatch(month)
        if match is None or from_ or to:
            raise WrongUsage(f"--month {month!r}: give a month like 2026-10, and neither --from nor --to")
        year, number = int(match[1]), int(match[2])
        first = datetime(year, number, 1, tzinfo=SHANGHAI)
        after = datetime(year + number // 12, number % 12 + 1, 1, tzinfo=SHANGHAI)
        return round(first.timestamp() * 1000), round(after.timestamp() * 1000)
    to_ms = now_ms if to is None else _instant("--to", to)
    from_ms = to_ms - 30 * _DAY_MS if from_ is None else _instant("--from", from_)
    if from_ms >= to_ms:
        raise WrongUsage("--from must lie before --to")
    return from_ms, to_ms


def as_csv(items: list[dict[str, Any]]) -> str:
    """A line an item; a name that a spreadsheet would run as a formula gets a `'` in front."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    conditions = list(items[0]["percent"]) if items else []
    writer.writerow(["key", "name", "devices", *(f"{c}_percent" for c in conditions), *(f"{c}_s" for c in conditions)])
    for item in items:
        key, name = (("'" + text if _FORMULA.match(text) else text) for text in (item["key"], item["name"]))
        writer.writerow([key, name, item["devices"], *item["percent"].values(), *item["seconds"].values()])
    return out.getvalue()


def as_text(head: dict[str, Any], items: list[dict[str, Any]]) -> str:
    """A table for the eye: percent of the time that counts."""
    if not items:
        return f"{head['from']} to {head['to']}: nothing to count"
    conditions = list(items[0]["percent"])
    rows = [[head["by"], "", "devices", *conditions]]
    rows += [
        [item["key"], item["name"], str(item["devices"]), *(f"{value:.3f}" for value in item["percent"].values())]
        for item in items
    ]
    widths = [max(_width(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(_padded(cell, width, n < 2) for n, (cell, width) in enumerate(zip(row, widths, strict=True)))
             for row in rows]  # fmt: skip
    return "\n".join([f"{head['from']} to {head['to']}, percent of the time that counts", *lines])


def _instant(flag: str, text: str) -> int:
    try:
        return clock.parse_rfc3339(text)
    except (ValueError, OverflowError) as error:
        raise WrongUsage(f"{flag} {text!r} is no RFC 3339 instant like 2026-11-24T08:00:00+08:00") from error


def _width(text: str) -> int:
    return sum(2 if east_asian_width(character) in "WF" else 1 for character in text)


def _padded(text: str, width: int, left: bool) -> str:
    blank = " " * (width - _width(text))
    return text + blank if left else blank + text
