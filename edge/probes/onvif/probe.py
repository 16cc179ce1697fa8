"""Asks a camera or recorder by ONVIF: its clock each time; its stream, recordings and disk less often."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from dataclasses import dataclass, field
from typing import Any

import msgspec

from edge.probes.onvif import meaning
from edge.probes.onvif.asking import Device, HttpError
from edge.probes.onvif.soap import DEVICE, EVENTS, MEDIA, SEARCH, Fault, NotSoapError
from edge.probing import Answer, Around, Probe, ProbeConfigError, host_and_port
from edge.sip.xml import Element
from shouwang.reasons import Reason, reason_of
from shouwang.vocabulary import Driver

_SHARED = "onvif"
_CHANNELS_MAX = 1_024
_STREAM = (
    "<StreamSetup><tt:Stream>RTP-Unicast</tt:Stream><tt:Transport><tt:Protocol>RTSP</tt:Protocol></tt:Transport>"
    "</StreamSetup><ProfileToken>{token}</ProfileToken>"
)
_STORAGE_TOPIC = (
    '<Filter><wsnt:TopicExpression xmlns:wsnt="http://docs.oasis-open.org/wsn/b-2" '
    'xmlns:tns1="http://www.onvif.org/ver10/topics" '
    'Dialect="http://www.onvif.org/ver10/tev/topicExpression/ConcreteSet">'
    "tns1:Device/HardwareFailure/StorageFailure</wsnt:TopicExpression></Filter>"
    "<InitialTerminationTime>PT60S</InitialTerminationTime>"
)


class OnvifSettings(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """`user` and `password` (as `secret:NAME`); without them a device tells little but its clock. `path`: of its device
    service. `slow_every_s`: how often what changes slowly is asked. `secure`: by TLS (its certificate is not checked:
    cameras sign their own)."""

    user: str = ""
    password: str = ""
    path: str = "/onvif/device_service"
    secure: bool = False
    slow_every_s: float = 600.0


@dataclass(slots=True)
class _Known:
    """What changes slowly, of one device, and when it was asked."""

    asked_s: float
    fields: dict[str, Any] = field(default_factory=dict)
    reason: Reason | str = ""


@dataclass(slots=True)
class _AllKnown:
    """Of all devices of an agent; probes are made anew with each configuration."""

    by_target: dict[str, _Known] = field(default_factory=dict)

    def close(self) -> None:
        """Nothing is open."""


class OnvifProbe(Probe):
    """Target: `host[:port]`."""

    driver = Driver.ONVIF
    Settings = OnvifSettings

    def __init__(self, target: str, settings: Any, around: Around) -> None:
        super().__init__(target, settings, around)
        self._host, self._port = host_and_port(target, 443 if settings.secure else 80)
        if meaning.path_of(settings.path) != settings.path:
            raise ProbeConfigError(f"path {settings.path!r}: expected one as /onvif/device_service")

    async def ask(self, timeout_s: float) -> Answer:
        """`reachable` when it answers SOAP at all, even by a refusal; `latency_ms` is that of GetSystemDateAndTime."""
        try:
            async with asyncio.timeout(timeout_s):
                address = await self.around.allowed.resolve(self._host, self._port)
                secure = _unchecked_tls() if self.settings.secure else None
                device = Device(address, self._port, self._host, self.settings.user, self.settings.password, secure)
                return await self._ask(device)
        except TimeoutError:
            return Answer(False, reason=Reason("no_answer", {"s": timeout_s}))
        except HttpError as error:
            return Answer(
                False, reason=Reason("status_text", {"request": "ONVIF", "status": error.status, "text": error.text})
            )
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, NotSoapError, ValueError) as error:
            return Answer(False, reason=Reason("not_spoken", {"protocol": "ONVIF", "text": str(error)[:120]}))
        except OSError as error:
            return Answer(False, reason=reason_of(error))

    async def _ask(self, device: Device) -> Answer:
        clock = self.around.clock
        sent = clock.now()
        response = None
        for signed in (False, True):  # some want a user even for their clock, and then say what time they take it to be
            if signed and not self.settings.user:
                break
            sent = clock.now()
            with contextlib.suppress(Fault):
                response = await device.call(
                    self.settings.path, DEVICE, "GetSystemDateAndTime", sent.wall_ms, signed=signed
                )
                break
        now = clock.now()
        latency_ms = (now.mono_s - sent.mono_s) * 1000
        fields: dict[str, Any] = {}
        told_ms = meaning.clock_of(response) if response is not None else None
        if told_ms is not None:
            # It tells whole seconds: on average half a second more has passed on its clock.
            device.offset_ms = told_ms + 500 - (sent.wall_ms + now.wall_ms) / 2
            fields["clock_offset_ms"] = round(device.offset_ms)
        known = await self._slowly(device)
        return Answer(True, latency_ms, fields | known.fields, known.reason)

    async def _slowly(self, device: Device) -> _Known:
        shared = self.around.shared.setdefault(_SHARED, _AllKnown())
        assert isinstance(shared, _AllKnown)
        now_s = self.around.clock.now().mono_s
        known = shared.by_target.get(self.target)
        if known is None or known.reason or now_s - known.asked_s >= self.settings.slow_every_s:
            known = _Known(now_s)
            try:
                known.fields = await self._ask_slowly(device)
            except Fault as fault:
                whose: dict[str, str | int | float] = {"status": fault.code, "text": fault.text}
                known.reason = Reason("login_refused" if self.settings.user else "login_asked", whose)
                if not fault.is_refusal:
                    known.reason = Reason("answered", {"text": str(fault)})
            shared.by_target[self.target] = known
        return known

    async def _ask_slowly(self, device: Device) -> dict[str, Any]:
        """Raises Fault when it refuses its own name, which every device tells to whom it lets in."""
        fields: dict[str, Any] = {}
        told = await self._call(device, self.settings.path, DEVICE, "GetDeviceInformation")
        fields["model"] = f"{told.said('Manufacturer')} {told.said('Model')}".strip()[:64]
        fields["firmware"] = told.said("FirmwareVersion")[:64]
        services = await self._services(device)
        if path := services.get(MEDIA):
            fields |= await self._stream(device, path)
        if path := services.get(SEARCH):
            with contextlib.suppress(Fault):
                summary = await self._call(device, path, SEARCH, "GetRecordingSummary")
                fields |= meaning.recordings_of(summary, round(self._now_ms() + device.offset_ms))
        with contextlib.suppress(Fault):
            storages = await self._call(device, self.settings.path, DEVICE, "GetStorageConfigurations")
            if not storages.every("StorageConfigurations") and fields.get("oldest_recording_days") == 0:
                fields["disk_status"] = "none"  # by itself the list says little: many leave their own disk out
        if path := services.get(EVENTS):
            with contextlib.suppress(Fault):
                if state := await self._storage_trouble(device, path):
                    fields["disk_status"] = state
        return fields

    async def _services(self, device: Device) -> dict[str, str]:
        with contextlib.suppress(Fault):
            inside = "<IncludeCapability>false</IncludeCapability>"
            return meaning.services_of(await self._call(device, self.settings.path, DEVICE, "GetServices", inside))
        with contextlib.suppress(Fault):
            inside = "<Category>All</Category>"
            named = meaning.capabilities_of(
                await self._call(device, self.settings.path, DEVICE, "GetCapabilities", inside)
            )
            by_name = {"media": MEDIA, "search": SEARCH, "events": EVENTS}
            return {by_name[name]: path for name, path in named.items() if name in by_name}
        return {}

    async def _stream(self, device: Device, path: str) -> dict[str, Any]:
        """Channels, and the reason of a fault where the first profile has no stream."""
        fields: dict[str, Any] = {}
        with contextlib.suppress(Fault):
            sources = await self._call(device, path, MEDIA, "GetVideoSources")
            fields["channels_total"] = min(_CHANNELS_MAX, len(sources.every("VideoSources")))
        with contextlib.suppress(Fault):
            profiles = await self._call(device, path, MEDIA, "GetProfiles")
            tokens = [each.attributes.get("token", "") for each in profiles.every("Profiles")]
            if tokens and _is_plain(tokens[0]):
                told = await self._call(device, path, MEDIA, "GetStreamUri", _STREAM.format(token=tokens[0]))
                address = told.find("MediaUri")
                fields["stream_path"] = meaning.path_of(address.said("Uri"))[:256] if address is not None else ""
        return fields

    async def _storage_trouble(self, device: Device, path: str) -> str:
        """Asks for the present state of "a disk fails", by a subscription that is ended at once."""
        made = await self._call(device, path, EVENTS, "CreatePullPointSubscription", _STORAGE_TOPIC)
        reference = made.find("SubscriptionReference")
        where = meaning.path_of(reference.said("Address")) if reference is not None else ""
        if not where:
            return ""
        inside = "<Timeout>PT1S</Timeout><MessageLimit>16</MessageLimit>"
        try:
            return meaning.storage_trouble_of(await self._call(device, where, EVENTS, "PullMessages", inside))
        finally:
            with contextlib.suppress(Fault, NotSoapError, HttpError, OSError, asyncio.IncompleteReadError):
                await self._call(device, where, "http://docs.oasis-open.org/wsn/b-2", "Unsubscribe")

    async def _call(self, device: Device, path: str, namespace: str, request: str, inside: str = "") -> Element:
        return await device.call(path, namespace, request, self._now_ms(), inside)

    def _now_ms(self) -> int:
        return self.around.clock.now().wall_ms


def _is_plain(token: str) -> bool:
    """Whether a token of the device's can be said back as it is."""
    return bool(token) and len(token) <= 64 and token.isascii() and not set(token) & set("<>&'\"")


def _unchecked_tls() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context
