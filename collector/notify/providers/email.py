"""E-mail by SMTP with STARTTLS or TLS. The same Message-ID stands on every try."""

from __future__ import annotations

import asyncio
import contextlib
import smtplib
import socket
import ssl
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr

from collector.notify.addresses import Forbidden, allowed_addresses, is_public
from collector.notify.provider import Answer, Destination, Message, Provider, ProviderConfig
from collector.notify.words import title
from shouwang import clock
from shouwang.settings import SettingsError, secret

STEP_TIMEOUT_S = 5.0


class EmailConfig(ProviderConfig):
    """`security`: `starttls` (port 587), `tls` (465), or `none`, which only a private network is trusted with."""

    host: str
    port: int | None = Field(None, ge=1, le=65535)
    security: Literal["starttls", "tls", "none"] = "starttls"
    username: str | None = None
    password: SecretStr | None = None
    password_file: Path | None = None
    ca_file: Path | None = None
    sender: str = Field(alias="from", pattern=r"^[^@\s<>]+@[^@\s<>]+$")
    to: list[str] = Field(min_length=1, max_length=50)


class EmailProvider(Provider):
    """Accepted when the server took it for at least one of the recipients; whom it refused stands in the answer."""

    Config = EmailConfig
    timeout_s = 30.0

    def __init__(self, config: EmailConfig) -> None:
        self._config = config
        self._password = secret(config.password, config.password_file, "notify.email.password_file")
        self._port = config.port or {"starttls": 587, "tls": 465, "none": 25}[config.security]
        try:
            self._tls = ssl.create_default_context(cafile=None if config.ca_file is None else str(config.ca_file))
        except (OSError, ssl.SSLError) as error:
            raise SettingsError(f"notify.email.ca_file: {config.ca_file} cannot be used: {error}") from None

    async def send(self, message: Message) -> Answer:
        config = self._config
        try:
            addresses = await allowed_addresses(config.host, self._port, config.allow_private)
            if config.security == "none" and any(map(is_public, addresses)):
                raise Forbidden("to the internet only with starttls or tls")
            letter = self._letter(message)
            async with asyncio.timeout(self.timeout_s):
                return await asyncio.to_thread(self._hand_over, addresses, letter)
        except TimeoutError:
            return Answer(False, f"no answer within {self.timeout_s:g} s")
        except (OSError, smtplib.SMTPException) as error:
            return Answer(False, f"{type(error).__name__}: {_said(error)}")

    @property
    def destination(self) -> Destination:
        return Destination(self._config.host, self._port, self._config.allow_private)

    def _letter(self, message: Message) -> EmailMessage:
        config = self._config
        letter = EmailMessage()
        letter["Subject"] = title(message.text(config.language)) or "Shouwang"
        letter["From"] = config.sender
        letter["To"] = ", ".join(config.to)
        domain = config.sender.rpartition("@")[2]
        letter["Message-ID"] = f"<{message.id}@{domain}>"
        incident = message.body.get("incident")
        if isinstance(incident, dict) and incident.get("id"):
            letter["References"] = f"<{incident['id']}@{domain}>"
        letter["Date"] = format_datetime(clock.shanghai(clock.wall_ms()))
        letter["Auto-Submitted"] = "auto-generated"
        letter.set_content(message.whole_text(config.language, 50_000) + "\n", cte="base64")  # not every way is 8-bit
        return letter

    def _hand_over(self, addresses: list[str], letter: EmailMessage) -> Answer:
        """Blocks; every step has its own limit."""
        limit_s = clock.mono_s() + self.timeout_s
        trouble: OSError | None = None
        for address in addresses:
            try:
                sock = socket.create_connection((address, self._port), timeout=STEP_TIMEOUT_S)
            except OSError as error:
                trouble = error
                continue
            with contextlib.closing(sock):
                return self._talk(sock, letter, limit_s)
        raise trouble or OSError("no address")

    def _talk(self, sock: socket.socket, letter: EmailMessage, limit_s: float) -> Answer:
        config = self._config
        if config.security == "tls":
            sock = self._tls.wrap_socket(sock, server_hostname=config.host)
        smtp = _Connected(sock, config.host, limit_s)
        try:
            smtp.ehlo_or_helo_if_needed()
            if config.security == "starttls":
                smtp.starttls(context=self._tls)
                smtp.ehlo()
            if config.username is not None:
                smtp.login(config.username, self._password or "")
            refused = smtp.send_message(letter)
        except smtplib.SMTPRecipientsRefused as error:
            return Answer(False, f"every recipient refused: {_refusals(error.recipients)}")
        finally:
            with contextlib.suppress(OSError, smtplib.SMTPException):
                smtp.close()
        return Answer(True, f"accepted, but not for {_refusals(refused)}" if refused else "accepted")


class _Connected(smtplib.SMTP):
    """smtplib on a connection that is already made, to an address that was checked; the whole talk is bounded."""

    def __init__(self, sock: socket.socket, host: str, limit_s: float) -> None:
        self._limit_s = limit_s
        super().__init__(timeout=STEP_TIMEOUT_S)
        self._host = host  # STARTTLS checks the certificate for this name
        self.sock = sock
        self.file = None
        sock.settimeout(STEP_TIMEOUT_S)
        code, said = self.getreply()
        if code != 220:
            self.close()
            raise smtplib.SMTPConnectError(code, said)

    def getreply(self) -> tuple[int, bytes]:
        if clock.mono_s() > self._limit_s:
            raise TimeoutError("the server takes too long")
        return super().getreply()


def _said(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        said = error.smtp_error
        return f"{error.smtp_code} {said.decode('utf-8', 'replace') if isinstance(said, bytes) else said}"[:300]
    return str(error)[:300]


def _refusals(refused: dict[str, tuple[int, bytes]]) -> str:
    return ", ".join(f"{who} ({code} {said.decode('utf-8', 'replace')})" for who, (code, said) in refused.items())[:300]
