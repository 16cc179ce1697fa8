"""From what was seen to what is proposed."""

from typing import Any

import pytest

from edge.discovery.found import Found, Service
from edge.discovery.proposing import named, propose
from shouwang.kinds import load

ONVIF = Service("onvif", 80, "", {"path": "/onvif/device_service"})
ANNOUNCED = Service(
    "onvif", 80, "IPC", {"types": "NetworkVideoTransmitter", "path": "/onvif/device_service", "model": "T1"}
)
RTSP = Service("rtsp", 554, "", {"login": "yes"})
PAGE = Service("http", 80, "Welcome", {"status": "200", "scheme": "http"})
ROUTER = Service("snmp", 161, "RouterOS RB750", {"mappings": "router host-resources"})
RECORDER = Service("onvif", 80, "DHI-NVR4108", {"path": "/onvif/device_service"})
GATEWAY = Service("upnp", 80, "", {"type": "x:InternetGatewayDevice:1"})
PUMP = Service("modbus", 1502, "Grundfos pump")
KINDS = load()


def found(*services: Service, ports: set[int] | None = None, gateway: bool = False) -> Found:
    return Found("192.168.1.64", alive=True, gateway=gateway, ports=ports or set(), services=list(services))


@pytest.mark.parametrize(
    ("seen", "kind", "driver", "target", "settings", "confidence"),
    [
        (found(ANNOUNCED, PAGE, RTSP), "camera", "onvif", "192.168.1.64", {}, "high"),
        (found(ONVIF), "camera", "onvif", "192.168.1.64", {}, "medium"),
        (
            found(Service("onvif", 8899, "", {"path": "/onvif/service", "scheme": "https"})),
            "camera", "onvif", "192.168.1.64:8899", {"path": "/onvif/service", "secure": True}, "medium",
        ),
        (found(RECORDER, RTSP), "nvr", "onvif", "192.168.1.64", {}, "high"),
        (found(RTSP), "camera", "rtsp", "rtsp://192.168.1.64/", {}, "medium"),
        (
            found(RTSP, ports={554, 37777}),
            "camera", "rtsp", "rtsp://192.168.1.64/cam/realmonitor?channel=1&subtype=1", {}, "high",
        ),
        (
            found(Service("rtsp", 8554, "", {"picture": "yes", "path": "live/2"}), ONVIF),
            "camera", "rtsp", "rtsp://192.168.1.64:8554/live/2", {}, "high",
        ),
        (found(Service("sip", 5060, "Grandstream HT801"), PAGE), "call_terminal", "sip", "192.168.1.64", {}, "medium"),
        (found(ROUTER, PAGE), "site", "snmp", "192.168.1.64", {"mapping": ["router"]}, "medium"),
        (found(PAGE, gateway=True), "site", "icmp", "192.168.1.64", {}, "high"),
        (found(GATEWAY), "site", "icmp", "192.168.1.64", {}, "high"),
        (
            found(Service("snmp", 161, "APC", {"mappings": "ups-mib"}), PAGE),
            "site", "snmp", "192.168.1.64", {"mapping": ["ups-mib"]}, "high",
        ),
        (found(PUMP, PAGE), "water_pump", "modbus", "192.168.1.64:1502", {}, "medium"),
        (found(Service("modbus", 502)), "site", "modbus", "192.168.1.64", {}, "low"),
        (
            found(Service("xfs4iot", 5846, "", {"scheme": "ws", "path": "/xfs4iot/v1.0"})),
            "atm", "xfs4iot", "ws://192.168.1.64:5846/xfs4iot/v1.0", {}, "high",
        ),
        (
            found(Service("http", 443, "", {"status": "401", "scheme": "https"})),
            "ecommerce_point", "http", "https://192.168.1.64/", {"trust": False, "status": [401]}, "low",
        ),
        (found(Service("nut", 3493, "APC", {"ups": "site"})), "site", "nut", "192.168.1.64", {"ups": "site"}, "high"),
        (found(PAGE, Service("mdns", 631, "HP", {"service": "_ipp._tcp"})), "", "", "", {}, "low"),
        (found(Service("sip", 5060, "Asterisk PBX 18"), PAGE), "", "", "", {}, "low"),
        (found(Service("mqtt", 1883), PAGE), "", "", "", {}, "low"),
        (found(ports={22}), "", "", "", {}, "low"),
        (found(), "", "", "", {}, "low"),
    ],
)  # fmt: skip
def test_what_is_proposed(
    seen: Found, kind: str, driver: str, target: str, settings: dict[str, Any], confidence: str
) -> None:
    (made,) = propose(seen)
    assert (made.kind, made.driver, made.target, made.settings, made.confidence) == (
        kind,
        driver,
        target,
        settings,
        confidence,
    )
    assert made.why
    for why in made.why:
        said = why.words()
        assert all(said.values())
        assert "{" not in said["zh"] + said["en"]
    assert not kind or kind in KINDS


def test_a_ups_behind_another_machine_stands_beside_it() -> None:
    both = propose(found(ROUTER, Service("nut", 3493, "", {"ups": "site"})))
    assert [(each.driver, each.part) for each in both] == [("snmp", "router"), ("nut", "ups")]


def test_names_are_the_next_free_ones() -> None:
    prefixes = {name: KINDS[name].code_prefix for name in KINDS}
    cameras = [*propose(found(ONVIF)), *propose(found(RTSP)), *propose(found(gateway=True)), *propose(found())]
    assert [each.name for each in named(cameras, prefixes, {"cam-01", "cam-03"})] == [
        "cam-02",
        "cam-04",
        "router-01",
        "",
    ]
