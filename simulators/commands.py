"""The simulators' commands: `shouwang simulate` and `shouwang demo`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from shouwang.options import AsJson
from shouwang.trouble import Trouble, WrongUsage

if TYPE_CHECKING:
    from simulators.fleet import SimCentre

DEMO_PORT = 8420
DEMO_MQTT_PORT = 18_830
DEMO_SPEED = 6.0
"""The whole banner takes half a core then, simulation and watch together; half a minute to the first notification."""

Centres = Annotated[int | None, typer.Option(help="How many of the 381 centres. Left out: all.", min=1, max=381)]
Speed = Annotated[float, typer.Option(help="So many times faster: divides intervals and limits.", min=1, max=20)]
Seed = Annotated[int, typer.Option(help="The same seed, the same fleet and the same faults.")]


def simulate(
    centres: Centres = None,
    speed: Speed = 1.0,
    seed: Seed = 1,
    broker: Annotated[str, typer.Option(help="mqtt:// or mqtts:// address.")] = f"mqtt://127.0.0.1:{DEMO_MQTT_PORT}",
    scenario: Annotated[list[str] | None, typer.Option(help="A scenario by name, or a .toml file; repeatable.")] = None,
    random: Annotated[int | None, typer.Option(help="Faults at random, drawn from this seed.")] = None,
    write_fleet: Annotated[Path | None, typer.Option(help="Write the fleet file and end.", show_default=False)] = None,
    building: Annotated[int, typer.Option(help="So many centres are not yet connected.", min=0)] = 0,
    outboxes: Annotated[
        Path | None, typer.Option(help="Keep the outboxes here, on disk. Left out: in memory, gone at the end.")
    ] = None,
    passwords: Annotated[
        Path | None, typer.Option(help="JSON file of MQTT passwords, by centre or feed.", show_default=False)
    ] = None,
    seconds: Annotated[float | None, typer.Option(help="End after so many seconds.", show_default=False)] = None,
    control: Annotated[Path | None, typer.Option(hidden=True)] = None,
    after: Annotated[int | None, typer.Option(hidden=True)] = None,
    installed: Annotated[
        str | None,
        typer.Option(help="This centre's own devices are left out: an agent watches them.", show_default=False),
    ] = None,
    devices: Annotated[
        str | None,
        typer.Option(
            help="Run that centre's devices alone, on real sockets in this network (as 127.77.0).", show_default=False
        ),
    ] = None,
    list_: Annotated[bool, typer.Option("--list", help="List the scenarios and end.")] = False,
    as_json: AsJson = False,
) -> None:
    """Run simulated centres of Naiman Banner over MQTT, and make them misbehave.

    The devices are simulated; outbox, uplink and MQTT are the agent's own.

    Example: shouwang simulate --centres 20 --speed 10 --scenario power_cut_centre
    """
    from simulators import scenario as scenarios

    if after is not None:
        from simulators.waiting import wait_for_port

        wait_for_port(after)  # before anything is loaded: the console is to be there first
    from simulators.fleet import naiman, without_own, write_csv

    if list_:
        _list(as_json)
        return
    try:
        fleet = naiman(centres, seed=seed, building=building)
        wanted = [scenarios.load(name) for name in scenario or ()]
    except ValueError as error:
        raise WrongUsage(str(error)) from error
    if installed is not None and installed not in {centre.centre for centre in fleet}:
        raise WrongUsage(f"--installed {installed}: there is no such centre among these")
    if devices is not None:
        _run_devices([centre for centre in fleet if centre.centre == installed], devices, control, speed, seed)
        return
    from simulators.running import Running, run

    fleet = [without_own(centre) if centre.centre == installed else centre for centre in fleet]
    if write_fleet is not None:
        count = write_csv(fleet, write_fleet)
        typer.echo(f"{write_fleet}: {len(fleet)} centres, {count} devices")
        return
    run(
        Running(
            fleet=fleet,
            broker=broker,
            speed=speed,
            seed=seed,
            scenarios=wanted,
            random=random,
            outboxes=outboxes,
            passwords=passwords,
            seconds=seconds,
            control=control,
            as_json=as_json,
        )
    )


def _run_devices(installed: Sequence[SimCentre], network: str, control: Path | None, speed: float, seed: int) -> None:
    import asyncio
    import re

    from simulators.centre.playing import run

    if not installed:
        raise WrongUsage("--devices: name the centre with --installed")
    if not re.fullmatch(r"\d{1,3}\.\d{1,3}\.\d{1,3}", network):
        raise WrongUsage(f"--devices {network}: the first three numbers of an IPv4 network, as 127.77.0")
    try:
        asyncio.run(run(installed[0], network, control, speed=speed, seed=seed))
    except OSError as error:
        raise Trouble(f"the devices cannot stand in {network}.0/24: {error}") from error


def _list(as_json: bool) -> None:
    from simulators import scenario as scenarios

    found = [scenarios.load(name) for name in scenarios.names()]
    if as_json:
        listed = [
            {
                "name": each.name,
                "title": {"zh": each.title.zh, "en": each.title.en},
                "about": {"zh": each.about.zh, "en": each.about.en},
                "lasts_s": each.lasts_s,
                "centres": each.centres,
            }
            for each in found
        ]
        typer.echo(json.dumps(listed, ensure_ascii=False, indent=2))
        return
    for each in found:
        typer.echo(f"{each.name:26} {each.title.zh} · {each.title.en} ({each.lasts_s / 60:g} min)")
        typer.echo(f"{'':26} {each.about.en}")


def demo(
    centres: Centres = None,
    speed: Annotated[float, typer.Option(help="Divides intervals and limits.", min=1, max=20)] = DEMO_SPEED,
    port: Annotated[int, typer.Option(help="The console's port; the demo's page is on the next.", min=1)] = DEMO_PORT,
    mqtt_port: Annotated[int, typer.Option(help="The broker's port.", min=1)] = DEMO_MQTT_PORT,
    state: Annotated[Path, typer.Option(help="Where everything is kept; emptied at each start.")] = Path(".demo"),
    seed: Seed = 1,
) -> None:
    """Run the whole product with the simulated Naiman Banner, on this machine alone.

    The terminal says what to open and what happens. Ctrl-C ends everything.

    Example: shouwang demo --centres 20 --speed 10
    """
    import asyncio

    from shouwang import clock

    began_s = clock.mono_s()
    from simulators.demo.prepare import Asked
    from simulators.demo.running import Demo

    code = asyncio.run(Demo(Asked(state, centres, speed, port, mqtt_port, seed), began_s).run())
    if code:
        raise typer.Exit(code)
