"""The registrar's view (RFC 3261, 10): devices register with the agent; each REGISTER is heard, each end is said."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Any, Literal

import msgspec

from edge.hearing import Heard, Listened, Listener
from edge.probes.sip.book import Binding, shared_book
from edge.probes.sip.settings import Place, SipSettings, place_of
from edge.probing import Around, ProbeConfigError
from edge.sip import Digest, Gate, Received, Response, SipPort, join_all, user_in
from edge.sip.message import parameters, uri_text
from shouwang.vocabulary import Driver

_log = logging.getLogger("edge.sip")

_SHORTEST_S = 60
_GRACE_S = 5.0
"""A refresh that is a little late is none that failed."""


class SipOptions(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """`[sip]` of listen.toml. `bind`: addresses; left out, those in allowed networks. `realm`: shown to devices that
    register; `digests`: what they may prove their password by, in the order in which it is offered."""

    bind: str | tuple[str, ...] = ()
    port: int = 5060
    realm: str = "shouwang"
    digests: tuple[Literal["MD5", "SHA-256"], ...] = ("MD5",)


class SipListener(Listener):
    """Accepts the registrations of the devices on its list. It grants short ones (`register_s`), so that a device must
    speak at least so often, and a pulled plug shows."""

    driver = Driver.SIP
    Settings = SipSettings
    Options = SipOptions

    def __init__(self, options: Any, around: Around, say: Callable[[Heard], None]) -> None:
        super().__init__(options, around, say)
        self._options: SipOptions = options
        self._around, self._say = around, say
        self._book = shared_book(around)
        self._gate = Gate(Digest(options.realm, options.digests))
        self._ports: list[SipPort] = []
        self._devices: dict[str, tuple[Listened, Place]] = {}
        self._ends: dict[str, asyncio.TimerHandle] = {}

    @classmethod
    def hears(cls, settings: Any) -> bool:
        return bool(settings.look != "ask")

    async def start(self) -> None:
        """Opens the port on each address. Raises OSError."""
        self._ports = await join_all(self._around, self.places.find(), self._options.port, self)
        self._book.since_s = self._around.clock.now().mono_s

    def watch(self, devices: Sequence[Listened]) -> None:
        """Registrations of devices that stay are kept."""
        self._devices = {}
        for device in devices:
            try:
                place = place_of(device.target, device.settings)
            except ProbeConfigError as error:
                _log.warning("not listened for device=%s reason=%r", device.device, str(error))
                continue
            if device.settings.look != "ask":
                self._devices[place.user] = (device, place)
        for user in self._book.bindings.keys() - self._devices.keys():
            del self._book.bindings[user]
            self._end_at(user, None)

    async def stop(self) -> None:
        for port in self._ports:
            port.leave(self)
        self._ports.clear()
        self._book.since_s = None
        for handle in self._ends.values():
            handle.cancel()
        self._ends.clear()

    # --- as an Answerer

    def wants(self, got: Received) -> bool:
        return got.request.method == "REGISTER" and _address_of_record(got) in self._devices

    def answer(self, got: Received) -> Response:
        user = _address_of_record(got)
        device = self._devices[user][0]
        settings: SipSettings = device.settings
        refusal = self._gate.check(got, device.device, [user], settings.password)
        if refusal is not None:
            return refusal
        return self._register(got, user, device)

    def _register(self, got: Received, user: str, device: Listened) -> Response:
        granted_s = device.settings.register_s or max(_SHORTEST_S, round(2 * device.interval_s))
        contacts = got.request.every("contact")
        known = self._book.bindings.get(user)
        if not contacts:  # it only asks what we know (10.2.3)
            self._hear(device, got.at_s, known is not None and known.until_s > got.at_s)
            return got.answer(200, "OK", *([("contact", f"<{known.uri}>")] if known else []))
        asked = parameters(contacts[0]).get("expires") or got.request.first("expires") or str(granted_s)
        seconds = min(granted_s, int(asked)) if asked.isdecimal() and len(asked) < 11 else granted_s
        uri = f"sip:{user}@{got.peer.where}"
        self._book.bindings[user] = Binding(got.peer, uri, got.at_s, got.at_s + seconds, got.port)
        self._end_at(user, seconds + _GRACE_S if seconds else None)
        self._hear(device, got.at_s, seconds > 0)
        if not seconds:
            return got.answer(200, "OK")
        bound = uri_text(contacts[0]) or uri
        return got.answer(200, "OK", ("contact", f"<{bound}>;expires={seconds}"), ("expires", str(seconds)))

    def _hear(self, device: Listened, at_s: float, registered: bool) -> None:
        fields = {"reachable": True, "registered": registered, "last_heard_age_ms": 0}
        self._say(Heard(device.device, at_s, fields))

    def _end_at(self, user: str, after_s: float | None) -> None:
        handle = self._ends.pop(user, None)
        if handle is not None:
            handle.cancel()
        if after_s is not None:
            self._ends[user] = asyncio.get_running_loop().call_later(after_s, self._ended, user)

    def _ended(self, user: str) -> None:
        self._ends.pop(user, None)
        binding, found = self._book.bindings.get(user), self._devices.get(user)
        now_s = self._around.clock.now().mono_s
        if binding is None or found is None or binding.until_s > now_s:
            return
        age_ms = round((now_s - binding.heard_s) * 1000)
        _log.info("registration ran out device=%s last_heard_s=%d", found[0].device, age_ms // 1000)
        self._say(Heard(found[0].device, now_s, {"registered": False, "last_heard_age_ms": age_ms}))


def _address_of_record(got: Received) -> str:
    return user_in(got.request.first("to"))
