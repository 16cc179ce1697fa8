"""`shouwang dashboards push` and `pull`: a Grafana that is there."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from shouwang import settings
from shouwang.options import AsJson, SettingsFile
from shouwang.settings import Settings, readings_token, secret
from shouwang.trouble import WrongUsage

if TYPE_CHECKING:
    from dashboards.grafana import Found, Grafana, Thing

Url = Annotated[
    str | None,
    typer.Option("--grafana", envvar="GRAFANA_URL", help="Grafana's address. Left out: [grafana] url."),
]
TokenFile = Annotated[
    Path | None,
    typer.Option("--token-file", help="The token of a service account (Admin). Left out: $GRAFANA_TOKEN."),
]
InfluxUrl = Annotated[
    str | None,
    typer.Option("--influxdb-url", help="Where Grafana reaches InfluxDB. Left out: [readings] url."),
]
ConsoleUrl = Annotated[
    str | None,
    typer.Option("--console-url", help="Where Grafana reaches our console. Left out: [api] public_url."),
]
ConsoleTokenFile = Annotated[
    Path | None,
    typer.Option("--console-token-file", help="A token (`shouwang token create`) by which Grafana reads the ledger."),
]
KindFiles = Annotated[
    Path | None, typer.Option("--kinds", help="A folder of kind files of your own.", exists=True, file_okay=False)
]

INFLUXDB_TOKEN = "/tokens/reader/influxdb"  # noqa: S105 - as the provisioning files name them
CONSOLE_TOKEN = "/tokens/viewer/api"  # noqa: S105


def push(
    url: Url = None,
    token_file: TokenFile = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would change, and how; change nothing.")] = False,
    secrets: Annotated[bool, typer.Option("--secrets", help="Write tokens and addresses again too.")] = False,
    influxdb_url: InfluxUrl = None,
    console_url: ConsoleUrl = None,
    console_token_file: ConsoleTokenFile = None,
    kinds: KindFiles = None,
    as_json: AsJson = False,
    file: SettingsFile = None,
) -> None:
    """Put folders, data sources, dashboards, alert rules, contact points and our branch of the policy into a Grafana.

    Only what is missing or differs is written; all else in that Grafana stays as it is. People are told where the
    environment says so: ALERT_WEBHOOK_URL (and ALERT_WEBHOOK_TOKEN), ALERT_WECOM_URL, ALERT_DINGTALK_URL, ALERT_EMAIL.

    Example: shouwang dashboards push --grafana http://127.0.0.1:3000 --token-file grafana-token --dry-run
    """
    from dashboards.grafana import State, look
    from dashboards.grafana import push as push_all

    said = settings.load(file).settings
    value_of = _values(said, influxdb_url, console_url, console_token_file)
    with _grafana(url or said.grafana.url, token_file) as grafana:
        found = look(grafana, _things(said, value_of, kinds))
        written: list[Found] = []
        if not dry_run:
            push_all(grafana, found, secrets=secrets, done=written.append)
    if as_json:
        typer.echo(_as_json(found, to_wanted=True, written=written))
        return
    words = {
        State.MISSING: "would make" if dry_run else "made",
        State.DIFFERENT: "would change" if dry_run else "changed",
    }
    for each in found if dry_run else written:
        if each.state is State.SAME and dry_run:
            continue
        typer.echo(f"{words.get(each.state, 'written again')}: {each.thing.sort} {each.thing.name}")
        if dry_run and each.state is State.DIFFERENT:
            typer.echo(each.diff(to_wanted=True))
    same = sum(each.state is State.SAME for each in found)
    typer.echo(f"{same} of {len(found)} {'are' if dry_run else 'were'} as they should be")
    for left_out in _left_out(found):
        typer.echo(left_out)


def pull(
    url: Url = None,
    token_file: TokenFile = None,
    folder: Annotated[Path | None, typer.Option("--into", help="Write what differs there, as JSON, too.")] = None,
    influxdb_url: InfluxUrl = None,
    console_url: ConsoleUrl = None,
    console_token_file: ConsoleTokenFile = None,
    kinds: KindFiles = None,
    as_json: AsJson = False,
    file: SettingsFile = None,
) -> None:
    """Show what somebody changed by hand in a Grafana; changes nothing there. Exit code 1 where something differs.

    Example: shouwang dashboards pull --grafana http://127.0.0.1:3000 --token-file grafana-token --into theirs
    """
    from dashboards.grafana import State, look

    said = settings.load(file).settings
    value_of = _values(said, influxdb_url, console_url, console_token_file)
    with _grafana(url or said.grafana.url, token_file) as grafana:
        found = look(grafana, _things(said, value_of, kinds))
    other = [each for each in found if each.state is not State.SAME]
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        for each in other:
            if each.present is not None:
                name = f"{each.thing.sort}-{each.thing.name}".replace(" ", "-").replace("=", "-")
                text = json.dumps(each.present, ensure_ascii=False, sort_keys=True, indent=1)
                (folder / f"{name}.json").write_text(f"{text}\n", "utf-8")
    if as_json:
        typer.echo(_as_json(found, to_wanted=False, written=[]))
    else:
        for each in other:
            typer.echo(f"{each.state}: {each.thing.sort} {each.thing.name}")
            if each.state is State.DIFFERENT:
                typer.echo(each.diff(to_wanted=False))
        typer.echo(f"{len(found) - len(other)} of {len(found)} are as we made them")
    if other:
        raise typer.Exit(1)


@contextmanager
def _grafana(url: str | None, token_file: Path | None) -> Iterator[Grafana]:
    from dashboards.grafana import Grafana

    if not url:
        raise WrongUsage("give Grafana's address: --grafana, GRAFANA_URL, or [grafana] url")
    token = secret(None, token_file, "--token-file") or os.environ.get("GRAFANA_TOKEN")
    if not token:
        raise WrongUsage("give the token of a service account: --token-file, or GRAFANA_TOKEN")
    if not url.startswith(("http://", "https://")):
        raise WrongUsage(f"--grafana: {url!r} is no address such as http://127.0.0.1:3000")
    grafana = Grafana(url, token)
    try:
        grafana.version()
        yield grafana
    finally:
        grafana.close()


def _values(
    said: Settings, influxdb_url: str | None, console_url: str | None, console_token_file: Path | None
) -> Callable[[str], str | None]:
    """What stands for the variables of the provisioning files, and of the contact points."""
    console_token = secret(None, console_token_file, "--console-token-file")
    known = {
        "INFLUXDB_URL": influxdb_url or said.readings.url,
        INFLUXDB_TOKEN: readings_token(said.readings, writes=False) if said.readings.url else None,
        "SHOUWANG_URL": console_url or said.public_url,
        CONSOLE_TOKEN: console_token,
    }
    return lambda name: known[name] if name in known else os.environ.get(name)


def _things(said: Settings, value_of: Callable[[str], str | None], kinds: Path | None) -> list[Thing]:
    from dashboards.grafana import things
    from dashboards.render import rendered
    from shouwang.kinds import load

    return [
        *things.folders(),
        *things.sources(value_of, said.readings.org, said.readings.bucket),
        *things.dashboards(rendered(load(*([kinds] if kinds else [])))),
        *things.telling(value_of),
        *things.rules(),
    ]


def _left_out(found: list[Found]) -> Iterator[str]:
    from dashboards.grafana import Sort
    from dashboards.places import LEDGER_UID, READINGS_UID

    there = {(each.thing.sort, each.thing.name) for each in found}
    if (Sort.SOURCE, READINGS_UID) not in there:
        yield "left out: the data source of the readings ([readings] url and its token, or --influxdb-url)"
    if (Sort.SOURCE, LEDGER_UID) not in there:
        yield "left out: the data source of the ledger (--console-token-file)"
    if not any(sort is Sort.CONTACT for sort, _ in there):
        yield "left out: contact points and policy, since nobody is to be told (ALERT_WEBHOOK_URL, ALERT_WECOM_URL, …)"


def _as_json(found: list[Found], *, to_wanted: bool, written: list[Found]) -> str:
    from dashboards.grafana import State

    return json.dumps(
        [
            {
                "sort": each.thing.sort,
                "name": each.thing.name,
                "state": each.state,
                "written": each in written,
                "diff": each.diff(to_wanted=to_wanted) if each.state is State.DIFFERENT else "",
            }
            for each in found
        ],
        ensure_ascii=False,
        indent=1,
    )
