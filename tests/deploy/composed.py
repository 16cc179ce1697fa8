"""docker-compose.yml as Compose understands it: variables filled in; of each service, what it runs and what it sees."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "docker-compose.yml"
_VARIABLE = re.compile(r"\$(?:(?P<dollar>\$)|\{(?P<name>\w+)(?::(?P<how>[-?])(?P<other>[^}]*))?\})")


class MissingVariable(LookupError):
    """A variable that must be given is not; the message is that of the file."""


@dataclass(frozen=True)
class Mount:
    """What a service sees at a path: a file or folder beside the compose file, or a named volume."""

    target: str
    source: str
    volume: bool
    read_only: bool


@dataclass(frozen=True)
class Service:
    """One service. `said` is the file's own table, variables filled in."""

    name: str
    said: Mapping[str, Any]

    @property
    def argv(self) -> list[str]:
        """What is run; of ours the image's entry point is `shouwang`."""
        entrypoint = self.said.get("entrypoint", ["shouwang"] if self.ours else [])
        return [*entrypoint, *self.said.get("command", [])]

    @property
    def ours(self) -> bool:
        return "build" in self.said

    @property
    def once(self) -> bool:
        return bool(self.said.get("restart") == "no")

    @property
    def environment(self) -> dict[str, str]:
        return dict(self.said.get("environment", {}))

    @property
    def uid(self) -> int:
        return int(str(self.said["user"]).partition(":")[0])

    @property
    def waits_for(self) -> dict[str, str]:
        """By service, the condition."""
        return {name: said["condition"] for name, said in self.said.get("depends_on", {}).items()}

    @property
    def health(self) -> list[str]:
        """The command of the health check."""
        how, *command = self.said["healthcheck"]["test"]
        return ["/bin/sh", "-c", *command] if how == "CMD-SHELL" else command

    @property
    def temporary(self) -> list[str]:
        return [each.partition(":")[0] for each in self.said.get("tmpfs", ())]

    @property
    def mounts(self) -> Iterator[Mount]:
        """Volumes, files beside the compose file, and secrets."""
        for said in self.said.get("volumes", ()):
            if isinstance(said, str):
                source, target, *how = said.split(":")
                yield Mount(target, source, True, how == ["ro"])
            else:
                yield Mount(said["target"], said["source"], said["type"] == "volume", said.get("read_only", False))
        for name in self.said.get("secrets", ()):
            yield Mount(f"/run/secrets/{name}", f"./secrets/{name}", False, True)


def read(variables: Mapping[str, str]) -> dict[str, Any]:
    """The whole file. Raises MissingVariable."""
    return dict(_filled(yaml.safe_load(FILE.read_text("utf-8")), variables))


def services(variables: Mapping[str, str]) -> dict[str, Service]:
    return {name: Service(name, said) for name, said in read(variables)["services"].items()}


def variables_of(file: Path) -> dict[str, str]:
    """What an `.env` says."""
    lines = [line for line in file.read_text("utf-8").splitlines() if line and not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines)


def _filled(value: Any, variables: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _filled(each, variables) for key, each in value.items()}
    if isinstance(value, list):
        return [_filled(each, variables) for each in value]
    return _VARIABLE.sub(lambda found: _one(found, variables), value) if isinstance(value, str) else value


def _one(found: re.Match[str], variables: Mapping[str, str]) -> str:
    if found["dollar"]:
        return "$"
    given = variables.get(found["name"], "")
    if given or found["how"] is None:
        return given
    if found["how"] == "?":
        raise MissingVariable(found["other"])
    return str(found["other"])
