"""The agent's commands at the front door: `shouwang agent` and `shouwang probe`."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from shouwang.options import AsJson
from shouwang.trouble import WrongUsage


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
    import msgspec

    from edge.options import AgentOptions, OptionsError

    def text(path: Path | None) -> str | None:
        return None if path is None else str(path.absolute())

    options = AgentOptions(
        centre=centre,
        region=region,
        broker=broker,
        state=str(state.absolute()),
        username=username,
        password_file=text(password_file),
        ca_file=text(ca_file),
        certificate_file=text(certificate_file),
        key_file=text(key_file),
        networks=list(network or []),
        allow_loopback=allow_loopback,
        outbox_bytes=outbox_mib << 20,
        speed=speed,
    )
    try:
        options.check()
    except OptionsError as error:
        raise WrongUsage(str(error)) from error
    # Begun anew without the command line's libraries: half the memory, on a small machine.
    environment = dict(os.environ)
    root = str(Path(__file__).resolve().parent.parent)
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, [root, environment.get("PYTHONPATH")]))
    sys.stdout.flush()
    sys.stderr.flush()
    os.execve(sys.executable, [sys.executable, "-m", "edge", msgspec.json.encode(options).decode()], environment)  # noqa: S606


def probe(
    kind: Annotated[
        str, typer.Argument(help="How to ask (icmp, tcp, tls, http, rtsp, sip, host), or a kind of device.")
    ],
    target: Annotated[str, typer.Argument(help="192.168.1.7, camera:554, rtsp://camera/1, https://page …")] = "",
    setting: Annotated[
        list[str] | None, typer.Option("--set", help="A setting of the driver, NAME=VALUE (several times).")
    ] = None,
    secrets: Annotated[Path | None, typer.Option(help="secrets.toml, for settings like password=secret:NAME.")] = None,
    timeout_s: Annotated[float, typer.Option("--timeout", help="Seconds.")] = 5.0,
    as_json: AsJson = False,
) -> None:
    """Probe one device once, from where you stand. Exit code 1 when it does not answer.

    Example: shouwang probe rtsp rtsp://192.168.1.64/Streaming/Channels/101 --set user=admin --set password=secret:hall
    """
    import asyncio

    from edge.allowed import Allowed, AllowedFile, NotAllowedError
    from edge.probing import Around, NoDriverError, ProbeConfigError, make_probe
    from edge.secrets import Secrets
    from shouwang import kinds

    if not 0.1 <= timeout_s <= 60:
        raise WrongUsage(f"--timeout {timeout_s:g}: between 0.1 and 60 seconds")
    declared = kinds.load()
    driver = str(declared[kind].driver) if kind in declared else kind
    # A person who sits at the machine may ask whatever the machine can reach.
    anything = Allowed(AllowedFile(networks=["0.0.0.0/0", "::/0"], loopback=True, link_local=True))
    around = Around(allowed=anything, secrets=Secrets(secrets), state_directory=Path.cwd())

    async def once() -> Any:
        try:
            return await make_probe(driver, target, _settings(setting or []), around).ask(timeout_s)
        finally:
            around.close()

    try:
        answer = asyncio.run(once())
    except (NoDriverError, ProbeConfigError, NotAllowedError, PermissionError) as error:
        raise WrongUsage(str(error)) from error
    said = answer.as_fields()
    if as_json:
        typer.echo(
            json.dumps({"driver": driver, "target": target, **said, "reason": str(answer.reason)}, ensure_ascii=False)
        )
    else:
        latency = f" in {answer.latency_ms:.1f} ms" if answer.latency_ms is not None else ""
        typer.echo(f"{'answers' if answer.reachable else 'does not answer'}{latency}  {target or driver}")
        for name, value in answer.fields.items():
            typer.echo(f"  {name}  {value}")
        if answer.reason:
            typer.echo(f"  {answer.reason}")
    if not answer.reachable:
        raise typer.Exit(1)


def _settings(pairs: list[str]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise WrongUsage(f"--set {pair}: expected NAME=VALUE")
        try:
            made[name] = json.loads(value)
        except ValueError:
            made[name] = value
    return made
