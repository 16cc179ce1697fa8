"""What devices say of themselves aloud, read; and any bytes."""

import struct

from hypothesis import given
from hypothesis import strategies as st

from edge.discovery import said
from edge.discovery.found import Found, Service, plain

WSD = b"""<?xml version="1.0" encoding="UTF-8"?>
<SOAP-ENV:Envelope xmlns:SOAP-ENV="http://www.w3.org/2003/05/soap-envelope"
 xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery" xmlns:dn="http://www.onvif.org/ver10/network/wsdl"
 xmlns:wsadis="http://schemas.xmlsoap.org/ws/2004/08/addressing"><SOAP-ENV:Body><d:ProbeMatches><d:ProbeMatch>
<wsadis:EndpointReference><wsadis:Address>urn:uuid:4419d9b0</wsadis:Address></wsadis:EndpointReference>
<d:Types>dn:NetworkVideoTransmitter tds:Device</d:Types>
<d:Scopes>onvif://www.onvif.org/type/video_encoder onvif://www.onvif.org/name/HIKVISION%20DS-2CD2143
 onvif://www.onvif.org/hardware/DS-2CD2143G0-I onvif://www.onvif.org/Profile/Streaming</d:Scopes>
<d:XAddrs>http://192.168.1.64:8080/onvif/device_service http://[fe80::1]/onvif/device_service</d:XAddrs>
</d:ProbeMatch></d:ProbeMatches></SOAP-ENV:Body></SOAP-ENV:Envelope>"""
SSDP = (
    b"HTTP/1.1 200 OK\r\nCACHE-CONTROL: max-age=120\r\nST: urn:schemas-upnp-org:device:InternetGatewayDevice:1\r\n"
    b"USN: uuid:1\r\nSERVER: OpenWRT UPnP/1.1 MiniUPnPd/2.0\r\nLOCATION: http://192.168.1.1:5000/rootDesc.xml\r\n\r\n"
)


def labels(name: str) -> bytes:
    return b"".join(bytes((len(part),)) + part.encode() for part in name.split(".")) + b"\0"


def record(name: bytes, kind: int, data: bytes) -> bytes:
    return name + struct.pack("!HHIH", kind, 0x8001, 120, len(data)) + data


def mdns(service: str, instance: str, port: int, words: list[str]) -> bytes:
    """As a responder answers: the question first, the instance's service by a pointer to its name."""
    question = labels(service + ".local") + struct.pack("!HH", 12, 1)
    back = struct.pack("!H", 0xC00C)
    own = bytes((len(instance.encode()),)) + instance.encode() + back
    text = b"".join(bytes((len(each.encode()),)) + each.encode() for each in words)
    records = [
        record(back, 12, own),
        record(own, 33, struct.pack("!3H", 0, 0, port) + labels("host.local")),
        record(own, 16, text),
    ]
    return struct.pack("!6H", 0, 0x8400, 1, 1, 0, 2) + question + b"".join(records)


def test_a_camera_announces_itself() -> None:
    (service,) = said.read_wsd(WSD)
    assert (service.protocol, service.port) == ("onvif", 8080)
    assert service.detail["path"] == "/onvif/device_service"
    assert service.detail["model"] == "DS-2CD2143G0-I"
    assert service.said.startswith("HIKVISION DS-2CD2143")


def test_services_by_mdns() -> None:
    (printer,) = said.read_mdns(mdns("_ipp._tcp", "打印机 hall", 631, ["ty=HP LaserJet", "rp=ipp/print"]))
    assert (printer.port, printer.said, printer.detail["model"]) == (631, "打印机 hall", "HP LaserJet")
    assert printer.detail["service"] == "_ipp._tcp"
    assert said.read_mdns(said.mdns_question()) == []  # our own question, come back


def test_a_gateway_by_ssdp() -> None:
    assert said.read_ssdp(SSDP) == [
        Service(
            "upnp",
            5000,
            "OpenWRT UPnP/1.1 MiniUPnPd/2.0",
            {"type": "urn:schemas-upnp-org:device:InternetGatewayDevice:1"},
        )
    ]
    assert said.read_ssdp(said.SSDP_QUESTION) == []


@given(st.binary(max_size=300), st.integers(0, 400), st.integers(0, 400))
def test_any_bytes_are_read_or_not(noise: bytes, at: int, end: int) -> None:
    for read, good in (
        (said.read_wsd, WSD),
        (said.read_ssdp, SSDP),
        (said.read_mdns, mdns("_http._tcp", "hall", 80, ["path=/"])),
    ):
        for data in (noise, good[:at] + noise + good[at:], good[:end], good[:12] + noise):
            for service in read(data):
                assert all(text == plain(text) for text in service.detail.values())


def test_a_name_that_goes_round_in_circles_ends() -> None:
    assert said.read_mdns(struct.pack("!6H", 0, 0x8400, 0, 1, 0, 0) + b"\xc0\x0c" + bytes(10)) == []


def test_what_a_device_says_cannot_move_a_terminal_nor_fill_the_memory() -> None:
    assert plain("a\x1b[2J\r\nb\u202e" + "x" * 900).startswith("a [2J b")
    assert len(plain("x" * 10_000)) == 120
    found = Found("192.168.1.1")
    for number in range(1_000):
        found.add(Service("upnp", number))
        found.call(f"name {number}")
    assert (len(found.services), len(found.names)) == (32, 8)
