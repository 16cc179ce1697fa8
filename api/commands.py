"""Commands of the API: serve it, let people and programs in."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from shouwang import clock
from shouwang.options import AsJson, SettingsFile, StateDir
from shouwang.settings import Settings, load
from shouwang.trouble import Trouble, WrongUsage
from shouwang.vocabulary import Role

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

Townships = Annotated[
    list[str] | None, typer.Option("--township", help="Bind to a township, by its code; may be given more than once.")
]


def api(
    settings_file: SettingsFile = None,
    state: StateDir = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on.", show_default=False)] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on.", show_default=False)] = None,
) -> None:
    """Run the API and the console alone.

    Example: shouwang api --state state --port 8420
    """
    from api import service

    service.serve(load(settings_file, flags={"state": state, "api.host": host, "api.port": port}).settings)


def user_add(
    name: Annotated[str, typer.Argument(help="The name people know them by.")],
    role: Annotated[Role, typer.Option(help="What they may do.")] = Role.TECHNICIAN,
    township: Townships = None,
    language: Annotated[str, typer.Option(help="zh or en.")] = "zh",
    settings_file: SettingsFile = None,
    state: StateDir = None,
    as_json: AsJson = False,
) -> None:
    """Add a person; prints a one-time sign-in link.

    Example: shouwang user add 王芳 --role duty_officer --township 150525100
    """
    from shouwang.ledger import people

    with writing(settings_file, state) as (settings, connection):
        now_ms = clock.wall_ms()
        people.add_user(connection, name, role, now_ms, townships=township or [], language=language)
        link = people.new_link(connection, name, now_ms)
    _print_link(settings, name, link, as_json)


def user_link(
    name: Annotated[str, typer.Argument(help="Who.")],
    settings_file: SettingsFile = None,
    state: StateDir = None,
    as_json: AsJson = False,
) -> None:
    """Give a person a new one-time sign-in link; links given before end.

    Example: shouwang user link 王芳
    """
    from shouwang.ledger import people

    with writing(settings_file, state) as (settings, connection):
        link = people.new_link(connection, name, clock.wall_ms())
    _print_link(settings, name, link, as_json)


def token_create(
    role: Annotated[Role | None, typer.Option(help="Of an API token: what it may do.")] = None,
    name: Annotated[str | None, typer.Option(help="Of an API token: what it is called; made up if left out.")] = None,
    township: Townships = None,
    days: Annotated[float | None, typer.Option(help="Of an API token: it ends after so many days.", min=0.001)] = None,
    centre: Annotated[str | None, typer.Option(help="Centre or feed: the MQTT password of its agent.")] = None,
    settings_file: SettingsFile = None,
    state: StateDir = None,
    as_json: AsJson = False,
) -> None:
    """Make an API token, or the MQTT password of a centre's agent; it is printed once, and kept as a hash alone.

    Example: shouwang token create --role viewer --name grafana
    Example: shouwang token create --centre 150525100201
    """
    from shouwang.ledger import people

    if (role is None) == (centre is None):
        raise WrongUsage("give --role for an API token, or --centre for the MQTT password of its agent")
    if centre is not None and (name or township or days):
        raise WrongUsage("--name, --township and --days go with --role")
    with writing(settings_file, state) as (_, connection):
        now_ms = clock.wall_ms()
        if centre is not None:
            said = {"username": centre, "password": people.new_mqtt_password(connection, centre, now_ms)}
        else:
            assert role is not None
            called = name or f"{role}-{secrets.token_hex(3)}"
            life_s = None if days is None else days * 86_400
            token = people.new_token(connection, called, role, now_ms, townships=township or [], life_s=life_s)
            said = {"name": called, "token": token}
    typer.echo(json.dumps(said, ensure_ascii=False) if as_json else said.get("token") or said["password"])


def token_revoke(
    name: Annotated[str, typer.Argument(help="Name of an API token, or a centre, for its agent's MQTT password.")],
    settings_file: SettingsFile = None,
    state: StateDir = None,
    as_json: AsJson = False,
) -> None:
    """End an API token or the MQTT password of a centre's agent, at once.

    Example: shouwang token revoke grafana
    """
    from shouwang.ledger import people

    with writing(settings_file, state) as (_, connection):
        ended = people.revoke(connection, name, clock.wall_ms())
    if not ended:
        raise Trouble(f"there is no token {name!r}, and no MQTT password of a centre {name!r}")
    typer.echo(json.dumps({"name": name, "ended": ended}, ensure_ascii=False) if as_json else f"{name}: ended")


@contextmanager
def writing(settings_file: Any, state: Any) -> Iterator[tuple[Settings, Connection]]:
    """The settings and a transaction on their ledger; what people ask wrongly is said as trouble."""
    from shouwang.ledger.people import PeopleError

    with ledger_opened(settings_file, state) as (settings, engine):
        try:
            with engine.execution_options(writes=True).begin() as connection:
                yield settings, connection
        except PeopleError as error:
            raise Trouble(str(error)) from error


@contextmanager
def ledger_opened(settings_file: Any, state: Any) -> Iterator[tuple[Settings, Engine]]:
    """The settings and their ledger; what is wrong with it is said as trouble."""
    from sqlalchemy.exc import SQLAlchemyError

    from api.service import ledger_of
    from shouwang.ledger.migrate import LedgerNewer

    settings = load(settings_file, flags={"state": state}).settings
    try:
        engine = ledger_of(settings)
    except (SQLAlchemyError, LedgerNewer, OSError) as error:
        raise Trouble(f"the ledger cannot be opened: {str(error).splitlines()[0]}") from error
    try:
        yield settings, engine
    except SQLAlchemyError as error:
        raise Trouble(f"the ledger cannot be used: {str(error).splitlines()[0]}") from error
    finally:
        engine.dispose()


def _print_link(settings: Settings, name: str, link: str, as_json: bool) -> None:
    from shouwang.ledger.people import LINK_LIFE_S

    url = f"{settings.public_url}/sign-in/{link}"
    if as_json:
        typer.echo(json.dumps({"name": name, "url": url, "expires_in_s": LINK_LIFE_S}, ensure_ascii=False))
    else:
        typer.echo(url)
        typer.echo(f"It signs {name} in once, within {LINK_LIFE_S // 60} minutes.", err=True)
