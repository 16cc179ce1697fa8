"""What devices say of themselves when a LAN is asked aloud: WS-Discovery (ONVIF), mDNS and SSDP (UPnP), as messages.

Whatever the bytes are, reading gives a list, an empty one for what is not understood.
"""

from __future__ import annotations

import re
import struct
import uuid
from urllib.parse import unquote, urlsplit

from edge.discovery.found import Service, plain
from edge.sip.xml import Element, XmlError, read_xml

MDNS_SERVICES = (
    "_rtsp._tcp",
    "_onvif._tcp",
    "_http._tcp",
    "_https._tcp",
    "_ipp._tcp",
    "_nut._tcp",
    "_mqtt._tcp",
    "_sip._udp",
)
SSDP_QUESTION = (
    b'M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nMAN: "ssdp:discover"\r\nMX: 2\r\nST: ssdp:all\r\n\r\n'
)
_WSD = "http://schemas.xmlsoap.org/ws/2005/04/discovery"
_HEADER = re.compile(r"^([A-Za-z-]{1,32}):[ \t]*(.{0,400})$")
_PTR, _TXT, _SRV = 12, 16, 33
_RECORDS_MAX, _JUMPS_MAX, _MATCHES_MAX = 64, 16, 8


def wsd_question() -> bytes:
    """A Probe of WS-Discovery 1.0 (2005/04), for whatever is a device on ONVIF, and for all else that speaks it."""
    return (
        '<?xml version="1.0" encoding="utf-8"?><s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" '
        'xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing"><s:Header>'
        f"<a:Action>{_WSD}/Probe</a:Action><a:MessageID>uuid:{uuid.uuid4()}</a:MessageID>"
        "<a:ReplyTo><a:Address>http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous</a:Address></a:ReplyTo>"
        "<a:To>urn:schemas-xmlsoap-org:ws:2005:04:discovery</a:To></s:Header><s:Body>"
        f'<d:Probe xmlns:d="{_WSD}"/></s:Body></s:Envelope>'
    ).encode()


def read_wsd(data: bytes) -> list[Service]:
    """The matches of an answer. `detail`: `types`, `path` of its device service, and `name`, `model` of its scopes."""
    try:
        root = read_xml(data)
    except XmlError:
        return []
    body = root.find("Body")
    matches = body.find("ProbeMatches") if body is not None else None
    return [_match(each) for each in (matches.every("ProbeMatch") if matches else [])[:_MATCHES_MAX]]


def _match(match: Element) -> Service:
    scopes: dict[str, str] = {}
    for scope in match.said("Scopes").split():
        what, _, value = scope.rpartition("/")
        scopes.setdefault(what.rpartition("/")[2].lower(), plain(unquote(value)))
    types = " ".join(each.rpartition(":")[2] for each in match.said("Types").split())
    port, path = 0, ""
    for address in match.said("XAddrs").split():
        try:  # of the address only port and path count: where it stands the datagram itself says
            parts = urlsplit(address)
            port = parts.port or (443 if parts.scheme == "https" else 80)
        except ValueError:
            continue
        path = plain(parts.path)
        break
    onvif = "onvif" in match.said("Scopes").lower() or "NetworkVideo" in types
    detail = {"types": types, "path": path, "name": scopes.get("name", ""), "model": scopes.get("hardware", "")}
    said = plain(f"{scopes.get('name', '')} {scopes.get('hardware', '')}")
    return Service("onvif" if onvif else "wsd", port, said or plain(types), {k: v for k, v in detail.items() if v})


def mdns_question() -> bytes:
    """One question for each service, asking for an answer to the one who asks (RFC 6762, 5.4 and 6.7)."""
    head = struct.pack("!6H", 0, 0, len(MDNS_SERVICES), 0, 0, 0)
    return head + b"".join(_labels(f"{each}.local") + struct.pack("!HH", _PTR, 0x8001) for each in MDNS_SERVICES)


def read_mdns(data: bytes) -> list[Service]:
    """Services that an answer names: `detail` has `service` (as `_ipp._tcp`), `name`, `path` or `model` of its TXT."""
    try:
        records = _records(data)
    except (struct.error, ValueError, IndexError):
        return []
    ports = {name.lower(): at for name, kind, at in records if kind == _SRV and isinstance(at, int)}
    texts = {name.lower(): text for name, kind, text in records if kind == _TXT and isinstance(text, dict)}
    made: list[Service] = []
    for service, kind, instance in records:
        name = service.lower().removesuffix(".local")
        if kind != _PTR or name not in MDNS_SERVICES or not isinstance(instance, str):
            continue
        own = texts.get(instance.lower(), {})
        called = plain(instance[: -len(service) - 1] if instance.lower().endswith(service.lower()) else instance)
        told = {"path": own.get("path", ""), "model": own.get("ty", "") or own.get("model", "")}
        detail = {"service": name, "name": called, **{k: v for k, v in told.items() if v}}
        made.append(Service("mdns", ports.get(instance.lower(), 0), called, detail))
    return made


def read_ssdp(data: bytes) -> list[Service]:
    """An answer to M-SEARCH: `said` is the SERVER line, `detail` has `type`, what it offers itself as."""
    lines = data[:4096].decode("utf-8", "replace").split("\r\n")
    if not lines[0].upper().startswith("HTTP/1.1 200"):
        return []
    found = [match for match in map(_HEADER.match, lines[1:32]) if match]
    headers = {match[1].upper(): plain(match[2]) for match in found}
    if "ST" not in headers:
        return []
    try:
        port = urlsplit(headers.get("LOCATION", "")).port or 80
    except ValueError:
        port = 80
    return [Service("upnp", port, headers.get("SERVER", ""), {"type": headers["ST"]})]


def _labels(name: str) -> bytes:
    return b"".join(bytes((len(each),)) + each.encode() for each in name.split(".")) + b"\0"


def _records(data: bytes) -> list[tuple[str, int, object]]:
    """(name, type, PTR's name | SRV's port | TXT's words). Raises what `read_mdns` catches."""
    _, flags, questions, *counts = struct.unpack("!6H", data[:12])
    if not flags & 0x8000:
        return []
    at = 12
    for _ in range(min(questions, _RECORDS_MAX)):
        at = _name(data, at)[1] + 4
    made: list[tuple[str, int, object]] = []
    for _ in range(min(sum(counts), _RECORDS_MAX)):
        name, at = _name(data, at)
        kind, _, _, length = struct.unpack("!HHIH", data[at : at + 10])
        at += 10
        if at + length > len(data):
            raise ValueError("cut short")
        if kind == _PTR:
            made.append((name, kind, _name(data, at)[0]))
        elif kind == _SRV:
            made.append((name, kind, struct.unpack("!H", data[at + 4 : at + 6])[0]))
        elif kind == _TXT:
            made.append((name, kind, _words(data[at : at + length])))
        at += length
    return made


def _words(data: bytes) -> dict[str, str]:
    made: dict[str, str] = {}
    at = 0
    while at < len(data):
        text = data[at + 1 : at + 1 + data[at]].decode("utf-8", "replace")
        name, _, value = text.partition("=")
        made[name.lower()[:64]] = plain(value)
        at += 1 + data[at]
    return made


def _name(data: bytes, at: int) -> tuple[str, int]:
    """A name and where what follows it stands (RFC 1035, 4.1.4)."""
    parts: list[str] = []
    after, jumps = -1, 0
    while (length := data[at]) != 0:
        if length & 0xC0 == 0xC0:
            after = at + 2 if after < 0 else after
            at = (length & 0x3F) << 8 | data[at + 1]
            jumps += 1
            if jumps > _JUMPS_MAX:
                raise ValueError("a name that goes round in circles")
            continue
        if length & 0xC0 or at + 1 + length > len(data):
            raise ValueError("no name")
        parts.append(data[at + 1 : at + 1 + length].decode("utf-8", "replace"))
        at += 1 + length
    return ".".join(parts), at + 1 if after < 0 else after
