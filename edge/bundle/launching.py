"""What the service runs: the bundle that was installed looks which one is to run, and becomes it.

`run` is what was installed, and never changes; `launched` is how it begins another bundle, whatever that one's version.
A bundle on trial gets a guardian beside it, which ends it when it has not been confirmed in time.
"""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path

from edge import log
from edge.bundle import agent_file
from edge.bundle.agent_file import AgentFile
from edge.machine import machine_start
from edge.options import AgentOptions, OptionsError, Upgrading
from edge.upgrade import record, store
from edge.upgrade.guardian import guard
from shouwang import clock
from shouwang.bundles import WrongBundle
from shouwang.trouble import WrongUsage

SETTINGS = Path("/etc/shouwang-agent/agent.toml")


def main(how: str, arguments: list[str]) -> int:
    """`run` or `launched`, with `[--settings FILE]`; becomes the agent and does not return. Raises Trouble."""
    if arguments[:1] == ["--help"]:
        sys.stdout.write("Usage: shouwang-agent run [--settings FILE]   (the service runs it; see `install`)\n")
        return 0
    if len(arguments) not in (0, 2) or (arguments and arguments[0] != "--settings"):
        raise WrongUsage(f"shouwang-agent {how} [--settings FILE], not {' '.join(arguments)}")
    path = Path(arguments[1]) if arguments else SETTINGS
    said = agent_file.read(path)
    log.configure()
    if how == "run":
        _choose(said, path)
    _become(said)
    return 0


def _choose(said: AgentFile, path: Path) -> None:
    """Becomes another bundle where one is chosen or tried; returns where it is this one."""
    kept = record.load(said.bundles)
    if kept.newest is not None and kept.newest.reason and not kept.said:
        log_line(f"bundle {kept.newest.sha256[:12]} was given up: it {kept.newest.reason}")
    now = clock.SystemClock().now()
    known, within_s = record.started(kept, machine_start(), now.mono_s, said.confirm_within_s, now.wall_ms)
    wanted = known.trial.sha256 if known.trial else known.chosen
    while wanted and (why := _wrong(said, wanted)):
        log_line(f"bundle {wanted[:12]} cannot run: {why}")
        known = record.cannot_run(known, why, now.wall_ms)
        within_s, wanted = None, known.chosen
    if known != kept:
        try:
            record.change(said.bundles, lambda _: known)
        except OSError as error:
            # What cannot be counted must not be tried: it might be tried for ever.
            log_line(f"the record of bundles cannot be kept ({error}); nothing is tried")
            within_s, wanted = None, known.chosen
    if not wanted:
        return
    if within_s is not None:
        log_line(f"bundle {wanted[:12]} runs on trial for {within_s:.0f} s")
        guard(said.bundles, wanted, within_s)
    os.execv(  # noqa: S606
        sys.executable,
        [sys.executable, str(store.bundle(said.bundles, wanted)), "launched", "--settings", str(path)],
    )


def _wrong(said: AgentFile, sha256: str) -> str:
    try:
        store.checked(said.bundles, sha256, said.bundle_key)
    except WrongBundle as error:
        return str(error)
    return ""


def _become(said: AgentFile) -> None:
    options = AgentOptions(
        centre=said.centre,
        region=said.region,
        broker=said.broker,
        state=said.state,
        username=said.username,
        password_file=said.password(),
        ca_file=said.ca_file,
        networks=said.networks,
        allow_loopback=said.allow_loopback,
        outbox_bytes=said.outbox_mib << 20,
        speed=said.speed,
        upgrading=Upgrading(said.server, str(said.bundles), said.bundle_key, said.ask_every_s)
        if said.server and said.bundle_key
        else None,
    )
    try:
        options.check()
    except OptionsError as error:
        raise WrongUsage(str(error)) from error
    from edge.becoming import become

    become("edge", options)


def log_line(said: str) -> None:
    logging.getLogger("edge.bundle").warning("%s", said)
