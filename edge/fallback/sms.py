"""A text message through a modem: AT commands on a serial line, in PDU mode, so that Chinese arrives as written.

3GPP TS 27.005 (SMS) and 27.007; the PDU of TS 23.040: SMS-SUBMIT, UCS-2, one part of at most 70 characters. A line and
five commands: the libraries there are bring threads and a queue of their own.
"""

from __future__ import annotations

import asyncio
import os
import termios
import tty

CHARACTERS_MAX = 70
_LINE_BYTES_MAX = 4_096
_CTRL_Z, _ESCAPE = b"\x1a", b"\x1b"
_BAUDS = {baud: getattr(termios, f"B{baud}") for baud in (9_600, 19_200, 38_400, 57_600, 115_200, 230_400)}
_REGISTERED = ("1", "5")  # at home, roaming


class ModemError(Exception):
    """The modem did not send it; the message says what it answered."""


def pdu(number: str, text: str) -> tuple[str, int]:
    """(hexadecimal PDU, its length in octets without the service centre) of a message to a number."""
    digits = number.removeprefix("+")
    international = 0x91 if number.startswith("+") else 0x81
    padded = digits + "F" * (len(digits) % 2)
    swapped = "".join(padded[i + 1] + padded[i] for i in range(0, len(padded), 2))
    body = text[:CHARACTERS_MAX].encode("utf-16-be", "replace")[: 2 * CHARACTERS_MAX]
    submit = f"0100{len(digits):02X}{international:02X}{swapped}0008{len(body):02X}{body.hex().upper()}"
    return "00" + submit, len(submit) // 2


class Modem:
    """One conversation with a modem. `open` and `close` around `send`."""

    def __init__(self, path: str, baud: int = 115_200) -> None:
        self._path, self._baud = path, baud
        self._fd = -1
        self._heard = bytearray()
        self._more = asyncio.Event()

    def open(self) -> None:
        """Raises ModemError."""
        if self._baud not in _BAUDS:
            raise ModemError(f"{self._baud} baud: one of {', '.join(map(str, _BAUDS))}")
        try:
            self._fd = os.open(self._path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
            tty.setraw(self._fd)
            attributes = termios.tcgetattr(self._fd)
            attributes[4] = attributes[5] = _BAUDS[self._baud]
            termios.tcsetattr(self._fd, termios.TCSANOW, attributes)
        except (OSError, termios.error) as error:
            self.close()
            said = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else str(error)
            raise ModemError(f"{self._path}: {said}") from error
        asyncio.get_running_loop().add_reader(self._fd, self._read)

    def close(self) -> None:
        if self._fd >= 0:
            asyncio.get_running_loop().remove_reader(self._fd)
            os.close(self._fd)
            self._fd = -1

    async def send(self, number: str, text: str) -> str:
        """Gives what the network answered (`+CMGS: 12`). Raises ModemError; the caller limits the time."""
        await self._ask("ATE0")
        pin = await self._ask("AT+CPIN?")
        if "READY" not in pin:
            raise ModemError(f"the SIM card is not ready: {pin}")
        registered = await self._ask("AT+CREG?")
        if registered.partition(",")[2][:1] not in _REGISTERED:
            raise ModemError(f"no mobile network: {registered}")
        await self._ask("AT+CMGF=0")
        coded, length = pdu(number, text)
        self._say(f"AT+CMGS={length}\r".encode())
        try:
            await self._until(b"> ")
        except ModemError:
            self._say(_ESCAPE)
            raise
        self._say(coded.encode() + _CTRL_Z)
        return await self._answer()

    async def _ask(self, command: str) -> str:
        self._heard.clear()
        self._say(command.encode() + b"\r")
        return await self._answer()

    async def _answer(self) -> str:
        """The lines up to the final one, in one. Raises ModemError where that is an error."""
        said: list[str] = []
        while True:
            line = (await self._until(b"\n")).decode("ascii", "replace").strip()
            if line == "OK":
                return " ".join(said)
            if line == "ERROR" or line.startswith(("+CME ERROR", "+CMS ERROR")):
                raise ModemError(f"the modem refuses: {line}")
            if line.startswith("+"):
                said.append(line[:80])

    async def _until(self, mark: bytes) -> bytes:
        while True:
            at = self._heard.find(mark)
            if at >= 0:
                found = bytes(self._heard[: at + len(mark)])
                del self._heard[: at + len(mark)]
                return found
            if b"ERROR" in self._heard and b"\n" in self._heard[self._heard.find(b"ERROR") :]:
                raise ModemError(f"the modem refuses: {bytes(self._heard).decode('ascii', 'replace').strip()[:80]}")
            if len(self._heard) > _LINE_BYTES_MAX:
                raise ModemError("it answers what is no AT")
            self._more.clear()
            await self._more.wait()

    def _say(self, words: bytes) -> None:
        try:
            os.write(self._fd, words)
        except OSError as error:
            raise ModemError(f"{self._path}: {os.strerror(error.errno or 0)}") from error

    def _read(self) -> None:
        try:
            self._heard += os.read(self._fd, 4096)
        except BlockingIOError:
            return
        except OSError:  # the other end is gone: whoever waits runs into the time limit
            asyncio.get_running_loop().remove_reader(self._fd)
        self._more.set()
