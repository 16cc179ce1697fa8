"""SIP messages (RFC 3261): parsing what comes, whatever it is, and building what goes."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TypeAlias

HEAD_MAX = 16_384
HEADERS_MAX = 120
BODY_MAX = 262_144
"""A catalogue of a large recorder comes in messages far smaller than this."""

Headers: TypeAlias = list[tuple[str, str]]
"""Names in lower case, compact forms (7.3.3) written out, in the order in which they came."""

_COMPACT = {
    "a": "accept-contact",
    "b": "referred-by",
    "c": "content-type",
    "e": "content-encoding",
    "f": "from",
    "i": "call-id",
    "k": "supported",
    "l": "content-length",
    "m": "contact",
    "o": "event",
    "r": "refer-to",
    "s": "subject",
    "t": "to",
    "u": "allow-events",
    "v": "via",
}
_SHOWN = {"call-id": "Call-ID", "cseq": "CSeq", "www-authenticate": "WWW-Authenticate", "user-agent": "User-Agent"}
_TOKEN = re.compile(r"[A-Za-z0-9.!%*_+`'~-]{1,64}")
_STATUS = re.compile(r"SIP/2\.0 ([1-6]\d\d)(?: (.*))?")
_CSEQ = re.compile(r"(\d{1,10})\s+([A-Za-z0-9.!%*_+`'~-]{1,32})")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_NEEDED = ("via", "from", "to", "call-id", "cseq")


class UnreadableError(ValueError):
    """Bytes that are no SIP message; the message says why, without repeating them."""


@dataclass(slots=True)
class Message:
    """What requests and responses share. Header texts keep bytes that are no UTF-8 (surrogateescape), so that what is
    echoed is what came."""

    headers: Headers = field(default_factory=list)
    body: bytes = b""

    def first(self, name: str) -> str:
        """The first header of a name (lower case); empty when there is none."""
        return next((value for known, value in self.headers if known == name), "")

    def every(self, name: str) -> list[str]:
        """All headers of a name, in order; lists in one header are not split."""
        return [value for known, value in self.headers if known == name]

    @property
    def cseq(self) -> tuple[int, str]:
        """Number and method; (0, "") where there is none."""
        found = _CSEQ.fullmatch(self.first("cseq"))
        return (int(found[1]), found[2].upper()) if found else (0, "")

    @property
    def content_type(self) -> str:
        """Without its parameters, in lower case."""
        return self.first("content-type").partition(";")[0].strip().lower()

    @property
    def branch(self) -> str:
        """That of the topmost Via."""
        return parameters(top_via(self)).get("branch", "")


@dataclass(slots=True)
class Request(Message):
    """A request. `method` in capitals."""

    method: str = ""
    uri: str = ""

    def encode(self) -> bytes:
        """As it goes over the wire, with its exact Content-Length."""
        return _encode(f"{self.method} {self.uri} SIP/2.0", self)


@dataclass(slots=True)
class Response(Message):
    """A response."""

    status: int = 0
    reason: str = ""

    def encode(self) -> bytes:
        """As it goes over the wire, with its exact Content-Length."""
        return _encode(f"SIP/2.0 {self.status} {self.reason}", self)


def parse(data: bytes) -> Request | Response:
    """One whole message (a datagram, or what `Framer` cut out of a stream). Raises UnreadableError."""
    head, body = split(data)
    length = content_length(head)
    if length is not None:
        if length > len(body):
            raise UnreadableError(f"its body has {len(body)} bytes, and should have {length}")
        body = body[:length]
    if len(body) > BODY_MAX:
        raise UnreadableError(f"a body of {len(body)} bytes, at most {BODY_MAX}")
    return _message(head, body)


def split(data: bytes) -> tuple[list[str], bytes]:
    """Lines of the head, folded ones joined (7.3.1), and what follows. Raises UnreadableError."""
    data = data.lstrip(b"\r\n")
    for end in (b"\r\n\r\n", b"\n\n"):
        at = data.find(end, 0, HEAD_MAX + len(end))
        if at >= 0:
            break
    else:
        raise UnreadableError(f"no end of its head within {HEAD_MAX} bytes")
    lines: list[str] = []
    for line in data[:at].decode("utf-8", "surrogateescape").split("\n"):
        line = line.removesuffix("\r")
        if _CONTROL.search(line):
            raise UnreadableError("a control character in its head")
        if line[:1] in (" ", "\t") and len(lines) > 1:
            lines[-1] += " " + line.strip()
        else:
            lines.append(line)
    if len(lines) > HEADERS_MAX:
        raise UnreadableError(f"more than {HEADERS_MAX} headers")
    return lines, data[at + len(end) :]


def content_length(lines: list[str]) -> int | None:
    """What the head says of its body; None when it says nothing. Raises UnreadableError."""
    for line in lines[1:]:
        name, _, value = line.partition(":")
        if name.strip().lower() in ("content-length", "l"):
            if not re.fullmatch(r"\d{1,9}", value.strip()):
                raise UnreadableError("its Content-Length is no number")
            return int(value)
    return None


def _message(lines: list[str], body: bytes) -> Request | Response:
    headers: Headers = []
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        name = name.strip().lower()
        if not colon or not _TOKEN.fullmatch(name):
            raise UnreadableError("a line of its head is no header")
        headers.append((_COMPACT.get(name, name), value.strip()))
    made: Request | Response
    status = _STATUS.fullmatch(lines[0])
    if status:
        made = Response(headers, body, int(status[1]), (status[2] or "").strip())
    else:
        method, _, rest = lines[0].partition(" ")
        uri, _, version = rest.rpartition(" ")
        if version.upper() != "SIP/2.0" or not _TOKEN.fullmatch(method) or not uri or " " in uri:
            raise UnreadableError("its first line is none of SIP")
        made = Request(headers, body, method.upper(), uri)
    for name in _NEEDED:
        if not made.first(name):
            raise UnreadableError(f"it has no {name}")
    number, method = made.cseq
    if not method or number >= 2**31:
        raise UnreadableError("its CSeq is none")
    if isinstance(made, Request) and method != made.method:
        raise UnreadableError("its CSeq names another method")
    return made


def _encode(first: str, message: Message) -> bytes:
    lines = [first]
    for name, value in message.headers:
        if name != "content-length":
            lines.append(f"{_SHOWN.get(name) or name.title()}: {value}")
    lines += [f"Content-Length: {len(message.body)}", "", ""]
    return "\r\n".join(lines).encode("utf-8", "surrogateescape") + message.body


def answer(request: Request, status: int, reason: str, tag: str, source: tuple[str, int]) -> Response:
    """A response to a request: Via with where it really came from (18.2.1, RFC 3581), From, To with our `tag`."""
    headers: Headers = []
    for name, value in request.headers:
        if name == "via":
            headers.append((name, value if headers else _seen_from(value, source)))
    headers.append(("from", request.first("from")))
    to = request.first("to")
    headers.append(("to", to if ";tag=" in to.lower() else f"{to};tag={tag}"))
    headers += [("call-id", request.first("call-id")), ("cseq", request.first("cseq"))]
    return Response(headers, b"", status, reason)


def with_headers(response: Response, *more: tuple[str, str], body: bytes = b"") -> Response:
    """The response with more headers, and a body."""
    return replace(response, headers=[*response.headers, *more], body=body or response.body)


def _seen_from(via: str, source: tuple[str, int]) -> str:
    first, comma, rest = via.partition(",")
    kept = [part for part in first.split(";") if part.strip().partition("=")[0].lower() not in ("received", "rport")]
    kept.append(f"received={source[0]}")
    if re.search(r";\s*rport", first, re.IGNORECASE):
        kept.append(f"rport={source[1]}")
    return ";".join(kept) + comma + rest


def top_via(message: Message) -> str:
    """The first of the Via, which may stand several in one header."""
    return message.first("via").partition(",")[0]


def parameters(value: str) -> dict[str, str]:
    """`…;branch=z9hG4bK1;rport` → `{"branch": "z9hG4bK1", "rport": ""}`; of a name-addr, those after its `>`."""
    _, bracket, after = value.rpartition(">")
    found: dict[str, str] = {}
    for part in (after if bracket else value).split(";")[1:]:
        name, _, said = part.partition("=")
        found.setdefault(name.strip().lower(), said.strip().strip('"'))
    return found


@dataclass(slots=True, frozen=True)
class Uri:
    """`sip:34020000001320000001@192.168.1.64:5060;transport=udp`; `port` 0 where none stands."""

    user: str
    host: str
    port: int = 0
    transport: str = ""


_URI = re.compile(
    r"sips?:(?:([^@;?>\s]{1,128})@)?(\[[0-9a-fA-F:.]{2,45}\]|[A-Za-z0-9._-]{1,253})(?::(\d{1,5}))?((?:;[^?>\s]{0,256})?)",
    re.IGNORECASE,
)


def uri_in(value: str) -> Uri | None:
    """The address in a From, To, Contact or request line; None when there is none that we understand."""
    start = value.rfind("<") + 1
    found = _URI.match(value[start : start + 1024].lstrip())
    if found is None or int(found[3] or 0) > 65535:
        return None
    user = (found[1] or "").partition(":")[0]
    transport = parameters(found[4]).get("transport", "").lower()
    return Uri(user, found[2].strip("[]"), int(found[3] or 0), transport)


def uri_text(value: str) -> str:
    """The address itself, as it stands in a header; empty where there is none."""
    start = value.rfind("<") + 1
    found = _URI.match(value[start : start + 1024].lstrip())
    return found[0] if found else ""


def user_in(value: str) -> str:
    """The user of an address; empty where there is none, or where it holds anything but printable ASCII."""
    found = uri_in(value)
    return found.user if found and found.user.isascii() and found.user.isprintable() else ""


class Framer:
    """Cuts messages out of a stream (18.3: Content-Length is a must there). Bounded: `feed` raises UnreadableError,
    and then the connection is to be closed."""

    def __init__(self) -> None:
        self._held = bytearray()
        self._wanted = 0  # so many bytes until the next message is whole

    def feed(self, data: bytes) -> list[bytes]:
        """The messages that are whole now. Keep-alives (CRLF, RFC 5626) are swallowed."""
        self._held += data
        whole: list[bytes] = []
        if len(self._held) < self._wanted:
            return whole  # a body that comes byte by byte does not have its head read each time
        while True:
            while self._held[:1] and self._held[0] in b"\r\n":
                del self._held[:1]
            if not self._held:
                return whole
            end = self._held.find(b"\r\n\r\n", 0, HEAD_MAX + 4)
            if end < 0:
                if len(self._held) > HEAD_MAX:
                    raise UnreadableError(f"no end of its head within {HEAD_MAX} bytes")
                return whole
            lines, _ = split(bytes(self._held[: end + 4]))
            length = content_length(lines)
            if length is None or length > BODY_MAX:
                raise UnreadableError(f"a stream needs a Content-Length of at most {BODY_MAX}")
            self._wanted = end + 4 + length
            if len(self._held) < self._wanted:
                return whole
            self._wanted = 0
            whole.append(bytes(self._held[: end + 4 + length]))
            del self._held[: end + 4 + length]
