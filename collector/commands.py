"""The collector's commands, as the front door names them."""

from __future__ import annotations

import asyncio
from enum import StrEnum
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

    The broker is that of the settings (`[broker] url`). Left to itself it runs two processes, the watch and the recorder
    of readings, and starts again whichever ends.

    Example: SHOUWANG_BROKER__URL=mqtt://127.0.0.1:1883 shouwang collector --state /var/lib/shouwang
    """
    loaded = settings.load(file, flags={"state": state}).settings
    from collector import service

    if only is Part.WATCH:
        asyncio.run(service.watch(loaded))
    elif only is Part.RECORDER:
        service.record(loaded)
    else:
        raise typer.Exit(asyncio.run(service.supervised(loaded, file)))
