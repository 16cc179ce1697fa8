"""How a question is wrapped and an answer unwrapped: by community (SNMPv1, v2c), or as a user (SNMPv3, RFC 3414)."""

from __future__ import annotations

import asyncio
import random
from abc import ABC, abstractmethod

from edge.probes.snmp import ber, pdu, usm
from edge.probes.snmp.ber import Cursor, MalformedError
from edge.probes.snmp.pdu import Pdu
from edge.probes.snmp.settings import SnmpSettings
from edge.probes.snmp.usm import AUTH, REPORTABLE, Keys, Message, NotAuthenticError
from shouwang.clock import Clock
from shouwang.reasons import Reason

_USM_STATS = "1.3.6.1.6.3.15.1.1."
_LEVEL, _WINDOW, _USER, _ENGINE, _DIGEST, _DECRYPTION = (f"{_USM_STATS}{n}.0" for n in range(1, 7))
_REFUSED = {
    _LEVEL: "this user speaks at another level: auth and priv",
    _USER: "unknown user",
    _DIGEST: "wrong auth_password or auth",
    _DECRYPTION: "wrong priv_password or priv",
}
_ASKED_AGAIN_MAX = 3


class RefusedError(Exception):
    """The device answers, and does not let us in."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(str(reason))
        self.reason = reason


class Talk(ABC):
    """Of one device."""

    async def prepare(self) -> None:
        """Done before a conversation begins."""
        return

    def silence(self) -> Exception:
        """What it means when nothing comes back."""
        return TimeoutError()

    @abstractmethod
    def write(self, question: bytes) -> bytes:
        """The datagram for a PDU."""

    @abstractmethod
    def read(self, data: bytes, request: int) -> Pdu | None:
        """The answer to the question `request`; None where the question is to be written anew and sent again. Raises
        MalformedError for what is no answer to it, RefusedError."""


class ByCommunity(Talk):
    """SNMPv1 and v2c."""

    def __init__(self, settings: SnmpSettings) -> None:
        self._version = 0 if settings.version == "1" else 1
        self._community = settings.community.encode()

    def write(self, question: bytes) -> bytes:
        return ber.tlv(ber.SEQUENCE, ber.integer(self._version) + ber.tlv(ber.OCTETS, self._community) + question)

    def read(self, data: bytes, request: int) -> Pdu:
        outer = Cursor(data).into()
        if outer.integer() != self._version or outer.take(ber.OCTETS) != self._community:
            raise MalformedError("an answer of another version or community")
        return _checked(pdu.read_pdu(outer), request)


class ByUser(Talk):
    """SNMPv3. The device's engine and its time are learnt from its own reports, and kept."""

    def __init__(self, settings: SnmpSettings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._keys: Keys | None = None
        self._engine = b""
        self._boots = self._time_s = 0
        self._told_s = 0.0
        self._again = 0
        self._id = 0
        self._proven = False  # it has answered us once

    async def prepare(self) -> None:
        """Makes the keys, which takes some milliseconds, the first time."""
        self._again = 0
        if self._keys is None:
            self._keys = await asyncio.to_thread(user_keys, self._settings)

    def silence(self) -> Exception:
        """NET-SNMP and others answer what they cannot decrypt with silence, though they have just said who they are."""
        return RefusedError(Reason("snmp_priv")) if self._engine and not self._proven else TimeoutError()

    def write(self, question: bytes) -> bytes:
        self._id = random.getrandbits(31)
        if not self._engine:  # RFC 3414, 4: nobody's question to nobody, that it may say who it is
            nothing = usm.write_scoped(b"", pdu.write_pdu(pdu.GET, 0, b""))
            return usm.write_message(self._id, REPORTABLE, b"", 0, 0, None, nothing)
        assert self._keys is not None
        since_s = int(self._clock.now().mono_s - self._told_s)
        scoped = usm.write_scoped(self._engine, question)
        flags = self._keys.level | REPORTABLE
        time_s = self._time_s + since_s
        return usm.write_message(self._id, flags, self._engine, self._boots, time_s, self._keys, scoped)

    def read(self, data: bytes, request: int) -> Pdu | None:
        message = usm.read_message(data)
        if message.id != self._id:
            raise MalformedError("an answer to another message")
        assert self._keys is not None
        try:
            inside = usm.read_scoped(usm.open_message(message, self._keys))[2]
        except NotAuthenticError as error:
            if message.flags & AUTH:
                raise MalformedError(str(error)) from error
            inside = usm.read_scoped(message.scoped)[2]  # a report in the clear
            said = pdu.read_pdu(inside)
            if said.tag != pdu.REPORT:
                raise MalformedError(str(error)) from error
            self._reported(message, said)
            return None
        said = pdu.read_pdu(inside)
        if said.tag == pdu.REPORT:
            self._reported(message, said)
            return None
        self._proven = True
        return _checked(said, request)

    def _reported(self, message: Message, said: Pdu) -> None:
        what = said.bindings[0][0] if said.bindings else ""
        self._again += 1
        if what == _ENGINE or (what == _WINDOW and (message.flags & AUTH or not self._keys or not self._keys.auth)):
            if self._again > _ASKED_AGAIN_MAX or not 5 <= len(message.engine) <= 32:
                raise MalformedError("it does not take the time that it tells itself")
            self._engine, self._boots, self._time_s = message.engine, message.boots, message.time_s
            self._told_s = self._clock.now().mono_s
            return
        if what in _REFUSED:
            self._engine = b""  # another device may stand there now: begin anew next time
            raise RefusedError(Reason("snmp_refused", {"text": _REFUSED[what]}))
        raise MalformedError(f"a report of {what or 'nothing'}")


def _checked(said: Pdu, request: int) -> Pdu:
    if said.tag != pdu.RESPONSE or said.request != request:
        raise MalformedError("an answer to another question")
    return said


def user_keys(settings: SnmpSettings) -> Keys:
    """A user's keys, made from the passwords of its settings."""
    if not settings.auth:
        return Keys(settings.user)
    priv = usm.master_key(settings.auth, settings.priv_password) if settings.priv else b""
    return Keys(settings.user, settings.auth, usm.master_key(settings.auth, settings.auth_password), priv)
