"""`shouwang setup influxdb`, `backup` and `restore`."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated

import typer

from shouwang import settings
from shouwang.options import AsJson, SettingsFile, StateDir
from shouwang.trouble import Trouble, WrongUsage


def setup_influxdb(
    url: Annotated[str | None, typer.Option(help="Of InfluxDB 2. Left out: that of [readings].")] = None,
    org: Annotated[str | None, typer.Option(help="An organisation that exists.")] = None,
    bucket: Annotated[str | None, typer.Option(help="Made where it is missing.")] = None,
    admin_token_file: Annotated[
        Path | None,
        typer.Option(help="A file with a token that may make buckets and tokens. Left out: $INFLUX_TOKEN."),
    ] = None,
    first_password_file: Annotated[
        Path | None,
        typer.Option(
            help="Where InfluxDB is new: sets it up first, with the organisation, the admin token, and a user `admin` "
            "who has the password of this file. Left out: it must be set up already."
        ),
    ] = None,
    renew_tokens: Annotated[bool, typer.Option(help="Make new tokens; those before stop working.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done; change nothing.")] = False,
    settings_file: SettingsFile = None,
    state: StateDir = None,
    as_json: AsJson = False,
) -> None:
    """Make InfluxDB's buckets with their retention, a token that writes and one that reads; again, it changes nothing.

    The tokens go into the files that [readings] names, else into files of the state directory; what to write into
    shouwang.toml is printed.

    Example: shouwang setup influxdb --url http://127.0.0.1:8086 --admin-token-file admin-token
    """
    from shouwang.readings import Retention, StoreUnavailable
    from shouwang.readings.influx_begin import begin
    from shouwang.readings.influx_setup import setup_influxdb as set_up

    flags = {"state": state, "readings.url": url, "readings.org": org, "readings.bucket": bucket}
    loaded = settings.load(settings_file, flags=flags).settings
    readings = loaded.readings
    if readings.url is None:
        raise WrongUsage("give --url, or `url` under [readings]")
    admin = settings.secret(None, admin_token_file, "--admin-token-file") or os.environ.get("INFLUX_TOKEN")
    if not admin:
        raise WrongUsage("give --admin-token-file, or the token in $INFLUX_TOKEN")
    first_password = settings.secret(None, first_password_file, "--first-password-file")
    begun = False
    try:
        if first_password is not None and not dry_run:
            begun = begin(readings.url, admin, org=readings.org, bucket=readings.bucket, password=first_password)
        done = set_up(
            readings.url,
            admin,
            org=readings.org,
            bucket=readings.bucket,
            retention=Retention(readings.raw_days, readings.hourly_days),
            renew_tokens=renew_tokens,
            dry_run=dry_run,
        )
    except StoreUnavailable as error:
        raise Trouble(str(error)) from error
    made = {"token_file": done.recorder_token, "reader_token_file": done.reader_token}
    folder = (loaded.state / "secrets").absolute()
    files = {
        key: (getattr(readings, key) or folder / f"influxdb-{key.removesuffix('_file').replace('_', '-')}").absolute()
        for key in made
    }
    if begun:
        done.done.insert(0, f"set up InfluxDB: organisation {readings.org}, user admin")
    for key, token in made.items():
        if token is not None:
            _keep(files[key], token)
    lines = ["[readings]", f'url = "{readings.url}"', f'org = "{readings.org}"', f'bucket = "{readings.bucket}"']
    lines += [f'{key} = "{file}"' for key, file in files.items() if file.exists()]
    if not dry_run and (gone := [str(file) for file in files.values() if not file.exists()]):
        raise Trouble(
            f"InfluxDB has the tokens, but {' and '.join(gone)} is not here, and it shows a token only once: "
            "bring the file back, or give --renew-tokens"
        )
    if as_json:
        paths = {key: str(file) for key, file in files.items() if file.exists()}
        typer.echo(json.dumps({"done": done.done, **paths}, ensure_ascii=False))
        return
    for line in done.done or ["nothing to do: buckets and tokens are as they should be"]:
        typer.echo(line)
    if dry_run:
        return
    typer.echo("\nIn shouwang.toml:\n\n" + "\n".join(lines))


def backup(
    target: Annotated[Path, typer.Argument(help="A folder that does not exist yet, or a file named .tar.gz.")],
    keep: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=10_000,
            help="TARGET is a folder of backups then: one more is written there, and but the newest so many go.",
            show_default=False,
        ),
    ] = None,
    settings_file: SettingsFile = None,
    state: StateDir = None,
    as_json: AsJson = False,
) -> None:
    """Save ledger, journal and readings as of one moment, while everything runs. Secrets are not in it.

    Example: shouwang backup /backup/shouwang-monday.tar.gz --state state
    """
    from collector.backups import next_in, too_many
    from shouwang import __version__, clock
    from shouwang.ledger.archive import BackupError
    from shouwang.ledger.backup import backup as save

    loaded = settings.load(settings_file, flags={"state": state}).settings
    now_ms = clock.wall_ms()
    folder = target
    if keep is not None:
        target = next_in(folder, now_ms)
    try:
        if keep is not None:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        done = save(loaded.state, target, ledger_url=loaded.ledger_url, now_ms=now_ms, version=__version__)
        gone = [] if keep is None else too_many(folder.iterdir(), keep)
        for old in gone:
            old.unlink()
    except BackupError as error:
        raise Trouble(str(error)) from error
    except OSError as error:
        raise Trouble(f"{error.filename or target}: {error.strerror}") from error
    if as_json:
        said = {"target": str(done.target), "bytes": done.size_bytes, "at": clock.rfc3339(done.created_at_ms)}
        typer.echo(json.dumps(said | {"files": done.files, "notes": done.notes}, ensure_ascii=False))
        return
    typer.echo(f"{done.target}: {', '.join(done.files)}, {done.size_bytes / (1 << 20):.1f} MiB")
    for note in [*done.notes, *(f"deleted: {old.name}" for old in gone)]:
        typer.echo(f"  {note}")


def restore(
    source: Annotated[Path, typer.Argument(help="What `shouwang backup` wrote.")],
    settings_file: SettingsFile = None,
    state: StateDir = None,
    as_json: AsJson = False,
) -> None:
    """Bring a saved state back, in place of the present one, which is kept aside; not while `shouwang serve` runs.

    Example: shouwang restore /backup/shouwang-monday.tar.gz --state state
    """
    from shouwang import clock
    from shouwang.ledger.archive import BackupError
    from shouwang.ledger.restore import restore as bring_back

    loaded = settings.load(settings_file, flags={"state": state}).settings
    try:
        done = bring_back(loaded.state, source, ledger_url=loaded.ledger_url, now_ms=clock.wall_ms())
    except BackupError as error:
        raise Trouble(str(error)) from error
    aside = None if done.aside is None else str(done.aside)
    if as_json:
        said = {"saved_at": clock.rfc3339(done.created_at_ms), "files": done.files, "aside": aside, "notes": done.notes}
        typer.echo(json.dumps(said, ensure_ascii=False))
        return
    typer.echo(f"restored {', '.join(done.files)}, saved at {clock.rfc3339(done.created_at_ms)}")
    for note in [*done.notes, *([f"what stood there is kept in {aside}"] if aside else [])]:
        typer.echo(f"  {note}")


def _keep(path: Path, token: str) -> None:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(token + "\n")
    except OSError as error:
        raise Trouble(f"{path}: {error.strerror}; the token that was made is lost, use --renew-tokens") from error
