"""`shouwang-agent install`, `uninstall` and `status`."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from edge.bundle import agent_file, installing
from edge.bundle.agent_file import AgentFile
from edge.bundle.installing import Keeper
from shouwang.options import AsJson
from shouwang.trouble import Trouble, WrongUsage

Root = Annotated[Path, typer.Option(help="The system to work on, as an image that is being made.", hidden=True)]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be done; do nothing, use no code up.")]
SettingsFile = Annotated[Path, typer.Option("--settings", help="How the agent is run.")]


def install(
    server: Annotated[str, typer.Option(help="The address of console and API, as https://shouwang.example.")] = "",
    code: Annotated[str, typer.Option(help="What `shouwang enrol` printed, or the console showed.")] = "",
    centre: Annotated[str, typer.Option(help="Without a code: the centre's code.")] = "",
    region: Annotated[str, typer.Option(help="Without a code: the county's code.")] = "",
    broker: Annotated[str, typer.Option(help="mqtts://host:8883; over what the server says.")] = "",
    password_file: Annotated[Path | None, typer.Option(help="Without a code: a file with the MQTT password.")] = None,
    ca_file: Annotated[Path | None, typer.Option(help="The authorities (PEM) of server and broker.")] = None,
    network: Annotated[
        list[str] | None, typer.Option(help="A network that may be probed (several times); left out, private LANs.")
    ] = None,
    allow_loopback: Annotated[bool, typer.Option(help="This box itself may be probed too.")] = False,
    outbox_mib: Annotated[int, typer.Option(help="How large the outbox may grow, in MiB.")] = 192,
    python: Annotated[str, typer.Option(help="The Python that runs it.", show_default="this one")] = "",
    no_start: Annotated[bool, typer.Option("--no-start", help="Write the files; run nothing.")] = False,
    dry_run: DryRun = False,
    root: Root = Path("/"),
) -> None:
    """Install the agent on this box, as a service that starts with it: needs root.

    With a code, the box makes its password and learns the rest from the server. Over an installation: the state and
    what was not yet sent stay.

    Example: python3 shouwang-agent.pyz install --server https://shouwang.example --code K7QF2-2M9XR-TB4CW-W8ZDH
    """
    from edge.bundle.door import own_file
    from edge.bundle.enrolling import Enrolled, enrol

    if bool(code) == bool(centre):
        raise WrongUsage("give --server and --code, or --centre, --region, --broker and --password-file")
    if code and not server:
        raise WrongUsage("--code goes with --server")
    if centre and not (region and broker and password_file):
        raise WrongUsage("--centre goes with --region, --broker and --password-file")
    keeper = installing.keeper_of(root)
    interpreter = _python(python)
    bundle = own_file()
    _needs_root(dry_run, root)
    authorities = _text(ca_file) if ca_file else ""
    if code and dry_run:
        said = Enrolled("said-by-the-server", "said-by-the-server", broker or "mqtt://said-by-the-server")
        password = ""
    elif code:
        password = _password_of_box(root)
        said = enrol(server, code, password, ca_file)
    else:
        assert password_file is not None
        said, password = Enrolled(centre, region, broker), _text(password_file).strip()
    authorities = authorities or said.ca
    file = AgentFile(
        centre=said.centre,
        region=said.region,
        broker=broker or said.broker,
        state=str(installing.STATE[keeper]),
        server=server,
        bundle_key=said.bundle_key,
        password_file=str(installing.PASSWORD),
        ca_file=str(installing.AUTHORITIES) if authorities else None,
        networks=list(network or []),
        allow_loopback=allow_loopback,
        outbox_mib=outbox_mib,
    )
    steps = list(installing.install(file, password, authorities, keeper, interpreter))
    if no_start:
        steps = [step for step in steps if not isinstance(step, installing.Run)]
    if dry_run:
        typer.echo("\n".join(installing.shown(step) for step in steps))
        return
    installing.carry_out(steps, root, bundle)
    typer.echo(f"{file.centre}: installed; {_next(keeper, interpreter, started=not no_start)}")


def uninstall(
    purge: Annotated[
        bool, typer.Option("--purge", help="Settings, password and what was not yet sent go too.")
    ] = False,
    dry_run: DryRun = False,
    root: Root = Path("/"),
) -> None:
    """Take the agent off this box. Its settings and what was not yet sent stay, unless --purge is said.

    Example: shouwang-agent uninstall --dry-run
    """
    _needs_root(dry_run, root)
    steps = list(installing.uninstall(installing.keeper_of(root), purge=purge))
    if dry_run:
        typer.echo("\n".join(installing.shown(step) for step in steps))
        return
    installing.carry_out(steps, root, None)
    typer.echo(
        "the agent is off this box" if purge else f"the agent is off this box; {installing.ETC} and its state stay"
    )


def status(settings: SettingsFile = installing.SETTINGS, as_json: AsJson = False) -> None:
    """Say which bundle runs, whether one is on trial, and what became of those that were tried. Exit code 1 where the
    newest was given up.

    Example: shouwang-agent status
    """
    import msgspec

    from edge.upgrade import record
    from shouwang import __version__
    from shouwang.clock import rfc3339

    said = agent_file.read(settings)
    known = record.load(said.bundles)
    if as_json:
        typer.echo(json.dumps({"centre": said.centre, "installed": __version__, **msgspec.to_builtins(known)}))
    else:
        typer.echo(f"{said.centre}: installed {__version__}, runs {_running(known, __version__)}")
        if known.trial is not None:
            typer.echo(f"  on trial: {known.trial.version}, started {known.trial.starts} times")
        for each in known.outcomes:
            typer.echo(
                f"  {rfc3339(each.at_ms)} {each.version}: {f'given up, it {each.reason}' if each.reason else 'stays'}"
            )
    if known.newest is not None and known.newest.reason:
        raise typer.Exit(1)


def run(settings: SettingsFile = installing.SETTINGS) -> None:
    """Run the agent as it was installed; the service does this.

    Example: shouwang-agent run --settings /etc/shouwang-agent/agent.toml
    """
    raise AssertionError("the door runs this itself")  # it is here for the list of commands


def _running(known: object, installed: str) -> str:
    from edge.upgrade.record import Record

    assert isinstance(known, Record)
    versions = {each.sha256: each.version for each in known.outcomes}
    return versions.get(known.chosen, known.chosen[:12]) if known.chosen else installed


def _needs_root(dry_run: bool, root: Path) -> None:
    if not dry_run and root == Path("/") and os.geteuid() != 0:
        raise Trouble("this needs root: sudo python3 … (or --dry-run, to see what it would do)")


def _python(named: str) -> str:
    """The interpreter that the service runs, by a path that stays when Python is updated. Raises Trouble."""
    path = named or shutil.which("python3") or sys.executable
    done = subprocess.run(
        [path, "-c", "import sys; print(sys.version_info >= (3, 11), sys.executable)"], capture_output=True, text=True
    )
    if done.returncode or not done.stdout.startswith("True"):
        raise Trouble(f"{path} is no Python 3.11 or newer; name one with --python")
    real = Path(os.path.realpath(path))
    if real.is_relative_to("/root") or real.is_relative_to("/home"):
        if not named and Path("/usr/bin/python3").exists() and path != "/usr/bin/python3":
            return _python("/usr/bin/python3")
        raise Trouble(f"{real} lies in a home, where a service does not look; name another with --python")
    return path


def _password_of_box(root: Path) -> str:
    """A new one; that of an installation that was cut short, so that the same code still lets it in."""
    path = installing.under(root, installing.PASSWORD)
    if path.exists() and not installing.under(root, installing.SETTINGS).exists():
        return _text(path).strip()
    made = secrets.token_urlsafe(32)
    if not path.exists():
        installing.carry_out([installing.Write(installing.PASSWORD, 0o600, made + "\n", secret=True)], root, None)
    return made


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise WrongUsage(f"{path}: {error}") from error


def _next(keeper: Keeper, python: str, *, started: bool) -> str:
    if keeper is Keeper.NONE:
        return f"nothing here keeps services: have {python} {installing.BUNDLE} run started, and again when it ends"
    if not started:
        return f"start it with {'systemctl enable --now' if keeper is Keeper.SYSTEMD else 'service'} {installing.NAME}"
    return (
        "journalctl --follow --unit shouwang-agent shows what it says" if keeper is Keeper.SYSTEMD else "it is started"
    )
