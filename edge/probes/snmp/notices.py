"""Which device a datagram comes from, what it tells, and what to answer: decided without any socket.

A notification is believed when its address and its community, or its user's signature, are those of a device on the
list. SNMPv3 traps name the sender's engine; informs name ours, after the sender has asked for it (RFC 3414, 4).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import sha256

from edge.probes.snmp import ber, pdu, usm
from edge.probes.snmp.ber import Cursor, MalformedError
from edge.probes.snmp.pdu import Notice, Pdu
from edge.probes.snmp.settings import SnmpSettings
from edge.probes.snmp.usm import AUTH, PRIV, REPORTABLE, Keys, Message, NotAuthenticError

_WINDOW_S = 150  # RFC 3414, 2.2.3
_USM_STATS = "1.3.6.1.6.3.15.1.1."
_NOT_IN_WINDOW, _UNKNOWN_ENGINE = f"{_USM_STATS}2.0", f"{_USM_STATS}4.0"
_ENGINES_MAX = 4_096
_SEEN_MAX = 64
_SAME_INFORM_S, _SAME_TRAP_S = 300.0, 10.0
"""An inform is sent again until it is answered, for minutes where the line is poor; a trap may come by two ways."""
_SAME_WORDS_S = 2.0
"""One thing that is told as two notifications: in two versions of SNMP, or once more with another number."""
_OF_THE_SENDING = frozenset(
    {
        "1.3.6.1.2.1.1.3.0",  # sysUpTime
        "1.3.6.1.6.3.18.1.3.0",  # snmpTrapAddress
        "1.3.6.1.6.3.18.1.4.0",  # snmpTrapCommunity
        "1.3.6.1.6.3.1.1.4.3.0",  # snmpTrapEnterprise
    }
)
"""What is said of a notification, and not by it (RFC 3584, 3.1)."""
_A_SECOND, _BURST = 20.0, 50.0


@dataclass(slots=True)
class Sender:
    """A device that may speak. `keys` of a v3 one."""

    device: str
    settings: SnmpSettings
    keys: Keys | None
    seen: OrderedDict[str, float] = field(default_factory=OrderedDict)
    allowance: float = _BURST
    allowance_at_s: float = 0.0

    def may_speak(self, at_s: float) -> bool:
        """Whether it has not spoken too much of late."""
        self.allowance = min(_BURST, self.allowance + (at_s - self.allowance_at_s) * _A_SECOND)
        self.allowance_at_s = at_s
        if self.allowance < 1:
            return False
        self.allowance -= 1
        return True


@dataclass(slots=True)
class Taken:
    """What became of a datagram: from whom, what it tells, what to send back, and what was wrong with it. `names`: by
    which a repeat of the notification is known, for `same_s`; one that was heard before has no `notice`."""

    sender: Sender | None = None
    notice: Notice | None = None
    reply: bytes = b""
    wrong: str = ""
    names: tuple[str, ...] = ()
    same_s: float = 0.0


@dataclass(slots=True)
class Engine:
    """Ours, for informs. `began_s`: the start of its boot on the monotonic clock."""

    id: bytes
    boots: int
    began_s: float


class Notices:
    """Judges datagrams, one after another."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._at: dict[str, list[Sender]] = {}
        self._clocks: dict[bytes, tuple[int, int, float]] = {}  # a sender's engine → its boots, its time, and when
        self._strange_engines = 0

    def expect(self, senders: Iterable[tuple[str, Sender]]) -> None:
        """From now on these, each by the address it speaks from."""
        before = {sender.device: sender for known in self._at.values() for sender in known}
        self._at = {}
        for address, sender in senders:
            if (old := before.get(sender.device)) is not None:
                sender.seen = old.seen
            self._at.setdefault(address, []).append(sender)

    def take(self, data: bytes, address: str, at_s: float) -> Taken:
        """Never raises, whatever the bytes."""
        senders = self._at.get(address)
        if not senders:
            return Taken(wrong="no device of the list speaks from there")
        if not any(sender.may_speak(at_s) for sender in senders):
            return Taken(wrong="it says too much: more than 20 a second")
        try:
            version = Cursor(data).into().integer()
            if version == 3:
                return self._v3(data, senders, at_s)
            if version in (0, 1):
                return self._by_community(data, senders, at_s)
        except MalformedError as error:
            return Taken(wrong=f"no SNMP: {error}")
        except NotAuthenticError as error:
            return Taken(wrong=str(error))
        return Taken(wrong=f"SNMP of the unknown version {version}")

    def forget(self, taken: Taken) -> None:
        """What was told could not be kept: told again, it is no repeat."""
        for name in taken.names:
            assert taken.sender is not None
            taken.sender.seen.pop(name, None)

    def _by_community(self, data: bytes, senders: list[Sender], at_s: float) -> Taken:
        outer = Cursor(data).into()
        version, community = outer.integer(), outer.take(ber.OCTETS)
        said = pdu.read_pdu(outer)
        for sender in senders:
            if sender.keys is None and sender.settings.community.encode() == community:
                break
        else:
            return Taken(wrong="its community is none of the device's")
        notice = pdu.notice_of(said)
        reply = b""
        if said.tag == pdu.INFORM:
            answer = pdu.write_pdu(pdu.RESPONSE, said.request, said.raw_bindings)
            reply = ber.tlv(ber.SEQUENCE, ber.integer(version) + ber.tlv(ber.OCTETS, community) + answer)
        return self._once(sender, said, notice, reply, at_s)

    def _v3(self, data: bytes, senders: list[Sender], at_s: float) -> Taken:
        message = usm.read_message(data)
        known = [sender for sender in senders if sender.keys is not None]
        if not known:
            return Taken(wrong="SNMPv3 from a device whose settings say otherwise")
        ours = message.engine == self._engine.id
        if not ours and message.flags & REPORTABLE:
            return Taken(reply=self._report(message, _UNKNOWN_ENGINE, None))
        for sender in known:
            if sender.keys is not None and sender.keys.user == message.user:
                break
        else:
            return Taken(wrong="its user is none of the device's")
        keys = sender.keys
        assert keys is not None
        clear = usm.open_message(message, keys)
        if keys.auth and not (self._in_our_window(message, at_s) if ours else self._in_its_window(message, at_s)):
            if not ours:
                return Taken(sender, wrong="it is older than 150 s, or was heard before: replayed?")
            return Taken(sender, reply=self._report(message, _NOT_IN_WINDOW, keys, at_s))
        context_engine, context, inside = usm.read_scoped(clear)
        said = pdu.read_pdu(inside)
        notice = pdu.notice_of(said)
        reply = b""
        if said.tag == pdu.INFORM and ours:
            answer = pdu.write_pdu(pdu.RESPONSE, said.request, said.raw_bindings)
            scoped = usm.write_scoped(context_engine, answer, context)  # in the context that it was asked in
            reply = self._reply(message, message.flags & (AUTH | PRIV), keys, scoped, at_s)
        return self._once(sender, said, notice, reply, at_s)

    def _once(self, sender: Sender, said: Pdu, notice: Notice, reply: bytes, at_s: float) -> Taken:
        """What is sent again, by number or in the same words, is taken once."""
        words = sorted((name, repr(value)) for name, value in notice.told.items() if name not in _OF_THE_SENDING)
        by_number, by_words = (
            sha256(each).hexdigest()[:32]
            for each in (said.raw, repr((_of_either_version(notice.trap), words)).encode())
        )
        same_s = _SAME_INFORM_S if said.tag == pdu.INFORM else _SAME_TRAP_S
        known = any(
            at_s - sender.seen.get(name, float("-inf")) <= within_s
            for name, within_s in ((by_number, same_s), (by_words, _SAME_WORDS_S))
        )
        if not known:
            for name in (by_number, by_words):
                sender.seen[name] = at_s
                sender.seen.move_to_end(name)
            while len(sender.seen) > _SEEN_MAX:
                sender.seen.popitem(last=False)
        return Taken(sender, None if known else notice, reply, names=(by_number, by_words), same_s=same_s)

    # --- the time of engines

    def _in_our_window(self, message: Message, at_s: float) -> bool:
        return message.boots == self._engine.boots and abs(message.time_s - self._time_s(at_s)) <= _WINDOW_S

    def _in_its_window(self, message: Message, at_s: float) -> bool:
        """RFC 3414, 3.2, 7b: what an engine said last is the newest that it may say from."""
        before = self._clocks.get(message.engine)
        if before is not None:
            boots, time_s, heard_s = before
            if message.boots < boots or (message.boots == boots and message.time_s < time_s - _WINDOW_S):
                return False
            expected_s = time_s + (at_s - heard_s)
            if message.boots == boots and message.time_s < expected_s - _WINDOW_S:
                return False
        if before is None or (message.boots, message.time_s) > before[:2]:
            if len(self._clocks) >= _ENGINES_MAX and message.engine not in self._clocks:
                self._clocks.pop(next(iter(self._clocks)))
            self._clocks[message.engine] = (message.boots, message.time_s, at_s)
        return True

    def _time_s(self, at_s: float) -> int:
        return max(0, int(at_s - self._engine.began_s))

    # --- answers

    def _report(self, message: Message, what: str, keys: Keys | None, at_s: float | None = None) -> bytes:
        """RFC 3414, 3.2: why a message was not taken, and with it our engine and its time."""
        self._strange_engines += 1
        counted = pdu.binding(what, ber.integer(self._strange_engines & 0x7FFFFFFF, ber.COUNTER32))
        report = pdu.write_pdu(pdu.REPORT, 0, counted)
        if keys is None:
            engine = self._engine
            scoped = usm.write_scoped(engine.id, report)
            return usm.write_message(message.id, 0, engine.id, 0, 0, None, scoped, user=message.user)
        return self._reply(message, AUTH, keys, usm.write_scoped(self._engine.id, report), at_s or 0.0)

    def _reply(self, message: Message, flags: int, keys: Keys, scoped: bytes, at_s: float) -> bytes:
        engine = self._engine
        return usm.write_message(message.id, flags, engine.id, engine.boots, self._time_s(at_s), keys, scoped)


def _of_either_version(trap: str) -> str:
    """The number of a trap as SNMPv1 has it: without the 0 before its last part (RFC 3584, 3.2)."""
    rest, _, last = trap.rpartition(".")
    return f"{rest.removesuffix('.0')}.{last}"
