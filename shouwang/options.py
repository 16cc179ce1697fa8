"""Flags that many commands share, so that each means and says the same everywhere."""

from __future__ import annotations

import os
from enum import StrEnum
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


class Tongue(StrEnum):
    """The languages that we speak."""

    ZH = "zh"
    EN = "en"


def terminal_language(said: Tongue | None) -> str:
    """`zh` or `en`: as asked for, else as the terminal's locale has it."""
    if said is not None:
        return said.value
    locale = os.environ.get("LC_ALL") or os.environ.get("LC_MESSAGES") or os.environ.get("LANG") or ""
    return "zh" if locale.lower().startswith("zh") else "en"
