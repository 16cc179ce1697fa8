"""From the bytes of a CSV, XLSX or JSON file to a header and rows of text; nothing is judged here."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import msgspec

SIZE_MAX = 512 << 20
"""Bytes; of an XLSX file, what it unpacks to."""
COLUMNS_MAX = 200
ROWS_MAX = 2_000_000
CELLS_MAX = 16_000_000
"""Of the area of an XLSX sheet, empty cells too."""
_CELL = re.compile(rb"""\br\s*=\s*["']([A-Za-z]{1,7})([0-9]{1,20})["']""")
_EXACT_MAX = 10**15
"""A spreadsheet keeps 15 digits of a number."""
_GUARDED = re.compile(r"'[=+\-@\t]")


class Unreadable(Exception):
    """The file as a whole cannot be read; the message says why and what to do. `line` 0: not at one line; `word`: what
    it counts."""

    def __init__(self, message: str, line: int = 0, word: str = "line") -> None:
        super().__init__(message)
        self.line = line
        self.word = word


@dataclass(slots=True)
class Table:
    """A header, and rows as (line, cells); rows without any text are left out. `word`: what is counted."""

    header: list[str]
    rows: Iterator[tuple[int, list[str]]]
    word: str


def read(data: bytes) -> Table:
    """Tells the format by the first bytes. Raises Unreadable, while the rows are read too."""
    if len(data) > SIZE_MAX:
        raise Unreadable(f"{len(data)} bytes, at most {SIZE_MAX}: split it by region")
    if data[:4] == b"PK\x03\x04":
        return _xlsx(data)
    if data[:8] == b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1":
        raise Unreadable("this is the old .xls format: save it as .xlsx or as CSV")
    text = _text(data)
    if text.lstrip()[:1] in ("[", "{"):
        return _json(text)
    return _csv(text)


def _text(data: bytes) -> str:
    marked = data[:2] in (b"\xff\xfe", b"\xfe\xff")
    for encoding in ["utf-16"] if marked else ["utf-8-sig", "gb18030"]:
        try:
            return data.decode(encoding)
        except UnicodeDecodeError as error:
            line = data[: error.start].count(b"\n") + 1
    raise Unreadable("the text is neither UTF-8 nor GB18030: save it again as UTF-8", line)


def _csv(text: str) -> Table:
    first = text.split("\n", 1)[0]
    delimiter = max(",\t;", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    numbered = _numbered(reader)
    try:
        line, header = next(numbered, (0, []))
    except csv.Error as error:
        raise Unreadable(f"the CSV is broken: {error}", reader.line_num) from error
    if not any(cell.strip() for cell in header):
        raise Unreadable("the file is empty: the first line names the columns", line)
    if len(header) > COLUMNS_MAX:
        raise Unreadable(f"{len(header)} columns, at most {COLUMNS_MAX}", line)
    return Table(header, _bounded(_lines(reader, numbered)), "line")


def _numbered(reader: Any) -> Iterator[tuple[int, list[str]]]:
    """Rows with the line at which they begin (a quoted cell may span several)."""
    begins = 1
    for cells in reader:
        yield begins, cells
        begins = reader.line_num + 1


def _lines(reader: Any, numbered: Iterator[tuple[int, list[str]]]) -> Iterator[tuple[int, list[str]]]:
    try:
        for line, cells in numbered:
            stripped = [cell.strip() for cell in cells]
            if any(stripped):
                yield line, [cell[1:] if _GUARDED.match(cell) else cell for cell in stripped]
    except csv.Error as error:
        message = f"the CSV is broken from here on ({error}): look for a quotation mark that is not closed"
        raise Unreadable(message, reader.line_num) from error


def _json(text: str) -> Table:
    try:
        found = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError) as error:
        raise Unreadable(f"the JSON is broken: {error}") from error
    entries = found.get("items", found.get("devices")) if isinstance(found, dict) else found
    if not isinstance(entries, list):
        raise Unreadable('the JSON is not a list of devices, nor {"items": [ … ]}')
    header: dict[str, None] = {}
    for number, entry in enumerate(entries, 1):
        if not isinstance(entry, dict):
            raise Unreadable(f"{str(entry)[:40]!r} is not a device: each entry is an object", number, "entry")
        header.update(dict.fromkeys(entry))
        if len(header) > COLUMNS_MAX:
            raise Unreadable(f"over {COLUMNS_MAX} different keys", number, "entry")
    names = list(header)

    def rows() -> Iterator[tuple[int, list[str]]]:
        for number, entry in enumerate(entries, 1):
            yield number, [_of_entry(name, entry.get(name), number) for name in names]

    return Table(names, _bounded(rows()), "entry")


def _xlsx(data: bytes) -> Table:
    from python_calamine import CalamineWorkbook  # seldom needed

    try:
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            if sum(member.file_size for member in packed.infolist()) > SIZE_MAX:
                raise Unreadable(f"unpacked it is over {SIZE_MAX} bytes: split it by region")
            for name in packed.namelist():
                if name.lower().startswith("xl/worksheets/"):
                    _bounded_area(packed.read(name))
        sheet = CalamineWorkbook.from_filelike(io.BytesIO(data)).get_sheet_by_index(0)
        found = sheet.to_python(skip_empty_area=False, nrows=ROWS_MAX + 2)
    except Unreadable:
        raise
    except Exception as error:  # calamine raises whatever its parsers do
        raise Unreadable(f"the XLSX cannot be read ({error}): save it again, or as CSV") from error
    header = [_cell(cell, 1) for cell in (found[0] if found else [])[:COLUMNS_MAX]]
    if not any(header):
        raise Unreadable("the first sheet is empty: its first row names the columns", 1)

    def rows() -> Iterator[tuple[int, list[str]]]:
        for number, cells in enumerate(found[1:], 2):
            texts = [_cell(cell, number) for cell in cells]
            if any(texts):
                yield number, texts

    return Table(header, _bounded(rows()), "row")


def _bounded_area(sheet: bytes) -> None:
    """A sheet is read whole, from its first cell to its last: one lone cell at the far end would take all memory."""
    last_row, widest = 0, b""
    for letters, number in _CELL.findall(sheet):
        last_row = max(last_row, int(number[:9]))
        widest = max(widest, letters.upper(), key=lambda each: (len(each), each))
    last_column = 0
    for letter in widest:
        last_column = last_column * 26 + letter - ord("A") + 1
    if last_row * last_column > CELLS_MAX:
        raise Unreadable(f"its last cell stands in row {last_row}, column {last_column}: delete what stands far out")


def _of_entry(name: str, value: Any, number: int) -> str:
    if isinstance(value, dict) and name == "settings":
        return msgspec.json.encode(value).decode()
    return _cell(value, number, exact=True)


def _cell(value: Any, number: int, *, exact: bool = False) -> str:
    """A cell as the text that a person would have written. `exact`: whole numbers have all their digits."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int) and (exact or abs(value) < _EXACT_MAX):
        return str(value)
    if isinstance(value, float | int):
        if abs(value) >= _EXACT_MAX:
            return f"{value:E}"  # its last digits are lost: the column's check says so
        return str(int(value)) if value == int(value) else repr(value)
    if isinstance(value, datetime):
        return value.date().isoformat()
    if isinstance(value, date):
        return value.isoformat()
    raise Unreadable(f"{str(value)[:40]!r} is not text or a number", number)


def _bounded(rows: Iterator[tuple[int, list[str]]]) -> Iterator[tuple[int, list[str]]]:
    for count, row in enumerate(rows, 1):
        if count > ROWS_MAX:
            raise Unreadable(f"over {ROWS_MAX} rows: split it by region", row[0])
        yield row
