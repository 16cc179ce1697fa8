"""`shouwang init`: settings and a sample fleet to begin with; for containers, secrets and `.env` too."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from shouwang.settings import FILE_NAME
from shouwang.trouble import Trouble

SAMPLE = Path(__file__).resolve().parents[2] / "deploy" / "sample"


def init(
    folder: Annotated[Path, typer.Argument(help="Where to; made if it is not there.")] = Path(),
    force: Annotated[bool, typer.Option("--force", help="Write over what is there; never over secrets.")] = False,
    compose: Annotated[
        Path | None,
        typer.Option(
            help="For `docker compose`, in this folder (where docker-compose.yml stands): secrets/, .env, settings and "
            "fleet; what is there stays.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Write shouwang.toml and a sample fleet to begin with; then `shouwang serve` runs from there.

    Example: shouwang init my-banner && cd my-banner && shouwang serve
    Example: shouwang init --compose . && docker compose up --build --detach
    """
    if compose is not None:
        _for_compose(compose, force)
        return
    wanted = {folder / name: SAMPLE / name for name in (FILE_NAME, "fleet.csv")}
    there = [str(path) for path in wanted if path.exists()]
    if there and not force:
        raise Trouble(f"{' and '.join(there)} exist already; nothing was written (--force writes over them)")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "secrets").mkdir(mode=0o700, exist_ok=True)
        for path, sample in wanted.items():
            _write(path, sample.read_bytes())
    except OSError as error:
        raise Trouble(f"{folder}: {error.strerror}") from error
    for path in wanted:
        typer.echo(f"wrote {path}")
    step = f"cd {folder} && " if folder != Path() else ""
    typer.echo(f"next: change {folder / 'fleet.csv'} to what you watch, then: {step}shouwang serve")


def _for_compose(folder: Path, force: bool) -> None:
    from collector.compose import environment, write_secrets

    written = write_secrets(folder / "secrets")
    wanted = {folder / name: (SAMPLE / name).read_bytes() for name in (FILE_NAME, "fleet.csv")}
    wanted[folder / ".env"] = environment().encode()
    try:
        for path, data in wanted.items():
            if force or not path.exists():
                _write(path, data)
                path.chmod(0o644)
                written.append(path)
    except OSError as error:
        raise Trouble(f"{folder}: {error.strerror}") from error
    for path in written:
        typer.echo(f"wrote {path}")
    if not written:
        typer.echo(f"{folder}: everything is there, nothing was written")
    typer.echo(f"next: change {folder / 'fleet.csv'} to what you watch, then: docker compose up --build --detach")


def _write(path: Path, data: bytes) -> None:
    new = path.with_name(path.name + ".new")
    new.write_bytes(data)
    new.replace(path)
