"""What an installation writes and runs, as a list to be shown or carried out: decided here, done by `carry_out`."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from string import Template

from edge.bundle import agent_file
from edge.bundle.agent_file import AgentFile
from shouwang.trouble import Trouble

NAME = "shouwang-agent"
ETC = Path("/etc") / NAME
OPT = Path("/opt") / NAME
BUNDLE = OPT / f"{NAME}.pyz"
SETTINGS = ETC / "agent.toml"
PASSWORD = ETC / "password"
AUTHORITIES = ETC / "ca.pem"
CACHE = Path("/var/cache") / NAME
_HERE = Path(__file__).parent
_COMMAND_WITHIN_S = 120.0


class Keeper(StrEnum):
    """What keeps services running on a box."""

    SYSTEMD = "systemd"
    PROCD = "procd"
    NONE = "none"


UNITS = {
    Keeper.SYSTEMD: Path("/etc/systemd/system") / f"{NAME}.service",
    Keeper.PROCD: Path("/etc/init.d") / NAME,
}
STATE = {
    Keeper.SYSTEMD: Path("/var/lib") / NAME,
    Keeper.PROCD: OPT / "state",  # /var is in memory there
    Keeper.NONE: Path("/var/lib") / NAME,
}


@dataclass(frozen=True, slots=True)
class Write:
    """A file, whole; `data` None: a copy of the bundle that installs."""

    path: Path
    mode: int
    data: str | None
    secret: bool = False


@dataclass(frozen=True, slots=True)
class Run:
    """A command; one that `may_fail` is asked of what may not be there any more."""

    argv: tuple[str, ...]
    may_fail: bool = False


@dataclass(frozen=True, slots=True)
class Remove:
    """A file, or a folder with what is in it."""

    path: Path


Step = Write | Run | Remove


def keeper_of(root: Path) -> Keeper:
    """What keeps services running on this box."""
    if (root / "run/systemd/system").is_dir():
        return Keeper.SYSTEMD
    return Keeper.PROCD if (root / "sbin/procd").exists() else Keeper.NONE


def install(said: AgentFile, password: str, authorities: str, keeper: Keeper, python: str) -> Iterator[Step]:
    """The steps of an installation, or of one over another, which keeps state and outbox."""
    yield Write(BUNDLE, 0o755, None)
    yield Write(PASSWORD, 0o600, password + "\n", secret=True)
    if authorities:
        yield Write(AUTHORITIES, 0o644, authorities)
    yield Write(SETTINGS, 0o644, agent_file.written(said))
    if keeper is Keeper.NONE:
        return
    template = Template((_HERE / f"{NAME}{_ENDING[keeper]}").read_text("utf-8"))
    unit = template.substitute(python=python, bundle=BUNDLE, settings=SETTINGS, password=PASSWORD, cache=OPT / "cache")
    yield Write(UNITS[keeper], 0o644 if keeper is Keeper.SYSTEMD else 0o755, unit)
    yield from (Run(argv) for argv in _BEGIN[keeper])


def uninstall(keeper: Keeper, *, purge: bool) -> Iterator[Step]:
    """The steps of taking it off. Settings and what was not yet sent stay, unless they are to go too."""
    yield from (Run(argv, may_fail=True) for argv in _END[keeper])
    if keeper in UNITS:
        yield Remove(UNITS[keeper])
    if keeper is Keeper.SYSTEMD:
        yield Run(("systemctl", "daemon-reload"), may_fail=True)
    yield Remove(BUNDLE)
    for cache in (CACHE, Path("/var/cache/private") / NAME, OPT / "cache"):
        yield Remove(cache)
    if purge:
        for path in (ETC, OPT, Path("/var/lib") / NAME, Path("/var/lib/private") / NAME):
            yield Remove(path)


def shown(step: Step) -> str:
    """A step in words, with what a file will hold; a secret is not shown."""
    match step:
        case Write(path, mode, None):
            return f"copy this bundle to {path} (mode {mode:04o})"
        case Write(path, mode, _, True):
            return f"write {path} (mode {mode:04o}): the password that this box makes, not shown"
        case Write(path, mode, data):
            lines = "".join(f"    {line}\n" for line in (data or "").splitlines())
            return f"write {path} (mode {mode:04o}):\n{lines.rstrip()}"
        case Run(argv):
            return f"run {' '.join(argv)}"
        case Remove(path):
            return f"remove {path}"


def carry_out(steps: Sequence[Step], root: Path, bundle: Path | None) -> None:
    """Does it, under `root`. Raises Trouble for what failed; done again it goes on."""
    for step in steps:
        try:
            match step:
                case Write():
                    _write(under(root, step.path), step, bundle)
                case Run(argv, may_fail):
                    _run(argv, may_fail)
                case Remove(path):
                    _remove(under(root, path))
        except OSError as error:
            raise Trouble(f"{shown(step).splitlines()[0]}: {error.strerror or error}") from error


def under(root: Path, path: Path) -> Path:
    """An absolute path, in the system that lies at `root`."""
    return root / path.relative_to("/")


def _write(path: Path, step: Write, bundle: Path | None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(path.name + ".new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, step.mode), "wb") as file:
        file.write(step.data.encode() if step.data is not None else _bytes_of(bundle))
        file.flush()
        os.fsync(file.fileno())
    new.chmod(step.mode)
    new.replace(path)


def _bytes_of(bundle: Path | None) -> bytes:
    assert bundle is not None, "only a bundle installs itself"
    return bundle.read_bytes()


def _run(argv: tuple[str, ...], may_fail: bool) -> None:
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=_COMMAND_WITHIN_S)
    except subprocess.TimeoutExpired:
        raise Trouble(f"{' '.join(argv)} did not end within {_COMMAND_WITHIN_S:.0f} s") from None
    if done.returncode and not may_fail:
        raise Trouble(f"{' '.join(argv)}: {done.stderr.strip() or f'exit code {done.returncode}'}")


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


_ENDING = {Keeper.SYSTEMD: ".service", Keeper.PROCD: ".init"}
_BEGIN = {
    Keeper.SYSTEMD: (
        ("systemctl", "daemon-reload"),
        ("systemctl", "enable", f"{NAME}.service"),
        ("systemctl", "restart", f"{NAME}.service"),
    ),
    Keeper.PROCD: ((str(UNITS[Keeper.PROCD]), "enable"), (str(UNITS[Keeper.PROCD]), "restart")),
}
_END: dict[Keeper, tuple[tuple[str, ...], ...]] = {
    Keeper.SYSTEMD: (("systemctl", "disable", "--now", f"{NAME}.service"),),
    Keeper.PROCD: ((str(UNITS[Keeper.PROCD]), "stop"), (str(UNITS[Keeper.PROCD]), "disable")),
    Keeper.NONE: (),
}
