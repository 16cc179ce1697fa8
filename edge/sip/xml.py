"""XML from devices, read safely: no document type and so no entities, bounded in size, depth and number; Chinese
encodings as devices really use them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from xml.parsers import expat

BYTES_MAX = 262_144
DEPTH_MAX = 16
ELEMENTS_MAX = 20_000
_TEXT_MAX = 4_096
_DECLARED = re.compile(rb"""^\s*<\?xml[^>]{0,100}encoding\s*=\s*["']([A-Za-z0-9_-]{2,20})["']""")
_DECLARATION = re.compile(r"^\s*<\?xml[^>]{0,200}\?>")


class XmlError(ValueError):
    """A document that is not read; the message says why, without repeating it."""


@dataclass(slots=True)
class Element:
    """An element: its local name (no namespace), its text without white space around it, what is inside."""

    name: str
    text: str = ""
    inside: list[Element] = field(default_factory=list)
    attributes: dict[str, str] = field(default_factory=dict)

    def find(self, name: str) -> Element | None:
        """The first child of a name."""
        return next((each for each in self.inside if each.name == name), None)

    def said(self, name: str) -> str:
        """The text of the first child of a name; empty when there is none."""
        found = self.find(name)
        return found.text if found else ""

    def every(self, name: str) -> list[Element]:
        return [each for each in self.inside if each.name == name]


def read_xml(data: bytes) -> Element:
    """The root of a document. Raises XmlError."""
    if len(data) > BYTES_MAX:
        raise XmlError(f"{len(data)} bytes, at most {BYTES_MAX}")
    text = _DECLARATION.sub("", decode(data).lstrip("\ufeff"))
    build = _Build()
    # Resetting "encoding" to what we pass makes expat ignore what the document says of itself.
    parser = expat.ParserCreate("utf-8", namespace_separator=" ")
    parser.StartDoctypeDeclHandler = build.refuse
    parser.EntityDeclHandler = build.refuse
    parser.StartElementHandler = build.start
    parser.EndElementHandler = build.end
    parser.CharacterDataHandler = build.characters
    try:
        parser.Parse(text.encode("utf-8", "replace"), True)
    except expat.ExpatError as error:
        raise XmlError(f"no XML: {expat.ErrorString(error.code)} at line {error.lineno}") from error
    if build.root is None:
        raise XmlError("nothing in it")
    return build.root


def decode(data: bytes) -> str:
    """Its text. What reads as UTF-8 is that, whatever it declares (devices declare GB2312 and send UTF-8, and the other
    way round); GB2312 and GBK are read as GB18030, which holds both."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        pass
    declared = _DECLARED.match(data)
    name = declared[1].decode("ascii").lower() if declared else "gb18030"
    if name in ("iso-8859-1", "latin1", "windows-1252"):
        return data.decode("latin-1")
    return data.decode("gb18030", "replace")


def write_xml(root: str, fields: list[tuple[str, str]], encoding: str = "UTF-8") -> bytes:
    """A flat document, as these protocols have them."""
    codec = "gb18030" if encoding.upper().startswith("GB") else "utf-8"
    lines = [f'<?xml version="1.0" encoding="{encoding}"?>', f"<{root}>"]
    lines += [f"<{name}>{escape(value)}</{name}>" for name, value in fields]
    lines += [f"</{root}>", ""]
    return "\r\n".join(lines).encode(codec, "replace")


def escape(text: str) -> str:
    """Text as it may stand in an element (without xml.sax, which takes half a megabyte)."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


class _Build:
    def __init__(self) -> None:
        self.root: Element | None = None
        self._open: list[Element] = []
        self._count = 0

    def refuse(self, *_: object) -> None:
        raise XmlError("it declares a document type or entities")

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._count += 1
        if self._count > ELEMENTS_MAX or len(self._open) >= DEPTH_MAX:
            raise XmlError(f"more than {ELEMENTS_MAX} elements, or over {DEPTH_MAX} deep")
        kept = {_local(key)[:64]: value[:_TEXT_MAX] for key, value in list(attributes.items())[:16]}
        made = Element(_local(name), attributes=kept)
        if self._open:
            self._open[-1].inside.append(made)
        else:
            self.root = made
        self._open.append(made)

    def end(self, _name: str) -> None:
        closed = self._open.pop()
        closed.text = closed.text.strip()

    def characters(self, text: str) -> None:
        inner = self._open[-1]
        if len(inner.text) < _TEXT_MAX:
            inner.text = (inner.text + text)[:_TEXT_MAX]


def _local(name: str) -> str:
    return name.rpartition(" ")[2]
