"""Looks at the settings, the machine's clock, who else runs here, and the units that start us."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import dropwhile
from pathlib import Path

from collector.doctor.around import Around
from collector.doctor.finding import At, Finding, found
from collector.service import kinds_of
from shouwang import settings as all_settings
from shouwang.kinds import KindError
from shouwang.settings import Loaded, SettingsError

PLAUSIBLE_FROM_MS = 1_750_000_000_000
"""June 2025: an earlier clock was never set."""
BEIJING_S = 8 * 3600
WATCHED = {"WatchdogSec": r"[1-9]", "Restart": r"always|on-failure|on-watchdog|on-abnormal"}
_UNIT = "shouwang*.service"
_ONCE = "Type=oneshot"


def settings(loaded: Loaded, _around: Around) -> Iterator[Finding]:
    """Where they stand, and the kinds of device."""
    yield found("settings_file", file=loaded.file) if loaded.file else found("settings_none")
    try:
        kinds = kinds_of(loaded.settings)
    except KindError as error:
        yield found("kind_wrong", said=error)
    else:
        yield found("kinds_known", count=len(list(kinds)))


def time(_loaded: Loaded, around: Around) -> Iterator[Finding]:
    """The clock and its zone. Whether it was set back the ledger knows (`ledger.clock_back`)."""
    at = At(around.now_ms)
    if around.now_ms < PLAUSIBLE_FROM_MS:
        yield found("clock_unset", at=at)
    elif around.synchronised is False:
        yield found("clock_unkept", at=at)
    else:
        yield found("clock_right", at=at)
    if around.utc_offset_s != BEIJING_S:
        yield found("zone_other", offset=_offset(around.utc_offset_s))
    else:
        yield found("zone_same")


def _offset(seconds: int) -> str:
    hours, minutes = divmod(abs(seconds) // 60, 60)
    return f"{'-' if seconds < 0 else '+'}{hours:02d}:{minutes:02d}"


def collectors(loaded: Loaded, around: Around) -> Iterator[Finding]:
    """More than one `serve` or `collector` on this state directory."""
    state = loaded.settings.state.absolute()
    pids = sorted(pid for pid, theirs in _supervisors(around.proc) if theirs == state)
    if len(pids) > 1:
        yield found("two_collectors", count=len(pids), state=state, pids=", ".join(map(str, pids)))


def _supervisors(proc: Path) -> Iterator[tuple[int, Path]]:
    """Each process that runs a collector, with its state directory; those that we may not look into are left out."""
    for folder in proc.glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_text("utf-8", "replace").split("\0")[:-1]
            if (arguments := _arguments(words)) is None:
                continue
            pairs = (folder / "environ").read_text("utf-8", "replace").split("\0")
            environment = dict(pair.partition("=")[::2] for pair in pairs if "=" in pair)
            yield int(folder.name), _state_of(arguments, environment, (folder / "cwd").readlink())
        except (OSError, SettingsError):
            continue


def _arguments(words: list[str]) -> list[str] | None:
    """What follows `shouwang serve` or `shouwang collector`; None for anything else: for a collector's parts, and for
    who only starts it (`sudo`, `timeout`, a shell)."""
    if not words or not words[0].rpartition("/")[2].startswith("python"):
        return None
    rest = list(dropwhile(lambda word: word.startswith("-"), words[1:]))
    if len(rest) < 2 or rest[0].rpartition("/")[2] != "shouwang" or rest[1] not in ("serve", "collector"):
        return None
    return None if any(word.startswith("--only") for word in rest) else rest[2:]


def _state_of(arguments: list[str], environment: Mapping[str, str], stands_in: Path) -> Path:
    """As that process comes to it. Raises SettingsError."""
    said = {name: value for name, value in environment.items() if name.startswith("SHOUWANG_")}
    file = _option(arguments, "--settings") or said.get("SHOUWANG_SETTINGS") or "shouwang.toml"
    there = stands_in / file
    if not there.is_file():
        said.pop("SHOUWANG_SETTINGS", None)
    state = _option(arguments, "--state")
    if state is None and there.is_file():
        return stands_in / all_settings.load(there, env=said).settings.state
    return stands_in / (state or said.get("SHOUWANG_STATE") or "state")


def _option(arguments: list[str], name: str) -> str | None:
    for at, word in enumerate(arguments):
        if word == name and at + 1 < len(arguments):
            return arguments[at + 1]
        if word.startswith(f"{name}="):
            return word.partition("=")[2]
    return None


def units(_loaded: Loaded, around: Around) -> Iterator[Finding]:
    """The systemd units that start us: does anybody notice when one hangs, and start it again?"""
    seen: dict[str, str] = {}
    for folder in around.units:
        for unit in sorted(folder.glob(_UNIT)):
            seen.setdefault(unit.name, _whole(unit, around.units))
    good = []
    for name, text in seen.items():
        lacks = [key for key, value in WATCHED.items() if not re.match(value, _last(text, key))]
        if _ONCE not in text and lacks:
            yield found("unit_unwatched", unit=name, lacks=", ".join(lacks))
        else:
            good.append(name)
    if good:
        yield found("units_good", units=", ".join(good))


def _whole(unit: Path, folders: tuple[Path, ...]) -> str:
    """A unit with its drop-ins after it, as systemd reads them."""
    drop_ins = {path.name: path for folder in reversed(folders) for path in folder.glob(f"{unit.name}.d/*.conf")}
    parts = [unit, *(drop_ins[name] for name in sorted(drop_ins))]
    return "\n".join(path.read_text("utf-8", "replace") for path in parts)


def _last(text: str, key: str) -> str:
    """The value that holds: the last one given."""
    values = re.findall(rf"^\s*{key}\s*=\s*(.*?)\s*$", text, re.MULTILINE)
    return values[-1] if values else ""
