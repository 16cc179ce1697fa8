"""Receives SCAIP: SIP MESSAGEs with an XML body, heartbeats and alarms of social alarm terminals."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Coroutine, Sequence
from typing import Any, Literal

import msgspec

from edge.hearing import Heard, Listened, Listener, Say, is_kept
from edge.probes.scaip.document import CONTENT_TYPE, CONTENT_TYPES, DocumentError, Mrq, Status, read_mrq, write_mrs
from edge.probes.scaip.meaning import meaning_of
from edge.probing import Around
from edge.remembered import Memory
from edge.rows import Repeat
from edge.sip import Digest, Gate, Received, Response, SipPort, join_all
from shouwang.vocabulary import Driver

_log = logging.getLogger("edge.scaip")

_REPEAT_S = 900.0
_REPLY_S = 32.0
_REPLIES_MAX = 64
_GRANTED_S = 300


class ScaipSettings(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """`password`: it must prove it (digest); `address`: it must speak from there. `reply`: how it wants our answer, as
    a MESSAGE of its own (usual) or in the body of the 200 (`response`)."""

    password: str = ""
    address: str = ""
    reply: Literal["message", "response"] = "message"


class ScaipOptions(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """`[scaip]` of listen.toml. The port is shared with `sip` and `gbt28181` where the numbers are the same.
    `digests`: what a terminal may prove its password by, in the order in which it is offered."""

    bind: str | tuple[str, ...] = ()
    port: int = 5060
    realm: str = "shouwang"
    digests: tuple[Literal["MD5", "SHA-256"], ...] = ("MD5",)


class ScaipListener(Listener):
    """Hears the terminals on its list by their controller's number (`cid`, and the user of their From)."""

    driver = Driver.SCAIP
    Settings = ScaipSettings
    Options = ScaipOptions

    def __init__(self, options: Any, around: Around, say: Say) -> None:
        super().__init__(options, around, say)
        self._options: ScaipOptions = options
        self._around, self._say = around, say
        self._gate = Gate(Digest(options.realm, options.digests))
        self._ports: list[SipPort] = []
        self._devices: dict[str, Listened] = {}
        self._known = Memory(around.state_directory / "heard-scaip.json")
        self._replies: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Opens the port on each address. Raises OSError."""
        self._ports = await join_all(self._around, self.places.find(), self._options.port, self)

    def watch(self, devices: Sequence[Listened]) -> None:
        self._devices = {device.target.strip(): device for device in devices}
        self._known.keep_only({device.device for device in devices})

    async def stop(self) -> None:
        for port in self._ports:
            port.leave(self)
        self._ports.clear()
        for task in self._replies:
            task.cancel()
        await asyncio.gather(*self._replies, return_exceptions=True)

    # --- as an Answerer

    def wants(self, got: Received) -> bool:
        if got.request.method == "REGISTER":
            return got.user in self._devices
        if got.request.method != "MESSAGE" or got.request.content_type not in CONTENT_TYPES:
            return False
        return got.request.content_type == CONTENT_TYPE or got.user in self._devices

    def answer(self, got: Received) -> Response | Coroutine[Any, Any, Response]:
        if got.request.method == "REGISTER":
            return self._register(got)
        try:
            mrq = read_mrq(got.request.body)
        except DocumentError as error:
            device = self._devices.get(got.user)
            _log.warning("unreadable from=%s device=%s reason=%r", got.peer.where, _name(device), str(error))
            if device is None:
                return got.answer(400, "Bad Request")
            return self._refusal(got, device) or self._reply(got, device, error.ref, error.status)
        device = self._devices.get(mrq.controller) or self._devices.get(got.user)
        if device is None:
            return got.port.nobody(got)
        refusal = self._refusal(got, device, mrq.controller)
        if refusal is not None:
            return refusal
        told = self._hear(got, device, mrq)
        if told is not None:
            return self._reply_when_kept(got, device, mrq, told)
        return self._reply(got, device, mrq.ref, Status.OK)

    async def _reply_when_kept(self, got: Received, device: Listened, mrq: Mrq, told: Awaitable[bool]) -> Response:
        """A terminal that is told that its call was taken presses on nobody else: so it must be on the disk."""
        if await is_kept(told):
            return self._reply(got, device, mrq.ref, Status.OK)
        return got.answer(503, "Service Unavailable")

    def _register(self, got: Received) -> Response:
        device = self._devices[got.user]
        refusal = self._refusal(got, device)
        if refusal is not None:
            return refusal
        self._say_reading(device, got.at_s)
        contact = [("contact", value) for value in got.request.every("contact")[:1]]
        return got.answer(200, "OK", *contact, ("expires", str(_GRANTED_S)))

    def _refusal(self, got: Received, device: Listened, controller: str = "") -> Response | None:
        settings: ScaipSettings = device.settings
        if settings.address and got.peer.host != settings.address:
            return self._gate.refuse(got, device.device, "it speaks from another address")
        users = {device.target, got.user, controller} - {""}
        return self._gate.check(got, device.device, users, settings.password)

    # --- what was heard

    def _hear(self, got: Received, device: Listened, mrq: Mrq) -> Awaitable[bool] | None:
        """What tells whether its event is kept; None where it is none."""
        meaning = meaning_of(mrq)
        known = self._known.get(device.device)
        if meaning.fields:
            known |= meaning.fields
            self._known.put(device.device, known)
        event = meaning.event
        fields = {"reachable": True, "last_heard_age_ms": 0} | known
        told = self._say(Heard(device.device, got.at_s, fields, event, meaning.detail, _repeat(mrq) if event else None))
        if event:
            _log.info("device=%s event=%s ref=%s", device.device, event, mrq.ref)
        return told if event else None

    def _say_reading(self, device: Listened, at_s: float) -> None:
        known = self._known.get(device.device)
        self._say(Heard(device.device, at_s, {"reachable": True, "last_heard_age_ms": 0} | known))

    # --- what it is told

    def _reply(self, got: Received, device: Listened, ref: str, status: Status) -> Response:
        body = write_mrs(ref, status)
        if device.settings.reply == "response":
            return got.answer(200, "OK", ("content-type", CONTENT_TYPE), body=body)
        if len(self._replies) < _REPLIES_MAX:
            self._spawn(self._send_reply(got, device, body))
        return got.answer(200, "OK")

    async def _send_reply(self, got: Received, device: Listened, body: bytes) -> None:
        user = got.user or device.target
        uri = f"sip:{user}@{got.peer.where}"
        try:
            async with asyncio.timeout(_REPLY_S):
                more = [("content-type", CONTENT_TYPE)]
                answer = await got.port.ask("MESSAGE", uri, got.peer, from_user="shouwang", more=more, body=body)
        except (TimeoutError, OSError) as error:
            _log.info("reply not taken device=%s reason=%r", device.device, str(error) or "no answer")
        else:
            if answer.status >= 300:
                _log.info("reply not taken device=%s status=%d", device.device, answer.status)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._replies.add(task)
        task.add_done_callback(self._replies.discard)


def _repeat(mrq: Mrq) -> Repeat:
    """A terminal that gets no answer sends the same again, in a new transaction but with the same `ref`; much later
    the same reference is another call."""
    return Repeat(f"scaip {mrq.ref} {mrq.kind} {mrq.status}", _REPEAT_S)


def _name(device: Listened | None) -> str:
    return device.device if device else "?"
