"""The user-based security model of SNMPv3 (RFC 3414, 3826, 7860): keys, who wrote a message, and what it hides."""

from __future__ import annotations

import hashlib
import hmac
import os
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

from edge.probes.snmp import ber
from edge.probes.snmp.ber import Cursor, MalformedError

_HASHES = {"sha1": hashlib.sha1, "sha256": hashlib.sha256}
_MAC_BYTES = {"sha1": 12, "sha256": 24}  # RFC 3414, 6.3; RFC 7860, 4.2.1
_MEGABYTE = 1_048_576
_MODEL = 3
AUTH, PRIV, REPORTABLE = 1, 2, 4


class NotAuthenticError(Exception):
    """A message that its user did not write, or not so: the message says in what way."""


class _Cipher(Protocol):
    def encrypt(self, data: bytes, /) -> bytes: ...
    def decrypt(self, data: bytes, /) -> bytes: ...


@dataclass(slots=True, frozen=True)
class Keys:
    """A user's secrets as master keys, so that no password is kept. Empty: none."""

    user: str
    auth: str = ""
    auth_master: bytes = b""
    priv_master: bytes = b""

    @property
    def level(self) -> int:
        """The least that a message of this user must have: flags AUTH and PRIV."""
        return (AUTH if self.auth else 0) | (PRIV if self.priv_master else 0)

    def __repr__(self) -> str:
        return f"Keys({self.user!r})"


@lru_cache(maxsize=64)
def master_key(auth: str, password: str) -> bytes:
    """RFC 3414, A.2: a megabyte of the password, hashed; takes some milliseconds."""
    raw = password.encode()
    return _HASHES[auth]((raw * (_MEGABYTE // len(raw) + 1))[:_MEGABYTE]).digest()


def localized(auth: str, master: bytes, engine: bytes) -> bytes:
    """The key for one engine (RFC 3414, 2.6)."""
    return _HASHES[auth](master + engine + master).digest()


@dataclass(slots=True)
class Message:
    """A version-3 message on the wire. `scoped`: the scoped PDU in the clear or, with flag PRIV, encrypted."""

    id: int
    flags: int
    engine: bytes
    boots: int
    time_s: int
    user: str
    mac: bytes
    salt: bytes
    scoped: bytes
    whole: bytes = b""
    mac_at: int = 0


def read_message(data: bytes) -> Message:
    """Raises MalformedError."""
    outer = Cursor(data).into()
    if outer.integer() != 3:
        raise MalformedError("not version 3")
    head = outer.into()
    id_, _size, flags, model = head.integer(), head.integer(), head.take(ber.OCTETS), head.integer()
    if model != _MODEL or len(flags) != 1 or flags[0] & 3 == PRIV:
        raise MalformedError("a security model that is none of ours")
    tag, start, end = outer.next()
    if tag != ber.OCTETS:
        raise MalformedError("its security parameters are missing")
    inside = Cursor(data, start, end).into()
    engine, boots, time_s, user = inside.take(ber.OCTETS), inside.integer(), inside.integer(), inside.take(ber.OCTETS)
    tag, mac_at, mac_end = inside.next()
    if tag != ber.OCTETS or len(engine) > 32 or len(user) > 32:
        raise MalformedError("security parameters that cannot be")
    salt = inside.take(ber.OCTETS)
    if flags[0] & PRIV:
        scoped = outer.take(ber.OCTETS)
    else:
        at = outer.at
        outer.next()
        scoped = data[at : outer.at]
    name = user.decode("utf-8", "replace")
    return Message(id_, flags[0], engine, boots, time_s, name, data[mac_at:mac_end], salt, scoped, data, mac_at)


def open_message(message: Message, keys: Keys) -> bytes:
    """The scoped PDU in the clear. Raises NotAuthenticError when it is not from `keys`' user, or less protected than
    that user's messages are."""
    if message.flags & 3 != keys.level:
        raise NotAuthenticError("it is protected otherwise than this user's settings say")
    if not keys.auth:
        return message.scoped
    size = _MAC_BYTES[keys.auth]
    if len(message.mac) != size:
        raise NotAuthenticError("its signature has another length: another auth than in the settings")
    blank = message.whole[: message.mac_at] + bytes(size) + message.whole[message.mac_at + size :]
    key = localized(keys.auth, keys.auth_master, message.engine)
    if not hmac.compare_digest(hmac.new(key, blank, _HASHES[keys.auth]).digest()[:size], message.mac):
        raise NotAuthenticError("its signature is wrong: another auth_password than in the settings")
    if not message.flags & PRIV:
        return message.scoped
    if len(message.salt) != 8:
        raise NotAuthenticError("its salt has another length: another priv than in the settings")
    clear = _aes(keys, message.engine, message.boots, message.time_s, message.salt).decrypt(message.scoped)
    if not clear or clear[0] != ber.SEQUENCE:
        raise NotAuthenticError("it cannot be decrypted: another priv_password than in the settings")
    return clear


def write_message(
    id_: int, flags: int, engine: bytes, boots: int, time_s: int, keys: Keys | None, scoped: bytes, *, user: str = ""
) -> bytes:
    """A message, encrypted and signed as `flags` say with `keys`, which then must not be None."""
    salt = b""
    if flags & PRIV:
        assert keys is not None
        salt = os.urandom(8)
        scoped = ber.tlv(ber.OCTETS, _aes(keys, engine, boots, time_s, salt).encrypt(scoped))
    size = _MAC_BYTES[keys.auth] if flags & AUTH and keys is not None else 0
    name = (keys.user if keys is not None else user).encode()
    head = ber.integer(id_) + ber.integer(65_507) + ber.tlv(ber.OCTETS, bytes((flags,))) + ber.integer(_MODEL)

    def whole(mac: bytes) -> bytes:
        security = ber.tlv(ber.OCTETS, engine) + ber.integer(boots) + ber.integer(time_s)
        security += ber.tlv(ber.OCTETS, name) + ber.tlv(ber.OCTETS, mac) + ber.tlv(ber.OCTETS, salt)
        parts = ber.integer(3) + ber.tlv(ber.SEQUENCE, head)
        parts += ber.tlv(ber.OCTETS, ber.tlv(ber.SEQUENCE, security)) + scoped
        return ber.tlv(ber.SEQUENCE, parts)

    if not size:
        return whole(b"")
    assert keys is not None
    key = localized(keys.auth, keys.auth_master, engine)
    return whole(hmac.new(key, whole(bytes(size)), _HASHES[keys.auth]).digest()[:size])


def read_scoped(clear: bytes) -> tuple[bytes, bytes, Cursor]:
    """Context engine, context name, and a cursor at the PDU of a scoped PDU. Raises MalformedError."""
    inside = Cursor(clear).into()
    return inside.take(ber.OCTETS), inside.take(ber.OCTETS), inside


def write_scoped(engine: bytes, pdu: bytes, context: bytes = b"") -> bytes:
    return ber.tlv(ber.SEQUENCE, ber.tlv(ber.OCTETS, engine) + ber.tlv(ber.OCTETS, context) + pdu)


def _aes(keys: Keys, engine: bytes, boots: int, time_s: int, salt: bytes) -> _Cipher:
    """RFC 3826, 3.1.2: AES-128 in CFB, its vector made of boots, time and salt."""
    from Crypto.Cipher import AES  # loaded with the first message that is encrypted

    key = localized(keys.auth, keys.priv_master, engine)[:16]
    vector = (boots & 2**32 - 1).to_bytes(4, "big") + (time_s & 2**32 - 1).to_bytes(4, "big") + salt
    return AES.new(key, AES.MODE_CFB, iv=vector, segment_size=128)
