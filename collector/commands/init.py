"""`shouwang init`: settings and a sample fleet to begin with."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from shouwang.settings import FILE_NAME
from shouwang.trouble import Trouble

SAMPLE = Path(__file__).resolve().parents[2] / "deploy" / "sample"


def init(
    folder: Annotated[Path, typer.Argument(help="Where to; made if it is not there.")] = Path(),
    force: Annotated[bool, typer.Option("--force", help="Write over what is there.")] = False,
) -> None:
    """Write shouwang.toml and a sample fleet to begin with; then `shouwang serve` runs from there.

    Example: shouwang init my-banner && cd my-banner && shouwang serve
    """
    wanted = {folder / name: SAMPLE / name for name in (FILE_NAME, "fleet.csv")}
    there = [str(path) for path in wanted if path.exists()]
    if there and not force:
        raise Trouble(f"{' and '.join(there)} exist already; nothing was written (--force writes over them)")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "secrets").mkdir(mode=0o700, exist_ok=True)
        for path, sample in wanted.items():
            new = path.with_name(path.name + ".new")
            new.write_bytes(sample.read_bytes())
            new.replace(path)
    except OSError as error:
        raise Trouble(f"{folder}: {error.strerror}") from error
    for path in wanted:
        typer.echo(f"wrote {path}")
    step = f"cd {folder} && " if folder != Path() else ""
    typer.echo(f"next: change {folder / 'fleet.csv'} to what you watch, then: {step}shouwang serve")
