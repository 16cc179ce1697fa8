"""A 4G modem on a pseudo-terminal: it answers AT commands, takes messages, and fails as real ones do."""

from __future__ import annotations

import asyncio
import os
import re
import tty
from dataclasses import dataclass, field

_SUBMIT = re.compile(r"AT\+CMGS=(\d+)")
_CTRL_Z, _ESCAPE = b"\x1a", b"\x1b"


@dataclass
class SimModem:
    """`path` is the serial line. `messages` are the PDUs it sent, in hexadecimal. `mute`: it answers nothing;
    `registered` False: no network; `refuses`: the error that a message gets, as `+CMS ERROR: 38`; `echo` until ATE0."""

    mute: bool = False
    registered: bool = True
    sim_ready: bool = True
    refuses: str = ""
    slow_s: float = 0.0
    echo: bool = True
    messages: list[str] = field(default_factory=list)
    path: str = ""

    async def start(self) -> SimModem:
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        self.path = os.ttyname(self._slave)
        self._heard = b""
        self._expected = 0
        asyncio.get_running_loop().add_reader(self._master, self._read)
        return self

    def stop(self) -> None:
        asyncio.get_running_loop().remove_reader(self._master)
        os.close(self._master)
        os.close(self._slave)

    def _read(self) -> None:
        data = os.read(self._master, 4096)
        if self.mute:
            return
        if self.echo:
            os.write(self._master, data)
        self._heard += data
        while self._heard:
            ends = [at for at in map(self._heard.find, (_CTRL_Z, _ESCAPE) if self._expected else (b"\r",)) if at >= 0]
            if not ends:
                return
            word, self._heard = self._heard[: min(ends)], self._heard[min(ends) + 1 :]
            answer = self._message(word.decode()) if self._expected else self._command(word.decode().strip())
            asyncio.get_running_loop().call_later(self.slow_s, self._say, answer)

    def _message(self, coded: str) -> str:
        expected, self._expected = self._expected, 0
        if self.refuses:
            return f"\r\n{self.refuses}\r\n"
        if len(coded) // 2 - 1 != expected:  # the service centre's octet apart
            return "\r\n+CMS ERROR: 304\r\n"
        self.messages.append(coded)
        return f"\r\n+CMGS: {len(self.messages)}\r\n\r\nOK\r\n"

    def _command(self, word: str) -> str:
        if submit := _SUBMIT.fullmatch(word):
            self._expected = int(submit[1])
            return "\r\n> "
        if word == "ATE0":
            self.echo = False
        said = {
            "AT+CPIN?": "+CPIN: READY" if self.sim_ready else "+CPIN: SIM PIN",
            "AT+CREG?": f"+CREG: 0,{1 if self.registered else 2}",
        }.get(word, "")
        known = word in ("AT", "ATE0", "AT+CMGF=0", "AT+CPIN?", "AT+CREG?")
        return f"\r\n{said}\r\n\r\nOK\r\n" if said else ("\r\nOK\r\n" if known else "\r\nERROR\r\n")

    def _say(self, answer: str) -> None:
        os.write(self._master, answer.encode())
