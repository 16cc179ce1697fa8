"""Asks a NUT server for all variables of one UPS, over one short connection, in TLS where that is said."""

from __future__ import annotations

import asyncio
import re
import ssl
from pathlib import Path
from typing import Any

import msgspec

from edge.probes.nut import words
from edge.probing import Answer, Around, Probe, ProbeConfigError, host_and_port
from edge.steps import ASK, CONNECT, NAME, TLS, step
from shouwang.dial import tls_context
from shouwang.reasons import Reason, reason_of
from shouwang.vocabulary import Driver

_LINE_MAX = 2_048
_LINES_MAX = 1_000
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_WORD = re.compile(r'[^\s"\\]{1,128}')
_LOST = frozenset({"DATA-STALE", "DRIVER-NOT-CONNECTED"})


class NutSettings(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """`ups`: its name; left out, the server's only one. `user`, `password`: most servers tell without. `tls`: STARTTLS,
    with `ca_file` where the server's certificate is your own."""

    ups: str = ""
    user: str = ""
    password: str = ""
    tls: bool = False
    ca_file: str = ""


class NutProbe(Probe):
    """Target: `[ups@]host[:port]`, port 3493."""

    driver = Driver.NUT
    Settings = NutSettings

    def __init__(self, target: str, settings: Any, around: Around) -> None:
        super().__init__(target, settings, around)
        named, _, place = target.rpartition("@")
        self._host, self._port = host_and_port(place, 3493)
        self._said: NutSettings = settings
        self._ups: str = settings.ups or named
        if self._ups and not _NAME.fullmatch(self._ups):
            raise ProbeConfigError(f"ups {self._ups!r}: a name of letters, digits and _.-")
        if settings.ups and named not in ("", settings.ups):
            raise ProbeConfigError(f"ups: the target says {named!r}, and the settings {settings.ups!r}")
        if settings.password and not settings.user:
            raise ProbeConfigError("password: it needs a user")
        if settings.password and not settings.tls and settings.ca_file:
            raise ProbeConfigError("ca_file: it goes with tls = true")
        for name in ("user", "password"):
            if (value := getattr(settings, name)) and not _WORD.fullmatch(value):
                raise ProbeConfigError(f'{name}: without spaces, " and \\, which the protocol has no way to say')
        self._tls: ssl.SSLContext | None = None
        if settings.tls:
            try:
                self._tls = tls_context(Path(settings.ca_file) if settings.ca_file else None)
            except OSError as error:
                raise ProbeConfigError(f"ca_file {settings.ca_file!r}: {error.strerror or error}") from error

    async def ask(self, timeout_s: float) -> Answer:
        """`reachable`: the server answers, and has the UPS in hand. It never logs in (LOGIN): a client that does is
        waited for when the server shuts its machine down."""
        clock = self.around.clock
        began_s = clock.now().mono_s
        try:
            async with asyncio.timeout(timeout_s):
                with step(NAME):
                    address = await self.around.allowed.resolve(self._host, self._port)
                began_s = clock.now().mono_s
                with step(CONNECT):
                    talk = await _Talk.open(address, self._port)
                try:
                    variables = await self._variables(talk)
                finally:
                    talk.close()
        except TimeoutError:
            return Answer(False, reason=Reason("no_answer", {"s": timeout_s}))
        except _SaidError as error:
            return Answer(not error.lost, reason=error.reason)
        except ssl.SSLCertVerificationError as error:
            return Answer(True, reason=f"its certificate is refused: {error.verify_message}")
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, UnicodeDecodeError):
            return Answer(False, reason=Reason("closed"))
        except OSError as error:
            return Answer(False, reason=reason_of(error))
        return Answer(True, (clock.now().mono_s - began_s) * 1000, words.fields(variables))

    async def _variables(self, talk: _Talk) -> dict[str, str]:
        if self._tls is not None:
            with step(TLS):
                await talk.ok("STARTTLS", "STARTTLS")
                await talk.start_tls(self._tls, self._host)
        if self._said.user:
            with step("sign in"):
                await talk.ok(f"USERNAME {self._said.user}", "USERNAME")
                await talk.ok(f"PASSWORD {self._said.password}", "PASSWORD")
        with step(ASK):
            return await self._told(talk)

    async def _told(self, talk: _Talk) -> dict[str, str]:
        ups = self._ups
        if not ups:
            names = [name for line in await talk.listed("LIST UPS") if (name := words.ups_name(line))]
            if len(names) != 1:
                raise _SaidError(_unknown("''", names), lost=not names)
            ups = names[0]
        try:
            lines = await talk.listed(f"LIST VAR {ups}")
        except _SaidError as error:
            if error.code != "UNKNOWN-UPS":
                raise
            names = [name for line in await talk.listed("LIST UPS") if (name := words.ups_name(line))]
            raise _SaidError(_unknown(ups, names)) from error
        return dict(filter(None, (words.variable(line, ups) for line in lines)))


class _SaidError(Exception):
    """The server answered with an error. `lost`: the UPS is out of its reach, so that it is not known any more."""

    def __init__(self, reason: Reason, code: str = "", *, lost: bool = False) -> None:
        super().__init__(str(reason))
        self.reason, self.code, self.lost = reason, code, lost


class _Talk:
    """One connection: a line asked, lines answered."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def open(cls, address: str, port: int) -> _Talk:
        return cls(*await asyncio.open_connection(address, port, limit=_LINE_MAX))

    def close(self) -> None:
        self._writer.transport.abort()

    async def start_tls(self, context: ssl.SSLContext, host: str) -> None:
        await self._writer.start_tls(context, server_hostname=host)

    async def ok(self, command: str, name: str) -> None:
        """A command that is answered by OK. `name` stands for it in errors: it may hold a password."""
        line = await self._ask(command)
        if not line.startswith("OK"):
            raise _said(line, name)

    async def listed(self, command: str) -> list[str]:
        """What stands between BEGIN and END."""
        line = await self._ask(command)
        if line != f"BEGIN {command}":
            raise _said(line, command)
        lines: list[str] = []
        while (line := await self._line()) != f"END {command}":
            lines.append(line)
            if len(lines) > _LINES_MAX:
                raise _SaidError(Reason("answer_unreadable", {"text": f"over {_LINES_MAX} lines"}), lost=True)
        return lines

    async def _ask(self, command: str) -> str:
        self._writer.write(command.encode() + b"\n")
        return await self._line()

    async def _line(self) -> str:
        return (await self._reader.readuntil(b"\n")).decode("utf-8").rstrip("\r\n")


def _unknown(ups: str, names: list[str]) -> Reason:
    return Reason("ups_unknown", {"ups": ups, "has": ", ".join(names)[:120] or "-"})


def _said(line: str, command: str) -> _SaidError:
    code = words.error(line)
    if code is None:
        return _SaidError(Reason("not_spoken", {"protocol": "NUT", "text": line[:80]}), lost=True)
    if code in _LOST:
        return _SaidError(Reason("ups_lost", {"text": code}), code, lost=True)
    return _SaidError(Reason("status_text", {"request": command, "status": "ERR", "text": code}), code)
