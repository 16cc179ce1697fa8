"""Asks one device for objects and columns: gufo-snmp's sessions, with bounds, a second try, and errors in words."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

from gufo.snmp import Aes128Key, NoSuchInstance, Sha1Key, Sha256Key, SnmpAuthError, SnmpError, SnmpVersion, User
from gufo.snmp.aio import SnmpSession
from gufo.snmp.user import KeyType

from edge.probes.snmp.mapping import ROWS_MAX, Value
from edge.probes.snmp.settings import SnmpSettings
from shouwang.reasons import Reason

_AT_ONCE = 24
"""Objects in one question: an answer that fits an Ethernet frame, whatever they are."""
_VERSIONS = {"1": SnmpVersion.v1, "2c": SnmpVersion.v2c, "3": SnmpVersion.v3}
_AUTH = {"sha1": Sha1Key, "sha256": Sha256Key}

_Got = TypeVar("_Got")


class RefusedError(Exception):
    """The device answers, and does not let us in."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(str(reason))
        self.reason = reason


class NonsenseError(Exception):
    """What came is no SNMP that can be read."""


class Asker:
    """One device's. A question is sent a second time when nothing comes; a socket is held only while it is asked."""

    def __init__(self, settings: SnmpSettings) -> None:
        self._settings = settings
        self._version = _VERSIONS[settings.version]
        self._user: User | None = None
        self._engine: bytes | None = None  # of a v3 device, kept so that it need not be found each time

    async def open(self, address: str, port: int, timeout_s: float) -> Session:
        """Raises RefusedError, NonsenseError, TimeoutError or OSError."""
        session = await self._session(address, port, timeout_s)
        if self._version is SnmpVersion.v3:
            known = self._engine is not None
            try:
                await _said(session.refresh)
            except (RefusedError, NonsenseError, TimeoutError) as error:
                self._engine = None
                if not known:
                    if isinstance(error, TimeoutError) and session.get_engine_id():
                        raise RefusedError(Reason("snmp_priv")) from error
                    raise
                session = await self._session(address, port, timeout_s)  # another device stands there now
                await _said(session.refresh)
            self._engine = session.get_engine_id() or None
        return Session(session, self._version is SnmpVersion.v1)

    async def _session(self, address: str, port: int, timeout_s: float) -> SnmpSession:
        if self._version is SnmpVersion.v3 and self._user is None:
            self._user = await asyncio.to_thread(_user, self._settings)
        return SnmpSession(
            addr=address,
            port=port,
            community=self._settings.community,
            version=self._version,
            user=self._user,
            engine_id=self._engine,
            timeout=timeout_s / 2,
            max_repetitions=20,
        )


class Session:
    """One conversation."""

    def __init__(self, session: SnmpSession, one_by_one: bool) -> None:
        self._session = session
        self._one_by_one = one_by_one  # SNMPv1 refuses a whole question for one object that is not there
        self.questions = 0

    async def objects(self, oids: Sequence[str]) -> dict[str, Value]:
        """Those of `oids` that the device has. Raises as `Asker.open`."""
        told: dict[str, Value] = {}
        size = 1 if self._one_by_one else _AT_ONCE
        for start in range(0, len(oids), size):
            told |= await self._get(list(oids[start : start + size]))
        return told

    async def _get(self, oids: list[str]) -> dict[str, Value]:
        self.questions += 1
        try:
            return {oid: _value(value) for oid, value in (await _twice(lambda: self._session.get_many(oids))).items()}
        except NoSuchInstance:
            return {}
        except NonsenseError:
            if len(oids) == 1:
                if self._one_by_one:
                    return {}
                raise
            half = len(oids) // 2  # too big for it, or one of them upsets it
            return await self._get(oids[:half]) | await self._get(oids[half:])

    async def column(self, oid: str) -> dict[str, Value]:
        """All rows of a column, as `oid.row` → value. Raises as `Asker.open`."""
        return await _said(lambda: self._column(oid))

    async def _column(self, oid: str) -> dict[str, Value]:
        told: dict[str, Value] = {}
        self.questions += 1
        rows: Any = self._session.getnext(oid) if self._one_by_one else self._session.getbulk(oid)
        async for row, value in rows:
            if not row.startswith(oid + ".") or row in told or len(told) >= ROWS_MAX:
                break  # past its end, or a device that goes round in circles
            told[row] = _value(value)
        return told


async def _twice(do: Callable[[], Awaitable[_Got]]) -> _Got:
    try:
        return await _said(do)
    except TimeoutError:
        return await _said(do)


async def _said(do: Callable[[], Awaitable[_Got]]) -> _Got:
    try:
        return await do()
    except NoSuchInstance:
        raise
    except SnmpAuthError as error:
        raise RefusedError(Reason("snmp_refused", {"text": str(error)[:80]})) from error
    except (SnmpError, ValueError, RuntimeError) as error:
        raise NonsenseError(str(error)[:120] or type(error).__name__) from error


def _value(raw: Any) -> Value:
    return raw if isinstance(raw, bool | int | float | str | bytes) else str(raw)


def _user(said: SnmpSettings) -> User:
    """With keys made from the passwords once: a megabyte is hashed for each (RFC 3414, A.2)."""
    if not said.auth:
        return User(said.user)
    kind = _AUTH[said.auth]

    def master(password: str) -> bytes:
        return kind.get_master_key(password.encode())

    priv = Aes128Key(master(said.priv_password), KeyType.Master) if said.priv else None
    return User(said.user, auth_key=kind(master(said.auth_password), KeyType.Master), priv_key=priv)
