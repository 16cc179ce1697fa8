"""Simulated cameras and recorders on ONVIF: SOAP over HTTP, UsernameToken or HTTP digest, and their troubles."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from xml.etree.ElementTree import XMLParser
from xml.sax.saxutils import escape

from shouwang.clock import wall_ms

_HEAD_BYTES_MAX = 8_192
_BODY_BYTES_MAX = 65_536
_OPEN = ("GetSystemDateAndTime", "GetServices", "GetCapabilities", "GetHostname")
_PARAMETER = re.compile(r'(\w+)="?([^",]*)"?')
_NAMESPACES = " ".join(
    f'xmlns:{prefix}="{uri}"'
    for prefix, uri in {
        "s": "http://www.w3.org/2003/05/soap-envelope",
        "tds": "http://www.onvif.org/ver10/device/wsdl",
        "trt": "http://www.onvif.org/ver10/media/wsdl",
        "tse": "http://www.onvif.org/ver10/search/wsdl",
        "tev": "http://www.onvif.org/ver10/events/wsdl",
        "tt": "http://www.onvif.org/ver10/schema",
        "ter": "http://www.onvif.org/ver10/error",
        "wsa5": "http://www.w3.org/2005/08/addressing",
        "wsnt": "http://docs.oasis-open.org/wsn/b-2",
        "tns1": "http://www.onvif.org/ver10/topics",
    }.items()
)
_SERVICES = {"device": "device", "media": "media", "search": "search", "events": "events"}


class Trouble(StrEnum):
    """How a device fails on the wire."""

    NONE = ""
    SILENT = "silent"  # it accepts and says nothing
    HALF = "half"  # half an answer, then nothing
    GARBAGE = "garbage"  # something that is no SOAP
    BOMB = "bomb"  # XML whose entities would fill the memory
    HUGE = "huge"  # a body of gigabytes, announced
    ERROR = "error"  # 503


@dataclass
class Device:
    """One device at an address of its own. Everything may be changed while it runs."""

    host: str = "127.0.0.1"
    port: int = 0
    user: str = "admin"
    password: str = "admin"  # noqa: S105
    stream: str = "rtsp://127.0.0.1:8554/live/1"
    channels: int = 1
    oldest_days: float | None = None  # of its recordings; None: it keeps none, and has no search service
    recorded_until_s: float = 30.0  # ago, the end of its newest recording
    disk_fails: bool = False
    ahead_s: float = 0.0  # its clock
    digest_only: bool = False  # HTTP digest, as some firmware wants
    knows_services: bool = True  # else only GetCapabilities
    open_clock: bool = True  # else it wants a user even for its clock
    wrong_host: str = ""  # what it takes its own address to be, behind a router
    trouble: Trouble = Trouble.NONE
    asked: list[str] = field(default_factory=list)

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, self.host, self.port, limit=_HEAD_BYTES_MAX)
        self.port = self._server.sockets[0].getsockname()[1]
        self._open: set[asyncio.Task[None]] = set()

    async def stop(self) -> None:
        """Unplugs it."""
        self._server.close()
        waiting = list(self._open)
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)

    @property
    def target(self) -> str:
        return f"{self.host}:{self.port}"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                first, *lines = head.split("\r\n")
                headers = {n.strip().lower(): v.strip() for n, _, v in (line.partition(":") for line in lines)}
                length = int(headers.get("content-length", "0"))
                if length > _BODY_BYTES_MAX:
                    return
                body = await reader.readexactly(length)
                if self.trouble is Trouble.SILENT:
                    await asyncio.Event().wait()
                said = self._answer(first.split(" ")[1], headers, body)
                if self.trouble is Trouble.HALF:
                    writer.write(said[: len(said) // 2])
                    await asyncio.Event().wait()
                writer.write(said)
                await writer.drain()
                if headers.get("connection", "").lower() == "close":
                    return
        except (ConnectionError, asyncio.CancelledError, asyncio.IncompleteReadError, ValueError):
            pass
        finally:
            self._open.discard(task)
            writer.close()

    def _answer(self, path: str, headers: dict[str, str], body: bytes) -> bytes:
        if self.trouble is Trouble.GARBAGE:
            return _http("200 OK", b"<html>welcome</html>")
        if self.trouble is Trouble.BOMB:
            return _http("200 OK", _bomb())
        if self.trouble is Trouble.HUGE:
            return b"HTTP/1.1 200 OK\r\nContent-Length: 4000000000\r\n\r\n<"
        if self.trouble is Trouble.ERROR:
            return _http("503 Service Unavailable", b"busy")
        request = _Request(body)
        self.asked.append(request.name)
        is_open = request.name in _OPEN and (self.open_clock or request.name != "GetSystemDateAndTime")
        if not is_open and not self._lets_in(path, headers, request):
            if self.digest_only:
                more = 'WWW-Authenticate: Digest realm="onvif", nonce="n0nce", qop="auth"\r\n'
                return _http("401 Unauthorized", b"", more)
            return _http("400 Bad Request", _fault("ter:NotAuthorized", "The sender is not authorized"))
        if request.name == "GetServices" and not self.knows_services:
            return _http("400 Bad Request", _fault("ter:ActionNotSupported", "Optional action is not implemented"))
        answered = self._respond(request)
        if answered is None:
            return _http("400 Bad Request", _fault("ter:ActionNotSupported", "Optional action is not implemented"))
        return _http("200 OK", _envelope(answered))

    def _lets_in(self, path: str, headers: dict[str, str], request: _Request) -> bool:
        if not self.user:
            return True
        if self.digest_only:
            given = dict(_PARAMETER.findall(headers.get("authorization", "").partition(" ")[2]))
            if given.get("username") != self.user or given.get("uri") != path:
                return False
            secret, what = _md5(f"{self.user}:onvif:{self.password}"), _md5(f"POST:{path}")
            return given.get("response") == _md5(f"{secret}:n0nce:{given.get('nc')}:{given.get('cnonce')}:auth:{what}")
        created = request.texts.get("Created", "")
        try:
            nonce = base64.b64decode(request.texts.get("Nonce", ""))
            off_s = abs((datetime.fromisoformat(created) - self._now()).total_seconds())
        except (ValueError, TypeError):
            return False
        wanted = hashlib.sha1(nonce + created.encode() + self.password.encode(), usedforsecurity=False).digest()
        # As real firmware does: a token that is minutes off its own clock is a wrong one.
        return (
            request.texts.get("Username") == self.user
            and request.texts.get("Password") == base64.b64encode(wanted).decode("ascii")
            and off_s < 60
        )

    def _now(self) -> datetime:
        return datetime.fromtimestamp(wall_ms() / 1000, UTC) + timedelta(seconds=self.ahead_s)

    def _address(self, service: str) -> str:
        return f"http://{self.wrong_host or self.host}:{self.port}/onvif/{_SERVICES[service]}_service"

    def _respond(self, request: _Request) -> str | None:
        respond = getattr(self, f"_say_{request.name}", None)
        if respond is None:
            return None
        said = respond()
        return None if said is None else str(said)

    # --- what it says, by the name of the request

    def _say_GetSystemDateAndTime(self) -> str:  # noqa: N802
        now = self._now()
        return (
            "<tds:GetSystemDateAndTimeResponse><tds:SystemDateAndTime><tt:DateTimeType>NTP</tt:DateTimeType>"
            "<tt:DaylightSavings>false</tt:DaylightSavings><tt:TimeZone><tt:TZ>CST-8</tt:TZ></tt:TimeZone>"
            f"<tt:UTCDateTime><tt:Time><tt:Hour>{now.hour}</tt:Hour><tt:Minute>{now.minute}</tt:Minute>"
            f"<tt:Second>{now.second}</tt:Second></tt:Time><tt:Date><tt:Year>{now.year}</tt:Year>"
            f"<tt:Month>{now.month}</tt:Month><tt:Day>{now.day}</tt:Day></tt:Date></tt:UTCDateTime>"
            "</tds:SystemDateAndTime></tds:GetSystemDateAndTimeResponse>"
        )

    def _say_GetDeviceInformation(self) -> str:  # noqa: N802
        return (
            "<tds:GetDeviceInformationResponse><tds:Manufacturer>Simulated</tds:Manufacturer>"
            f"<tds:Model>{'NVR-8' if self.channels > 1 else 'Cam-1'}</tds:Model>"
            "<tds:FirmwareVersion>1.0.3</tds:FirmwareVersion><tds:SerialNumber>SIM0001</tds:SerialNumber>"
            "<tds:HardwareId>1</tds:HardwareId></tds:GetDeviceInformationResponse>"
        )

    def _named(self) -> dict[str, str]:
        names = {"device": "ver10/device", "media": "ver10/media", "events": "ver10/events"}
        return names | ({"search": "ver10/search"} if self.oldest_days is not None else {})

    def _say_GetServices(self) -> str:  # noqa: N802
        services = "".join(
            f"<tds:Service><tds:Namespace>http://www.onvif.org/{uri}/wsdl</tds:Namespace>"
            f"<tds:XAddr>{self._address(name)}</tds:XAddr><tds:Version><tt:Major>2</tt:Major><tt:Minor>60</tt:Minor>"
            "</tds:Version></tds:Service>"
            for name, uri in self._named().items()
        )
        return f"<tds:GetServicesResponse>{services}</tds:GetServicesResponse>"

    def _say_GetCapabilities(self) -> str:  # noqa: N802
        def part(name: str, service: str, more: str = "") -> str:
            return f"<tt:{name}><tt:XAddr>{self._address(service)}</tt:XAddr>{more}</tt:{name}>"

        flags = "".join(
            f"<tt:{flag}>false</tt:{flag}>"
            for flag in (
                "WSSubscriptionPolicySupport",
                "WSPullPointSupport",
                "WSPausableSubscriptionManagerInterfaceSupport",
            )
        )
        search = "<tt:MetadataSearch>false</tt:MetadataSearch>"
        extension = f"<tt:Extension>{part('Search', 'search', search)}</tt:Extension>" if self.oldest_days else ""
        return (
            f"<tds:GetCapabilitiesResponse><tds:Capabilities>{part('Device', 'device')}"
            f"{part('Events', 'events', flags)}{part('Media', 'media', '<tt:StreamingCapabilities/>')}{extension}"
            "</tds:Capabilities></tds:GetCapabilitiesResponse>"
        )

    def _say_GetVideoSources(self) -> str:  # noqa: N802
        sources = "".join(
            f'<trt:VideoSources token="source{number}"><tt:Framerate>25</tt:Framerate><tt:Resolution>'
            "<tt:Width>1920</tt:Width><tt:Height>1080</tt:Height></tt:Resolution></trt:VideoSources>"
            for number in range(self.channels)
        )
        return f"<trt:GetVideoSourcesResponse>{sources}</trt:GetVideoSourcesResponse>"

    def _say_GetProfiles(self) -> str:  # noqa: N802
        profiles = "".join(
            f'<trt:Profiles token="profile{number}" fixed="true"><tt:Name>main {number}</tt:Name></trt:Profiles>'
            for number in range(self.channels)
        )
        return f"<trt:GetProfilesResponse>{profiles}</trt:GetProfilesResponse>"

    def _say_GetStreamUri(self) -> str:  # noqa: N802
        return (
            f"<trt:GetStreamUriResponse><trt:MediaUri><tt:Uri>{escape(self.stream)}</tt:Uri>"
            "<tt:InvalidAfterConnect>false</tt:InvalidAfterConnect><tt:InvalidAfterReboot>false"
            "</tt:InvalidAfterReboot><tt:Timeout>PT0S</tt:Timeout></trt:MediaUri></trt:GetStreamUriResponse>"
        )

    def _say_GetRecordingSummary(self) -> str | None:  # noqa: N802
        if self.oldest_days is None:
            return None
        now = self._now()
        began = (now - timedelta(days=self.oldest_days)).strftime("%Y-%m-%dT%H:%M:%SZ")
        until = (now - timedelta(seconds=self.recorded_until_s)).strftime("%Y-%m-%dT%H:%M:%SZ")
        return (
            f"<tse:GetRecordingSummaryResponse><tse:Summary><tt:DataFrom>{began}</tt:DataFrom>"
            f"<tt:DataUntil>{until}</tt:DataUntil>"
            f"<tt:NumberRecordings>{self.channels if self.oldest_days else 0}</tt:NumberRecordings></tse:Summary>"
            "</tse:GetRecordingSummaryResponse>"
        )

    def _say_GetStorageConfigurations(self) -> str | None:  # noqa: N802
        if self.oldest_days is None:
            return None
        disk = (
            '<tds:StorageConfigurations token="disk1"><tds:Data type="CVR"><tds:LocalPath>/disk1</tds:LocalPath>'
            "</tds:Data></tds:StorageConfigurations>"
        )
        return (
            f"<tds:GetStorageConfigurationsResponse>{disk if self.oldest_days else ''}"
            "</tds:GetStorageConfigurationsResponse>"
        )

    def _say_CreatePullPointSubscription(self) -> str:  # noqa: N802
        now = self._now().strftime("%Y-%m-%dT%H:%M:%SZ")
        return (
            "<tev:CreatePullPointSubscriptionResponse><tev:SubscriptionReference>"
            f"<wsa5:Address>{self._address('events')}?subscription=1</wsa5:Address></tev:SubscriptionReference>"
            f"<wsnt:CurrentTime>{now}</wsnt:CurrentTime><wsnt:TerminationTime>{now}</wsnt:TerminationTime>"
            "</tev:CreatePullPointSubscriptionResponse>"
        )

    def _say_PullMessages(self) -> str:  # noqa: N802
        now = self._now().strftime("%Y-%m-%dT%H:%M:%SZ")
        state = (
            "<wsnt:NotificationMessage>"
            '<wsnt:Topic Dialect="http://www.onvif.org/ver10/tev/topicExpression/ConcreteSet">'
            "tns1:Device/HardwareFailure/StorageFailure</wsnt:Topic><wsnt:Message>"
            f'<tt:Message UtcTime="{now}" PropertyOperation="Initialized"><tt:Source>'
            '<tt:SimpleItem Name="Token" Value="disk1"/></tt:Source><tt:Data>'
            f'<tt:SimpleItem Name="Failed" Value="{str(self.disk_fails).lower()}"/></tt:Data></tt:Message>'
            "</wsnt:Message></wsnt:NotificationMessage>"
        )
        return (
            f"<tev:PullMessagesResponse><tev:CurrentTime>{now}</tev:CurrentTime><tev:TerminationTime>{now}"
            f"</tev:TerminationTime>{state if self.oldest_days is not None else ''}</tev:PullMessagesResponse>"
        )

    def _say_Unsubscribe(self) -> str:  # noqa: N802
        return "<wsnt:UnsubscribeResponse/>"


class _Request:
    """The name of what is asked, and the texts of its elements by local name. No entity is resolved: expat's own limits
    hold for what a test sends."""

    def __init__(self, body: bytes) -> None:
        self.name = ""
        self.texts: dict[str, str] = {}
        self._path: list[str] = []
        self._said = ""
        parser = XMLParser(target=self)  # noqa: S314
        try:
            parser.feed(body)
            parser.close()
        except SyntaxError as error:
            raise ValueError("no XML") from error

    def start(self, tag: str, _attributes: dict[str, str]) -> None:
        name = tag.rpartition("}")[2]
        if self._path[-1:] == ["Body"]:
            self.name = name
        self._path.append(name)
        self._said = ""

    def end(self, _tag: str) -> None:
        self.texts[self._path.pop()] = self._said.strip()

    def data(self, text: str) -> None:
        self._said += text

    def close(self) -> None:
        """Nothing to give: it stands in the attributes."""


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def _http(status: str, body: bytes, more: str = "") -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/soap+xml; charset=utf-8\r\n{more}"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


def _envelope(inside: str) -> bytes:
    head = '<?xml version="1.0" encoding="UTF-8"?>'
    return f"{head}<s:Envelope {_NAMESPACES}><s:Body>{inside}</s:Body></s:Envelope>".encode()


def _fault(code: str, text: str) -> bytes:
    return _envelope(
        "<s:Fault><s:Code><s:Value>s:Sender</s:Value><s:Subcode>"
        f"<s:Value>{code}</s:Value></s:Subcode></s:Code><s:Reason>"
        f'<s:Text xml:lang="en">{text}</s:Text></s:Reason></s:Fault>'
    )


def _bomb() -> bytes:
    grown = "".join(f'<!ENTITY b{n} "{f"&b{n - 1};" * 10}">' for n in range(1, 9))
    return f'<?xml version="1.0"?><!DOCTYPE b [<!ENTITY b0 "bomb">{grown}]><s>&b8;</s>'.encode()
