"""`agent.toml`: how an installed agent is run. Written by `install`, read at each start; people may change it."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path

import msgspec

from shouwang.trouble import WrongUsage

CONFIRM_WITHIN_S = 300.0


class AgentFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`server` is the address of API and console, from which upgrades are fetched; `bundle_key` the public key that
    they must be signed with. Without either the agent takes no upgrades. `ask_every_s`: how often it asks for them; 0,
    as the server says."""

    centre: str
    region: str
    broker: str
    state: str
    server: str = ""
    bundle_key: str = ""
    username: str | None = None
    password_file: str | None = None
    ca_file: str | None = None
    networks: list[str] = []
    allow_loopback: bool = False
    outbox_mib: int = 192
    speed: float = 1.0
    ask_every_s: float = 0.0
    confirm_within_s: float = CONFIRM_WITHIN_S

    @property
    def bundles(self) -> Path:
        """Where fetched bundles and their record are."""
        return Path(self.state) / "bundles"

    def password(self) -> str | None:
        """The file with the password: systemd's credential where it hands one over, which `root` alone could read."""
        credential = Path(os.environ.get("CREDENTIALS_DIRECTORY", "/nonexistent")) / "password"
        return str(credential) if credential.is_file() else self.password_file


def read(path: Path) -> AgentFile:
    """Raises WrongUsage that says what is wrong with it."""
    try:
        said = tomllib.loads(path.read_text("utf-8"))
        return msgspec.convert(said, type=AgentFile)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise WrongUsage(f"{path}: {error}") from error


def written(said: AgentFile) -> str:
    """As it stands in the file; what is as usual is left out."""
    lines = ["# How the agent is run (docs/agent.md). After a change: systemctl restart shouwang-agent\n"]
    usual = {field.name: field.default for field in msgspec.structs.fields(AgentFile)}
    for name, value in msgspec.to_builtins(said).items():
        if value != usual[name] and value != []:
            # What JSON writes of text, numbers and lists of text TOML reads as the same.
            lines.append(f"{name} = {msgspec.json.encode(value).decode()}\n")
    return "".join(lines)
