"""An XLSX file of one sheet whose cells are all text: nothing else is written of a fleet.

Written by hand because text cells are a few lines of XML (ECMA-376, 18.3.1.53, `is`), and so they are written ten times
as fast as by a library that must be ready for all the rest of a spreadsheet.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterable, Sequence
from xml.sax.saxutils import escape

_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_DOCUMENT = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_AROUND = {
    "[Content_Types].xml": f'<Types xmlns="{_PACKAGE}/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    f'<Override PartName="/xl/workbook.xml" ContentType="{_TYPE}.sheet.main+xml"/>'
    f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{_TYPE}.worksheet+xml"/></Types>',
    "_rels/.rels": f'<Relationships xmlns="{_PACKAGE}/relationships">'
    f'<Relationship Id="rId1" Type="{_DOCUMENT}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
    "xl/workbook.xml": f'<workbook xmlns="{_MAIN}" xmlns:r="{_DOCUMENT}"><sheets>'
    '<sheet name="{name}" sheetId="1" r:id="rId1"/></sheets></workbook>',
    "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_PACKAGE}/relationships">'
    f'<Relationship Id="rId1" Type="{_DOCUMENT}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>',
}
_NEEDS_ESCAPE = re.compile("[&<>\x00-\x1f\ufffe\uffff\ud800-\udfff]")
_NO_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")
_ROWS_AT_ONCE = 2_000


def write(name: str, rows: Iterable[Sequence[str]]) -> bytes:
    """The file's bytes. An empty text is no cell; characters that XML cannot hold are left out."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=3) as packed:
        for path, content in _AROUND.items():
            packed.writestr(path, _HEAD + content.replace("{name}", escape(name)))
        with packed.open("xl/worksheets/sheet1.xml", "w", force_zip64=True) as sheet:
            sheet.write(f'{_HEAD}<worksheet xmlns="{_MAIN}"><sheetData>'.encode())
            columns: list[str] = []
            lines: list[str] = []
            for number, row in enumerate(rows, 1):
                columns += [column(n) for n in range(len(columns), len(row))]
                cells = [
                    f'<c r="{at}{number}" t="inlineStr"><is><t xml:space="preserve">{_text(cell)}</t></is></c>'
                    for at, cell in zip(columns, row, strict=False)
                    if cell
                ]
                lines.append(f'<row r="{number}">{"".join(cells)}</row>')
                if len(lines) == _ROWS_AT_ONCE:
                    sheet.write("".join(lines).encode())
                    lines.clear()
            sheet.write(("".join(lines) + "</sheetData></worksheet>").encode())
    return out.getvalue()


def column(number: int) -> str:
    """The letters of a column, the first being 0: A, …, Z, AA, …"""
    letters = ""
    number += 1
    while number:
        number, rest = divmod(number - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters


def _text(cell: str) -> str:
    return cell if _NEEDS_ESCAPE.search(cell) is None else escape(_NO_XML.sub("", cell))
