"""Flags that many commands share, so that each means and says the same everywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

SettingsFile = Annotated[
    Path | None,
    typer.Option(
        "--settings",
        help="Settings file. Left out: $SHOUWANG_SETTINGS, else shouwang.toml in --state, else where you stand.",
    ),
]
StateDir = Annotated[
    Path | None,
    typer.Option("--state", help="State directory: ledger, journal, readings, secrets.", show_default=False),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
