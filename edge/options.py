"""How one agent is run: what its command resolved, handed to its process as JSON."""

from __future__ import annotations

import ssl
from pathlib import Path

import msgspec

from edge.outbox import SEVEN_DAYS_BYTES
from edge.uplink import Login
from shouwang.dial import tls_context
from shouwang.mqtt import split_url
from shouwang.topics import Channel, topic


class OptionsError(ValueError):
    """Options that cannot work; the message says which, and what to do."""


class Upgrading(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Where an installed agent asks for upgrades: the address of API and console, the folder of bundles, the public key
    that they must be signed with; `ask_every_s` over what the server says, where it is not 0."""

    server: str
    folder: str
    public_key: str
    ask_every_s: float = 0.0


class AgentOptions(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """Files are paths. `networks`, `allow_loopback`: over `allowed.toml` of the state directory."""

    centre: str
    region: str
    broker: str
    state: str
    username: str | None = None
    password_file: str | None = None
    ca_file: str | None = None
    certificate_file: str | None = None
    key_file: str | None = None
    networks: list[str] = []
    allow_loopback: bool = False
    outbox_bytes: int = SEVEN_DAYS_BYTES
    speed: float = 1.0
    upgrading: Upgrading | None = None

    def check(self) -> None:
        """Raises OptionsError for what can be seen to be wrong before anything runs."""
        try:
            topic(self.region, self.centre, Channel.REPORT)
            split_url(self.broker)
        except ValueError as error:
            raise OptionsError(str(error)) from error
        if not 0.1 <= self.speed <= 100:
            raise OptionsError(f"speed {self.speed:g} is not between 0.1 and 100")
        if self.outbox_bytes < 1 << 20:
            raise OptionsError(f"an outbox of {self.outbox_bytes} bytes is too small: at least 1 MiB")
        self.login()

    def login(self) -> Login:
        """Who we are to the broker. Raises OptionsError when a file of it cannot be read."""
        password = None
        if self.password_file is not None:
            try:
                password = Path(self.password_file).read_text("utf-8").strip()
            except (OSError, UnicodeDecodeError) as error:
                raise OptionsError(f"password file {self.password_file}: {error}") from error
        return Login(self.broker, self.region, self.centre, self.username, password, self._tls())

    def _tls(self) -> ssl.SSLContext | None:
        if not split_url(self.broker)[2]:
            return None
        files = [None if name is None else Path(name) for name in (self.ca_file, self.certificate_file, self.key_file)]
        try:
            return tls_context(*files)
        except OSError as error:
            raise OptionsError(f"TLS files {[str(file) for file in files if file]}: {error}") from error
