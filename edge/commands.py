"""The agent's commands at the front door: `shouwang agent` and `shouwang probe`."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from shouwang.options import AsJson
from shouwang.trouble import WrongUsage

if TYPE_CHECKING:
    from edge.options import AgentOptions


class Language(StrEnum):
    """Of what is printed."""

    ZH = "zh"
    EN = "en"


def agent(
    centre: Annotated[str, typer.Option(help="The centre's code: 12 digits, or [a-z0-9-].")],
    region: Annotated[str, typer.Option(help="The county's code: 6 digits, or [a-z0-9-].")],
    broker: Annotated[str, typer.Option(help="mqtt://host:1883, or mqtts://host:8883.")],
    state: Annotated[Path, typer.Option(help="Where outbox, configuration, allowed.toml and secrets.toml are kept.")],
    username: Annotated[str | None, typer.Option(help="MQTT user; left out, the centre.")] = None,
    password_file: Annotated[Path | None, typer.Option(help="A file with the MQTT password.")] = None,
    ca_file: Annotated[Path | None, typer.Option(help="The broker's authority, for mqtts.")] = None,
    certificate_file: Annotated[Path | None, typer.Option(help="The agent's own certificate, for mqtts.")] = None,
    key_file: Annotated[Path | None, typer.Option(help="The key of that certificate.")] = None,
    network: Annotated[
        list[str] | None, typer.Option(help="A network that may be probed (several times); left out, private LANs.")
    ] = None,
    allow_loopback: Annotated[bool, typer.Option(help="This machine itself may be probed too.")] = False,
    outbox_mib: Annotated[int, typer.Option(help="How large the outbox may grow, in MiB.")] = 192,
    speed: Annotated[float, typer.Option(help="Divides intervals of sending (demos).", hidden=True)] = 1.0,
) -> None:
    """Watch the devices of one centre, and report. Runs until it is stopped.

    Example: shouwang agent --centre 150525100201 --region 150525 --broker mqtt://10.0.0.2:18830 --state ./agent
    """
    from edge.options import AgentOptions

    options = AgentOptions(
        centre=centre,
        region=region,
        broker=broker,
        state=str(state.absolute()),
        username=username,
        password_file=_absolute(password_file),
        ca_file=_absolute(ca_file),
        certificate_file=_absolute(certificate_file),
        key_file=_absolute(key_file),
        networks=list(network or []),
        allow_loopback=allow_loopback,
        outbox_bytes=outbox_mib << 20,
        speed=speed,
    )
    _become("edge", options)


def feed(
    mapping: Annotated[Path, typer.Option(help="The mapping file: what a platform's words mean (TOML).")],
    state: Annotated[Path, typer.Option(help="Where outbox, secrets.toml and listen.toml are kept.")],
    name: Annotated[str, typer.Option(help="The feed's name, as the fleet's column `path` has it.")] = "",
    region: Annotated[str, typer.Option(help="The county's code: 6 digits, or [a-z0-9-].")] = "",
    broker: Annotated[str, typer.Option(help="mqtt://host:1883, or mqtts://host:8883.")] = "",
    username: Annotated[str | None, typer.Option(help="MQTT user; left out, the feed's name.")] = None,
    password_file: Annotated[Path | None, typer.Option(help="A file with the MQTT password.")] = None,
    ca_file: Annotated[Path | None, typer.Option(help="The broker's authority, for mqtts.")] = None,
    certificate_file: Annotated[Path | None, typer.Option(help="The feed's own certificate, for mqtts.")] = None,
    key_file: Annotated[Path | None, typer.Option(help="The key of that certificate.")] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Show what the platform's answer maps to; send nothing.")
    ] = False,
    answer: Annotated[Path | None, typer.Option("--from", help="With --check: a file with an answer.")] = None,
    outbox_mib: Annotated[int, typer.Option(help="How large the outbox may grow, in MiB.")] = 192,
    speed: Annotated[float, typer.Option(help="Divides intervals of sending (demos).", hidden=True)] = 1.0,
    as_json: AsJson = False,
) -> None:
    """Speak for devices of many centres that a platform knows. Runs until it is stopped.

    Example: shouwang feed --name care --region 150525 --broker mqtt://10.0.0.2:18830 --mapping care.toml --state ./feed

    Example: shouwang feed --mapping care.toml --state ./feed --check
    """
    from edge.feed.options import FeedOptions

    if check:
        _check_feed(mapping, state, answer, as_json)
        return
    for option, said in (("--name", name), ("--region", region), ("--broker", broker)):
        if not said:
            raise WrongUsage(f"{option} is missing")

    options = FeedOptions(
        centre=name,
        region=region,
        broker=broker,
        state=str(state.absolute()),
        mapping=str(mapping.absolute()),
        username=username,
        password_file=_absolute(password_file),
        ca_file=_absolute(ca_file),
        certificate_file=_absolute(certificate_file),
        key_file=_absolute(key_file),
        outbox_bytes=outbox_mib << 20,
        speed=speed,
    )
    _become("edge.feed", options)


def _check_feed(mapping: Path, state: Path, answer: Path | None, as_json: bool) -> None:
    from edge.feed import checking
    from edge.secrets import UnknownSecretError

    try:
        _, made = checking.look(mapping, state, answer)
    except (ValueError, OSError, UnknownSecretError) as error:
        raise WrongUsage(str(error)) from error
    if as_json:
        typer.echo(json.dumps(checking.as_json(made), ensure_ascii=False))
    else:
        typer.echo("\n".join(checking.as_text(made)))
    if not made.well or made.asides:
        raise typer.Exit(1)


def _absolute(path: Path | None) -> str | None:
    return None if path is None else str(path.absolute())


def _become(module: str, options: AgentOptions) -> None:
    """Begun anew without the command line's libraries. Raises WrongUsage for what can be seen to be wrong before."""
    from edge.becoming import become
    from edge.options import OptionsError

    try:
        options.check()
    except OptionsError as error:
        raise WrongUsage(str(error)) from error
    become(module, options)


def probe(
    kind: Annotated[
        str, typer.Argument(help="How to ask (icmp, rtsp, snmp, … see docs/drivers.md), or a kind of device.")
    ],
    target: Annotated[str, typer.Argument(help="192.168.1.7, camera:554, rtsp://camera/1, https://page …")] = "",
    setting: Annotated[
        list[str] | None, typer.Option("--set", help="A setting of the driver, NAME=VALUE (several times).")
    ] = None,
    secrets: Annotated[Path | None, typer.Option(help="secrets.toml, for settings like password=secret:NAME.")] = None,
    timeout_s: Annotated[float, typer.Option("--timeout", help="Seconds.")] = 5.0,
    listen_s: Annotated[
        float | None,
        typer.Option("--listen", help="Listen so many seconds for a device that speaks itself.", show_default=False),
    ] = None,
    option: Annotated[
        list[str] | None, typer.Option("--option", help="Of the listener, NAME=VALUE, as port=5062 (several times).")
    ] = None,
    lang: Annotated[Language | None, typer.Option(help="zh or en.", show_default="the terminal's")] = None,
    as_json: AsJson = False,
) -> None:
    """Probe one device once, from where you stand. Exit code 1 when it does not answer.

    What failed is said in a plain sentence, after a second look by ping and port; each step's time is shown.

    Example: shouwang probe rtsp rtsp://192.168.1.64/Streaming/Channels/101 --set user=admin --set password=secret:hall

    Example: shouwang probe scaip 26317 --listen 60
    """
    import asyncio

    from edge import probe_command
    from edge.allowed import NotAllowedError
    from edge.listen_file import ListenFileError
    from edge.probing import NoDriverError, ProbeConfigError
    from shouwang import kinds

    if not 0.1 <= timeout_s <= 60:
        raise WrongUsage(f"--timeout {timeout_s:g}: between 0.1 and 60 seconds")
    declared = kinds.load()
    driver = str(declared[kind].driver) if kind in declared else kind
    settings, language = _settings(setting or []), probe_command.language(lang)
    try:
        if listen_s is not None:
            options = _settings(option or [], "--option")
            if not asyncio.run(_listen(driver, target, settings, options, secrets, listen_s, language, as_json)):
                raise typer.Exit(1)
            return
        looked = asyncio.run(probe_command.look(driver, target, settings, secrets, timeout_s))
    except (NoDriverError, ProbeConfigError, NotAllowedError, ListenFileError, OSError, ValueError) as error:
        raise WrongUsage(str(error)) from error
    if as_json:
        typer.echo(probe_command.as_json(driver, target, looked))
    else:
        typer.echo(probe_command.as_text(driver, target, looked, language))
    if not looked.answer.reachable:
        raise typer.Exit(1)


def discover(
    state: Annotated[
        Path | None,
        typer.Option(help="The agent's state directory: its allowed.toml says which LANs.", show_default=False),
    ] = None,
    network: Annotated[
        list[str] | None, typer.Option(help="A network to look at (several times); left out, this machine's LANs.")
    ] = None,
    allow_loopback: Annotated[bool, typer.Option(help="This machine itself may be looked at too.")] = False,
    large: Annotated[bool, typer.Option("--large", help="Networks larger than /22 too, up to /16.")] = False,
    within_s: Annotated[
        float | None, typer.Option("--within", help="End after so many seconds.", show_default="60 for 256 addresses")
    ] = None,
    write: Annotated[
        Path | None, typer.Option(help="Append rows to this fleet file (CSV), for review.", show_default=False)
    ] = None,
    centre: Annotated[str, typer.Option(help="The centre's code, for --write.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="With --write: change nothing.")] = False,
    lang: Annotated[Language | None, typer.Option(help="zh or en.", show_default="the terminal's")] = None,
    as_json: AsJson = False,
) -> None:
    """Look for devices in the LAN, and propose kind, driver, target and name for each. Nothing is signed in to.

    Ctrl-C ends it with what was found so far. Exit code 1 when nobody was found.

    Example: shouwang discover --network 192.168.1.0/24

    Example: shouwang discover --state ./agent --write fleet.csv --centre 150525100201 --dry-run
    """
    import asyncio

    from edge.discovery import command, telling
    from edge.discovery.words import TEXTS
    from edge.probe_command import language
    from shouwang import kinds
    from shouwang.fleet import cells

    if (write is None) != (not centre):
        raise WrongUsage("--write FILE and --centre CODE go together")
    if within_s is not None and not 1 <= within_s <= 3600:
        raise WrongUsage(f"--within {within_s:g}: between 1 and 3600 seconds")
    said = language(lang)
    options = command.Options(state, network or (), allow_loopback, large, within_s, said)
    try:
        code = cells.centre(centre) if centre else ""
        if write is not None:
            command.fleet_file(write)  # what is wrong with it is said before the LAN is asked for a minute
        found = asyncio.run(command.discover(options))
        file = None if write is None else command.fleet_file(write)  # somebody may have edited it meanwhile
    except ValueError as error:
        raise WrongUsage(str(error)) from error
    made = command.made_of(found, file, code)
    if as_json:
        typer.echo(telling.as_json(made.proposals, found.notes, whole=found.whole))
    else:
        declared = kinds.load()
        typer.echo(telling.as_table(made.proposals, {name: declared[name] for name in declared}, said))
    for note in [*found.notes, *([] if found.whole else [TEXTS[said]["cut"]])]:
        typer.echo(note, err=True)
    if file is not None:
        if made.count and not dry_run:
            file.write(made.data)
        how = "nothing" if not made.count else "would" if dry_run else "added"
        typer.echo(TEXTS[said][how].format(file=write, count=made.count), err=True)
    if not found.found:
        raise typer.Exit(1)


async def _listen(
    driver: str,
    target: str,
    settings: dict[str, Any],
    options: dict[str, Any],
    secrets: Path | None,
    seconds: float,
    language: str,
    as_json: bool,
) -> bool:
    """Whether anything was heard."""
    from edge import probe_command
    from edge.hearing import Heard

    count = 0

    def say(heard: Heard) -> None:
        nonlocal count
        count += 1
        if as_json:
            said = {"device": heard.device, "event": heard.event, "fields": heard.fields, "detail": heard.detail}
            typer.echo(json.dumps(said, ensure_ascii=False))
        else:
            typer.echo(probe_command.heard_as_text(heard, language))

    await probe_command.listen(driver, target, settings, options, secrets, seconds, say)
    if not count and not as_json:
        typer.echo(probe_command.nothing_heard(language))
    return count > 0


def _settings(pairs: list[str], flag: str = "--set") -> dict[str, Any]:
    from shouwang.fleet.settings import read_value

    made: dict[str, Any] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise WrongUsage(f"{flag} {pair}: expected NAME=VALUE")
        made[name] = read_value(value)
    return made
