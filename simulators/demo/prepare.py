"""The demo's state directory: settings, secrets and fleet file, fresh at each start."""

from __future__ import annotations

import base64
import secrets
import shutil
import socket
from dataclasses import dataclass
from pathlib import Path

from shouwang.trouble import Trouble, WrongUsage
from simulators.fleet import SimCentre, naiman, write_csv

MARK = "demo.json"
"""A directory that holds this file is a demo's, and may be emptied at the next start."""

# Short, so that everything shows within a minute at the demo's speed; `speed` divides these too.
_NOTIFY_AFTER_S = {"call_terminal": 40, "centre": 90}
_NOTIFY_AFTER_OTHERS_S = 120
_SIMULATED_MIN = 4  # so many are needed for the tour, beside the one that is installed


@dataclass(frozen=True, slots=True)
class Asked:
    """What `shouwang demo` was asked for."""

    state: Path
    centres: int | None = None
    speed: float = 6.0
    port: int = 8420
    mqtt_port: int = 18_830
    seed: int = 1

    @property
    def page_port(self) -> int:
        """Where the demo's own page is: beside the console."""
        return self.port + 1 if self.port < 65_535 else self.port - 1

    @property
    def network(self) -> str:
        """Where the devices of the first centre stand: another for each demo of this machine."""
        return f"127.77.{self.port % 250}"

    @property
    def console_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def page_url(self) -> str:
        return f"http://127.0.0.1:{self.page_port}"


@dataclass(frozen=True, slots=True)
class Prepared:
    """What stands in the state directory."""

    settings: Path
    fleet_file: Path
    fleet: list[SimCentre]
    webhook_secret: str
    log: Path
    installed: str = ""
    """The centre that a real agent watches; empty where this system gives no addresses for its devices."""


def check_ports(asked: Asked) -> None:
    """Raises WrongUsage for a port that something else listens on."""
    flags = (("--port", asked.port), ("--port", asked.page_port), ("--mqtt-port", asked.mqtt_port))
    for flag, port in flags:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError as error:
                raise WrongUsage(
                    f"port {port} is taken (another demo?): {error.strerror}; choose another with {flag}"
                ) from error


def prepare(asked: Asked) -> Prepared:
    """Empties what an earlier demo left, and writes everything anew. Raises Trouble."""
    state = asked.state
    _empty(state)
    fleet = naiman(asked.centres, seed=asked.seed, building=4 if (asked.centres or 381) >= 40 else 0)
    installed = _install(asked, fleet[0]) if len(fleet) > _SIMULATED_MIN and _has_addresses(asked.network) else None
    if installed is not None:
        fleet[0] = installed
    write_csv(fleet, state / "fleet.csv")
    secret = "whsec_" + base64.b64encode(secrets.token_bytes(24)).decode()
    write_secret(state / "webhook-secret", secret)
    settings = state / "shouwang.toml"
    settings.write_text(_settings(asked), encoding="utf-8")
    (state / MARK).write_text("{}\n", encoding="utf-8")
    name = "" if installed is None else installed.centre
    return Prepared(settings, state / "fleet.csv", fleet, secret, state / "demo.log", name)


def _has_addresses(network: str) -> bool:
    """Linux has all of 127/8; elsewhere the first centre is simulated as the others are."""
    with socket.socket() as probe:
        try:
            probe.bind((f"{network}.1", 0))
        except OSError:
            return False
    return True


def _install(asked: Asked, centre: SimCentre) -> SimCentre:
    """The first centre as it is installed: a real agent, which listens where its file says."""
    from simulators.centre.plan import as_installed, listen_file

    agent = asked.state / "agent"
    agent.mkdir(mode=0o700)
    (agent / "listen.toml").write_text(listen_file(asked.network), encoding="utf-8")
    return as_installed(centre, asked.network)


def write_secret(path: Path, text: str) -> None:
    """For this user's eyes alone."""
    path.touch(mode=0o600)
    path.write_text(text + "\n", encoding="utf-8")


def _empty(state: Path) -> None:
    try:
        if state.exists() and any(state.iterdir()):
            if not (state / MARK).exists():
                raise Trouble(f"{state} is not empty and no demo's: give another directory with --state")
            shutil.rmtree(state)
        state.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise Trouble(f"{state} cannot be prepared: {error}") from error


def _settings(asked: Asked) -> str:
    from shouwang.kinds import load

    lines = [
        "# Written by `shouwang demo` at each start.",
        f"speed = {asked.speed}",
        f'demo_url = "{asked.page_url}"',
        "",
        "[api]",
        f"port = {asked.port}",
        "",
        "[broker]",
        f"port = {asked.mqtt_port}",
        "",
        "[notify.webhook]",
        f'url = "{asked.page_url}/webhook"',
        'secret_file = "webhook-secret"',
        "allow_private = true  # the demo's own page, on this machine",
    ]
    for name in ["centre", *load()]:
        after_s = _NOTIFY_AFTER_S.get(name, _NOTIFY_AFTER_OTHERS_S)
        lines += ["", f"[limits.{name}]", f"notify_after_s = {after_s}"]
    return "\n".join(lines) + "\n"
