"""Receives GB/T 28181: devices register with the agent as with a platform, and keep telling that they are alive."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Coroutine, Sequence
from dataclasses import replace
from typing import Any

from edge.hearing import Heard, Listened, Listener, Say, is_kept
from edge.machine import plausible
from edge.probes.gbt28181.document import (
    CONTENT_TYPE,
    CONTENT_TYPES,
    Alarm,
    Command,
    Document,
    read_document,
    write_alarm_response,
)
from edge.probes.gbt28181.meaning import detail_of, event_of
from edge.probes.gbt28181.platform import Line, shared_platform
from edge.probes.gbt28181.settings import Gbt28181Options, Gbt28181Settings, code_of
from edge.probing import Around, ProbeConfigError
from edge.remembered import Memory
from edge.rows import Repeat
from edge.sip import Digest, Gate, Peer, Received, Response, SipPort, XmlError, join_all, user_in
from edge.sip.message import parameters, uri_text
from shouwang import clock
from shouwang.vocabulary import Driver

_log = logging.getLogger("edge.gbt28181")

_EXPIRES_S = (60, 86_400, 3_600)  # at least, at most, where it does not say
_QUERY_S = 8.0
_CATALOGUE_S = 30.0
_CATALOGUES_AT_ONCE = 4
_TELL_S = 8.0
_TASKS_MAX = 200
_REPEAT_S = 60.0
_TERMINALS = frozenset({"call_terminal", "clinic_terminal"})


class Gbt28181Listener(Listener):
    """The upper platform of the devices on its list. The keepalive is their sign of life; how often it must come and
    how many may fail is the collector's limit."""

    driver = Driver.GBT28181
    Settings = Gbt28181Settings
    Options = Gbt28181Options

    def __init__(self, options: Any, around: Around, say: Say) -> None:
        super().__init__(options, around, say)
        self._options: Gbt28181Options = options
        self._around, self._say = around, say
        self._platform = shared_platform(around)
        self._platform.code = options.code
        self._gate = Gate(Digest(options.realm or options.code[:10], ("MD5",)))  # what these devices know
        self._ports: list[SipPort] = []
        self._devices: dict[str, Listened] = {}
        self._proved = Memory(around.state_directory / "heard-gbt28181.json")
        self._tasks: set[asyncio.Task[None]] = set()
        self._asked_at_s: dict[str, float] = {}
        self._slots = asyncio.Semaphore(_CATALOGUES_AT_ONCE)

    async def start(self) -> None:
        """Opens the port on each address. Raises OSError."""
        self._ports = await join_all(self._around, self.places.find(), self._options.port, self)
        self._platform.listening = True

    def watch(self, devices: Sequence[Listened]) -> None:
        """What is known of devices that stay is kept."""
        self._devices = {}
        for device in devices:
            try:
                self._devices[code_of(device.target)] = device
            except ProbeConfigError as error:
                _log.warning("not listened for device=%s reason=%r", device.device, str(error))
        self._proved.keep_only(set(self._devices))
        for code in self._platform.lines.keys() - self._devices.keys():
            del self._platform.lines[code]
            self._platform.catalogues.pop(code, None)
            self._platform.ok.pop(code, None)
        self._asked_at_s = {code: at_s for code, at_s in self._asked_at_s.items() if code in self._devices}

    async def stop(self) -> None:
        self._platform.listening = False
        for port in self._ports:
            port.leave(self)
        self._ports.clear()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # --- as an Answerer

    def wants(self, got: Received) -> bool:
        if got.request.method == "REGISTER":
            return user_in(got.request.first("to")) in self._devices
        return (
            got.request.method == "MESSAGE"
            and got.request.content_type in CONTENT_TYPES
            and (got.user in self._devices or got.request.content_type == CONTENT_TYPES[0])
        )

    def answer(self, got: Received) -> Response | Coroutine[Any, Any, Response]:
        if got.request.method == "REGISTER":
            return self._register(got)
        device = self._devices.get(got.user)
        if device is None:
            return got.port.nobody(got)
        if not self._is_proved(got, device):
            return self._gate.refuse(got, device.device, "it has not registered from there")
        try:
            document = read_document(got.request.body)
        except XmlError as error:
            _log.warning("unreadable device=%s reason=%r", device.device, str(error))
            return got.answer(400, "Bad Request")
        self._line(got)
        if document.command is Command.ALARM and document.alarm is not None and document.root == "Notify":
            told = self._alarm(got, device, document.alarm)
            if told is not None:
                return self._alarm_kept(got, document, document.alarm, told)
            self._confirm(got, document)
        else:
            self._take(got, device, document)
        return got.answer(200, "OK")

    # --- registration

    def _register(self, got: Received) -> Response:
        code = user_in(got.request.first("to"))
        device = self._devices[code]
        refusal = self._gate.check(got, device.device, [code], device.settings.password)
        if refusal is not None:
            return refusal
        contact = got.request.first("contact")
        least_s, most_s, else_s = _EXPIRES_S
        asked = parameters(contact).get("expires") or got.request.first("expires") or str(else_s)
        seconds = int(asked) if asked.isdecimal() and len(asked) < 11 else else_s
        headers = (
            [("date", clock.shanghai(now.wall_ms).isoformat(timespec="milliseconds")[:23])]
            if plausible((now := self._around.clock.now()).wall_ms)
            else []
        )
        if seconds == 0:
            self._platform.lines.pop(code, None)
            self._say(Heard(device.device, got.at_s, {"registered": False, "last_heard_age_ms": 0}))
            _log.info("signed off device=%s", device.device)
            return got.answer(200, "OK", *headers)
        seconds = min(max(seconds, least_s), most_s)
        self._proved.put(code, {"host": got.peer.host})
        self._line(got)
        self._hear(got, code, device)
        self._ask_for_catalogue(code, device, got.at_s, now=True)
        bound = uri_text(contact) or f"sip:{code}@{got.peer.where}"
        return got.answer(200, "OK", *headers, ("contact", f"<{bound}>;expires={seconds}"), ("expires", str(seconds)))

    def _is_proved(self, got: Received, device: Listened) -> bool:
        """Messages carry no password: they are believed from where the device last proved its own."""
        return not device.settings.password or self._proved.get(got.user).get("host") == got.peer.host

    def _line(self, got: Received) -> None:
        code = got.user or user_in(got.request.first("to"))
        self._platform.lines[code] = Line(got.peer, got.port, got.at_s)

    # --- what was heard

    def _take(self, got: Received, device: Listened, document: Document) -> None:
        code = got.user
        if document.root == "Response":
            self._platform.answered(document)
        if document.command is Command.CATALOG and document.root == "Response":
            if self._platform.catalogue(code).take(document):
                self._hear(got, code, device)
            return
        if document.command is Command.KEEPALIVE:
            self._platform.catalogue(code).faulty = document.faulty
            if document.ok is not None:
                self._platform.ok[code] = document.ok
            self._ask_for_catalogue(code, device, got.at_s)
        self._hear(got, code, device)

    def _alarm(self, got: Received, device: Listened, alarm: Alarm) -> Awaitable[bool] | None:
        """What tells whether its event is kept; None where it is none."""
        code = got.user
        settings: Gbt28181Settings = device.settings
        event = event_of(alarm, terminal=device.kind in _TERMINALS, buttons=set(settings.buttons))
        if event:
            _log.info("device=%s event=%s source=%s", device.device, event, alarm.source)
            heard = self._said(got, code, device)
            repeat = Repeat(f"gbt28181 {alarm}", _REPEAT_S)
            return self._say(replace(heard, event=event, detail=detail_of(alarm), repeat=repeat))
        self._hear(got, code, device)
        return None

    async def _alarm_kept(self, got: Received, document: Document, alarm: Alarm, told: Awaitable[bool]) -> Response:
        if await is_kept(told):
            self._confirm(got, document)
            return got.answer(200, "OK")
        return got.answer(503, "Service Unavailable")

    def _confirm(self, got: Received, document: Document) -> None:
        body = write_alarm_response(document.sn, document.code)
        self._spawn(self._tell(got.user, got.peer, got.port, body))

    def _hear(self, got: Received, code: str, device: Listened) -> None:
        self._say(self._said(got, code, device))

    def _said(self, got: Received, code: str, device: Listened) -> Heard:
        fields: dict[str, Any] = {"reachable": True, "registered": True, "last_heard_age_ms": 0}
        fields |= self._platform.catalogue(code).fields()
        if code in self._platform.ok:
            fields["fault"] = not self._platform.ok[code]
        return Heard(device.device, got.at_s, fields)

    # --- what is asked

    def _ask_for_catalogue(self, code: str, device: Listened, now_s: float, *, now: bool = False) -> None:
        every_s = device.settings.catalogue_s
        if not every_s or device.kind in _TERMINALS:
            return
        last_s = self._asked_at_s.get(code)
        if last_s is not None and now_s - last_s < (_CATALOGUE_S if now else max(every_s, _CATALOGUE_S)):
            return
        self._asked_at_s[code] = now_s
        self._spawn(self._catalogue(code, device))

    async def _catalogue(self, code: str, device: Listened) -> None:
        async with self._slots:
            catalogue = self._platform.catalogue(code)
            if catalogue.missing:
                _log.info("catalogue incomplete device=%s; it is asked for again", device.device)
                catalogue.forget_under_way()
            try:
                async with asyncio.timeout(_QUERY_S):
                    response, document = await self._platform.query(Command.CATALOG, code)
                document.cancel()
            except (TimeoutError, LookupError, OSError) as error:
                _log.info("catalogue not given device=%s reason=%r", device.device, str(error) or "no answer")
            else:
                if response.status >= 300:
                    _log.info("catalogue not given device=%s status=%d", device.device, response.status)

    async def _tell(self, code: str, peer: Peer, port: SipPort, body: bytes) -> None:
        more = [("content-type", CONTENT_TYPE)]
        try:
            async with asyncio.timeout(_TELL_S):
                uri = f"sip:{code}@{peer.where}"
                await port.ask("MESSAGE", uri, peer, from_user=self._options.code, more=more, body=body)
        except (TimeoutError, OSError) as error:
            _log.debug("not told code=%s reason=%r", code, str(error) or "no answer")

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        if len(self._tasks) >= _TASKS_MAX:
            work.close()
            return
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
