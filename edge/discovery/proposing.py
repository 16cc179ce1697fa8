"""What a found device may be: kind, driver, target, name, why it is thought so, how sure that is. Only decides."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from edge.discovery.found import Found
from edge.discovery.words import Why
from shouwang.vocabulary import Driver

_RECORDER = re.compile(
    r"\b[a-z0-9-]{0,12}([nxd]vr)[a-z0-9-]{0,12}\b|recorder|\bds-[789]\d{3}|networkvideostorage|录像机", re.IGNORECASE
)
_ROUTER = re.compile(r"router|gateway|openwrt|routeros|vyos|\bcpe\b|\bedgeos\b|\b4g\b|\blte\b|路由", re.IGNORECASE)
_PBX = re.compile(r"asterisk|freepbx|freeswitch|kamailio|opensips|3cx|yeastar|\bpbx\b|\bims\b", re.IGNORECASE)
_CAMERA = re.compile(r"camera|\bipc|hikvision|dahua|uniview|tiandy|ezviz|webcam|netcam|摄像", re.IGNORECASE)
_PUMP = re.compile(r"pump|水泵|泵", re.IGNORECASE)
_MAKERS = (
    (re.compile(r"hik|ds-2|ezviz", re.IGNORECASE), "Streaming/Channels/102"),
    (
        re.compile(r"dahua|dh-|ipc-h|amcrest|login to [0-9a-f]{8,}", re.IGNORECASE),
        "cam/realmonitor?channel=1&subtype=1",
    ),
    (re.compile(r"tp-link|tapo|vigi", re.IGNORECASE), "stream2"),
)
_VENDORS_PORT = {37777: "Dahua", 34567: "Xiongmai", 8000: "Hikvision"}
SITE_PARTS = {"ups": "ups", "router": "router", "meter": "meter"}
"""Parts of a site are named by what they are, as the drivers' samples have it; all others by their kind."""


class Confidence(StrEnum):
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


@dataclass(frozen=True, slots=True)
class Proposal:
    """One device, or (with `kind` empty) somebody who is there and of whom nothing is proposed. `part`: of a site, what
    it is. `known`: the device of the fleet file that it is already."""

    address: str
    why: tuple[Why, ...]
    confidence: Confidence = Confidence.LOW
    kind: str = ""
    driver: str = ""
    target: str = ""
    settings: dict[str, Any] = field(default_factory=dict)
    part: str = ""
    model: str = ""
    name: str = ""
    known: str = ""
    mac: str = ""


def propose(found: Found) -> list[Proposal]:
    """For one address: mostly one; a UPS behind another machine's NUT beside what that machine is."""
    made = [proposal for ways in (_FIRST, _BESIDE) if (proposal := _first(found, ways)) is not None]
    return [replace(each, mac=found.mac) for each in made or [_nobody(found)]]


def named(proposals: Collection[Proposal], prefixes: Mapping[str, str], taken: Collection[str]) -> list[Proposal]:
    """With the next free name of each, as `cam-03`. `prefixes`: by kind; `taken`: names of the centre's devices."""
    used = set(taken)
    made: list[Proposal] = []
    for each in proposals:
        if not each.kind or each.known:
            made.append(each)
            continue
        prefix = SITE_PARTS.get(each.part) or prefixes.get(each.kind) or each.kind.replace("_", "-")
        number = next(n for n in range(1, len(used) + 2) if f"{prefix}-{n:02d}" not in used)
        used.add(f"{prefix}-{number:02d}")
        made.append(replace(each, name=f"{prefix}-{number:02d}"))
    return made


def _first(found: Found, ways: tuple[Callable[[Found], Proposal | None], ...]) -> Proposal | None:
    return next((made for way in ways if (made := way(found)) is not None), None)


def _video(found: Found) -> Proposal | None:
    """Cameras and recorders. One on ONVIF is asked by that at once: RTSP wants to know the stream's path first."""
    onvif, rtsp = found.of("onvif"), found.of("rtsp")
    if onvif is None and rtsp is None:
        return None
    asks = next((each for each in found.services if each.protocol == "onvif" and each.detail.get("path")), onvif)
    model = onvif.detail.get("model", "") if onvif else ""
    words = found.words()
    recorder = bool(_RECORDER.search(words))
    vendor = next((_VENDORS_PORT[port] for port in sorted(found.ports) if port in _VENDORS_PORT and rtsp), "")
    why = [Why("onvif", {"text": onvif.said})] if onvif else []
    why += [Why("rtsp", {"port": rtsp.port, "text": rtsp.said})] if rtsp else []
    why += [Why("vendors_port", {"text": vendor})] if vendor else []
    why += [Why("recorder")] if recorder else []
    if asks is not None and (recorder or rtsp is None or not rtsp.detail.get("picture")):
        settings: dict[str, Any] = (
            {} if asks.detail.get("path", _ONVIF_PATH) == _ONVIF_PATH else {"path": asks.detail["path"]}
        )
        if asks.detail.get("scheme") == "https":
            settings["secure"] = True
        if not recorder and rtsp is not None:
            why.append(Why("picture_by_rtsp"))
        sure = (
            Confidence.HIGH
            if recorder or rtsp is not None or _CAMERA.search(words) or "NetworkVideo" in str(asks.detail)
            else Confidence.MEDIUM
        )
        kind = "nvr" if recorder else "camera"
        return Proposal(
            found.address,
            tuple(why),
            sure,
            kind,
            Driver.ONVIF,
            _where(found.address, asks.port, 80),
            settings,
            model=model,
        )
    if rtsp is None:
        return None
    if recorder:
        why.append(Why("recorder_by_rtsp"))
    path = rtsp.detail.get("path", "")
    if not rtsp.detail.get("picture"):
        path = next((its for pattern, its in _MAKERS if pattern.search(words) or pattern.search(vendor)), "")
        why.append(Why("stream_login" if rtsp.detail.get("login") else "stream_path"))
    target = f"rtsp://{_where(found.address, rtsp.port, 554)}/{path}"
    sure = Confidence.HIGH if rtsp.detail.get("picture") or vendor or _CAMERA.search(words) else Confidence.MEDIUM
    return Proposal(found.address, tuple(why), sure, "camera", Driver.RTSP, target, model=model)


def _atm(found: Found) -> Proposal | None:
    its = found.of("xfs4iot")
    if its is None:
        return None
    target = f"{its.detail['scheme']}://{found.address}:{its.port}{its.detail['path']}"
    return Proposal(found.address, (Why("xfs4iot"),), Confidence.HIGH, "atm", Driver.XFS4IOT, target)


def _terminal(found: Found) -> Proposal | None:
    its = found.of("sip")
    if its is None or _PBX.search(its.said):
        return None
    target = _where(found.address, its.port, 5060)
    sure = Confidence.MEDIUM if its.said else Confidence.LOW
    return Proposal(
        found.address, (Why("sip", {"text": its.said}),), sure, "call_terminal", Driver.SIP, target, model=its.said
    )


def _power(found: Found) -> Proposal | None:
    its = found.of("snmp")
    if its is None or "ups-mib" not in its.detail.get("mappings", "").split():
        return None
    why = (Why("snmp_ups", {"text": its.said}),)
    return Proposal(
        found.address,
        why,
        Confidence.HIGH,
        "site",
        Driver.SNMP,
        _where(found.address, its.port, 161),
        {"mapping": ["ups-mib"]},
        "ups",
    )


def _router(found: Found) -> Proposal | None:
    its = found.of("snmp")
    routes = its is not None and "router" in its.detail.get("mappings", "").split()
    igd = any("InternetGatewayDevice" in each.detail.get("type", "") for each in found.services)
    called = bool(_ROUTER.search(found.words()))
    if not (found.gateway or igd or routes or called):
        return None
    why = [Why(code) for code, so in (("gateway", found.gateway), ("igd", igd)) if so]
    if its is not None:
        why.append(Why("snmp_router" if routes else "snmp", {"text": its.said}))
    elif called and not why:
        why.append(
            Why(
                "called_router",
                {
                    "text": next(iter(found.names), "")
                    or next((s.said for s in found.services if _ROUTER.search(s.said)), "")
                },
            )
        )
    sure = Confidence.HIGH if found.gateway or igd else Confidence.MEDIUM if routes or called else Confidence.LOW
    if its is not None:
        return Proposal(
            found.address,
            tuple(why),
            sure,
            "site",
            Driver.SNMP,
            _where(found.address, its.port, 161),
            {"mapping": ["router"]},
            "router",
        )
    return Proposal(found.address, tuple(why), sure, "site", Driver.ICMP, found.address, part="router")


def _modbus(found: Found) -> Proposal | None:
    its = found.of("modbus")
    if its is None:
        return None
    pump = bool(_PUMP.search(found.words()))
    why = (Why("modbus", {"text": its.said}), Why("registers"))
    target = _where(found.address, its.port, 502)
    sure = Confidence.MEDIUM if its.said else Confidence.LOW
    return Proposal(
        found.address,
        why,
        sure,
        "water_pump" if pump else "site",
        Driver.MODBUS,
        target,
        part="" if pump else "meter",
        model=its.said,
    )


def _page(found: Found) -> Proposal | None:
    """The weakest sign of all: nearly everything has a page."""
    its = found.of("http")
    if its is None or its.detail.get("status", "")[:1] == "5" or _is_none_of_ours(found):
        return None
    scheme, status = its.detail.get("scheme", "http"), its.detail["status"]
    settings: dict[str, Any] = {"trust": False} if scheme == "https" else {}
    if not 200 <= int(status) < 400:
        settings["status"] = [int(status)]
    target = f"{scheme}://{_where(found.address, its.port, 443 if scheme == 'https' else 80)}/"
    return Proposal(
        found.address,
        (Why("page", {"text": its.said}),),
        Confidence.LOW,
        "ecommerce_point",
        Driver.HTTP,
        target,
        settings,
    )


def _ups_by_nut(found: Found) -> Proposal | None:
    its = found.of("nut")
    if its is None:
        return None
    name = its.detail.get("ups", "")
    settings = {"ups": name} if name else {}  # as `ups@host` a fleet file would take it for somebody's name
    target = _where(found.address, its.port, 3493)
    return Proposal(
        found.address,
        (Why("nut", {"text": its.said or name}),),
        Confidence.HIGH,
        "site",
        Driver.NUT,
        target,
        settings,
        part="ups",
    )


_ONVIF_PATH = "/onvif/device_service"
_FIRST = (_video, _atm, _power, _router, _terminal, _modbus, _page)
_BESIDE = (_ups_by_nut,)


def _is_none_of_ours(found: Found) -> bool:
    """A printer, an exchange, a broker: it has a page, and is none of our kinds."""
    return _what_else(found) is not None


def _what_else(found: Found) -> Why | None:
    exchange = found.of("sip")
    if exchange is not None and _PBX.search(exchange.said):
        return Why("pbx", {"text": exchange.said})
    if found.ports & {631, 9100} or any(each.detail.get("service") == "_ipp._tcp" for each in found.services):
        return Why("printer")
    if found.of("mqtt") is not None:
        return Why("broker")
    if found.of("nut") is not None:
        return Why("nut_server")
    return None


def _nobody(found: Found) -> Proposal:
    """Somebody is there, and what it is is not known."""
    else_ = _what_else(found)
    if else_ is not None:
        return Proposal(found.address, (else_,))
    said = next((each for each in found.services if each.said), None)
    if said is not None:
        return Proposal(found.address, (Why("says", {"protocol": said.protocol.upper(), "text": said.said}),))
    if found.ports:
        return Proposal(found.address, (Why("ports", {"text": ", ".join(map(str, sorted(found.ports)))}),))
    return Proposal(found.address, (Why("there"),))


def _where(address: str, port: int, usual: int) -> str:
    host = f"[{address}]" if ":" in address else address
    return host if port == usual else f"{host}:{port}"
