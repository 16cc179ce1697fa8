"""Commands about agents of other people's boxes: `shouwang enrol`, and the bundles that boxes run."""

from __future__ import annotations

import base64
import binascii
import json
import os
from pathlib import Path
from typing import Annotated

import typer

from api.commands import writing
from shouwang import bundles, clock
from shouwang.options import AsJson, SettingsFile, StateDir
from shouwang.settings import load
from shouwang.trouble import Trouble, WrongUsage

Files = Annotated[list[Path], typer.Argument(help="Bundles, as `make agent-bundle` makes them.")]


def enrol(
    centre: Annotated[str, typer.Argument(help="The centre (or feed) whose agent a new box becomes.")],
    hours: Annotated[float, typer.Option(help="It ends after so many hours.", min=0.01, max=24 * 14)] = 24,
    settings_file: SettingsFile = None,
    state: StateDir = None,
    as_json: AsJson = False,
) -> None:
    """Print a code by which a box becomes a centre's agent, once; a code given before ends.

    Example: shouwang enrol 150525100201
    """
    from shouwang.ledger import people

    with writing(settings_file, state) as (settings, connection):
        code = people.new_enrolment(connection, centre, clock.wall_ms(), hours * 3600)
    command = f"python3 shouwang-agent.pyz install --server {settings.public_url} --code {code}"
    if as_json:
        typer.echo(json.dumps({"centre": centre, "code": code, "hours": hours, "command": command}))
        return
    typer.echo(code)
    typer.echo(f"On the box, within {hours:g} h: {command}", err=True)


def bundle_key(
    file: Annotated[Path, typer.Argument(help="Where the private key is written; keep it where few can read it.")],
    as_json: AsJson = False,
) -> None:
    """Make a key that bundles are signed with, for who keeps it elsewhere than where the centre runs; prints its public
    part.

    Example: shouwang bundle key ~/bundle.key
    """
    private, public = bundles.new_key()
    _write_secret(file, private)
    typer.echo(json.dumps({"file": str(file), "public": public}) if as_json else public)


def bundle_sign(files: Files, key: Annotated[Path, typer.Option("--key", help="The private key.")]) -> None:
    """Sign bundles; beside each a `.json` is written, which `shouwang bundle add` takes with it.

    Example: shouwang bundle sign build/shouwang-agent-aarch64.pyz --key ~/bundle.key
    """
    import msgspec

    from api.agent.bundles import look_into

    try:
        private = key.read_text("ascii").strip()
        for file in files:
            signed = bundles.sign(look_into(file), private)
            file.with_name(file.name + ".json").write_bytes(msgspec.json.encode(signed))
            typer.echo(f"wrote {file}.json")
    except (OSError, UnicodeDecodeError, bundles.WrongBundle) as error:
        raise Trouble(str(error)) from error


def bundle_trust(
    public: Annotated[str, typer.Argument(help="What `shouwang bundle key` printed.")],
    settings_file: SettingsFile = None,
    state: StateDir = None,
) -> None:
    """Tell new boxes to trust this key, for who signs elsewhere. Before the first box is enrolled, and once: boxes
    trust one key for good.

    Example: shouwang bundle trust 1U3Y…=
    """
    from api.agent import bundles as kept

    folder = load(settings_file, flags={"state": state}).settings.state / kept.BUNDLES
    try:
        if len(base64.b64decode(public, validate=True)) != 32:
            raise WrongUsage(f"{public}: a public key has 32 bytes, in base64")
        kept.trust(folder, public)
    except binascii.Error as error:
        raise WrongUsage(f"{public}: {error}") from error
    except (OSError, bundles.WrongBundle) as error:
        raise Trouble(str(error)) from error
    typer.echo(f"boxes that are enrolled from now on trust bundles of {public}")


def bundle_add(
    files: Files, settings_file: SettingsFile = None, state: StateDir = None, as_json: AsJson = False
) -> None:
    """Take bundles in, so that boxes can be installed from them and agents upgraded to them.

    Each is signed with the key of the state directory, unless a `.json` of `shouwang bundle sign` lies beside it.

    Example: shouwang bundle add build/shouwang-agent-*.pyz
    """
    import msgspec

    from api.agent import bundles as kept
    from shouwang.ledger import upgrades

    added = []
    with writing(settings_file, state) as (settings, connection):
        folder = settings.state / kept.BUNDLES
        try:
            for file in files:
                manifest, beside = kept.look_into(file), file.with_name(file.name + ".json")
                if beside.exists():
                    signed = msgspec.json.decode(beside.read_bytes(), type=bundles.Signed)
                else:
                    signed = bundles.sign(manifest, kept.own_key(folder))
                if bundles.verified(signed, kept.public_key(folder)) != manifest:
                    raise Trouble(f"{beside} is of another file than {file}")
                kept.put(folder, file, manifest.sha256)
                upgrades.add_bundle(connection, manifest, signed, clock.wall_ms())
                added.append(manifest)
        except (OSError, msgspec.MsgspecError, bundles.WrongBundle) as error:
            raise Trouble(str(error)) from error
    if as_json:
        typer.echo(msgspec.json.encode(added).decode())
        return
    for manifest in added:
        typer.echo(f"{manifest.version} {manifest.architecture}: {manifest.size / 1_048_576:.1f} MiB, taken in")


def bundle_list(settings_file: SettingsFile = None, state: StateDir = None, as_json: AsJson = False) -> None:
    """List the bundles that agents can be offered.

    Example: shouwang bundle list
    """
    from shouwang.ledger import upgrades

    with writing(settings_file, state) as (_, connection):
        found = upgrades.bundles(connection)
    if as_json:
        typer.echo(json.dumps(found))
        return
    for each in found:
        typer.echo(f"{each['version']:24} {each['architecture']:8} {each['sha256'][:12]}  {each['added_at']}")
    if not found:
        typer.echo("none: `make agent-bundle`, then `shouwang bundle add build/shouwang-agent-*.pyz`", err=True)


def _write_secret(path: Path, text: str) -> None:
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
            file.write(text + "\n")
    except FileExistsError:
        raise Trouble(f"{path} is there already; nothing was written over it") from None
    except OSError as error:
        raise Trouble(f"{path}: {error.strerror}") from error
