"""`shouwang serve`, `collector` and `broker`: what runs until it is told to end."""

from __future__ import annotations

import asyncio
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from shouwang import settings
from shouwang.options import SettingsFile, StateDir


class Part(StrEnum):
    """The two processes of a collector."""

    WATCH = "watch"
    RECORDER = "recorder"


def collector(
    state: StateDir = None,
    only: Annotated[Part | None, typer.Option("--only", help="Run one of its two processes alone.")] = None,
    file: SettingsFile = None,
) -> None:
    """Run the collector alone: it hears the agents, decides, tells, and stores the readings.

    The broker is that of the settings (`[broker] url`). Left to itself it runs two processes, the watch and the
    recorder of readings, and starts again whichever ends.

    Example: SHOUWANG_BROKER__URL=mqtt://127.0.0.1:1883 shouwang collector --state /var/lib/shouwang
    """
    loaded = settings.load(file, flags={"state": state}).settings
    from collector import service
    from collector.holding import held

    if only is None:
        raise typer.Exit(asyncio.run(service.supervised(loaded, file)))
    with held(loaded.state, f"{only}.lock", "shouwang collector"):
        if only is Part.WATCH:
            asyncio.run(service.watch(loaded))
        else:
            service.record(loaded)


def serve(
    state: StateDir = None,
    fleet: Annotated[Path | None, typer.Option(help="Take this fleet file in first.", show_default=False)] = None,
    port: Annotated[int | None, typer.Option(help="Of console and API.", show_default="8420")] = None,
    host: Annotated[str | None, typer.Option(help="Address of console and API.", show_default="127.0.0.1")] = None,
    mqtt_port: Annotated[int | None, typer.Option(help="Of the broker.", show_default="18830")] = None,
    mqtt_host: Annotated[
        str | None,
        typer.Option(
            help="Let agents on other machines in, at this address (0.0.0.0: all). Needs Mosquitto; each agent then "
            "needs its password (`shouwang token create --centre`).",
            show_default="127.0.0.1",
        ),
    ] = None,
    speed: Annotated[float | None, typer.Option(hidden=True)] = None,
    file: SettingsFile = None,
) -> None:
    """Run broker, collector and API, supervised, in one command; needs nothing else, on loopback.

    Ctrl-C or SIGTERM ends everything within 10 seconds.

    Example: shouwang serve --state state --fleet fleet.csv --port 8420 --mqtt-port 18830
    """
    flags = {
        "state": None if state is None else state.absolute(),
        "fleet": None if fleet is None else fleet.absolute(),
        "api.port": port,
        "api.host": host,
        "broker.port": mqtt_port,
        "broker.host": mqtt_host,
        "speed": speed,
    }
    loaded = settings.load(file, flags=flags)
    from collector.serve import serve as serve_all

    raise typer.Exit(serve_all(loaded, flags))


def broker(state: StateDir = None, file: SettingsFile = None) -> None:
    """Run the broker that `serve` starts: Mosquitto where it is installed, else the embedded one.

    Example: shouwang broker --state state
    """
    loaded = settings.load(file, flags={"state": state}).settings
    from collector import broker_process

    raise typer.Exit(broker_process.run(loaded))
