"""The front door: `shouwang COMMAND`. It names each part's commands as text, and loads a part when its command runs.

Exit codes: 0 done, 1 a problem was found, 2 wrong usage or settings.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import typer
from typer import core
from typer.main import get_command

from shouwang.trouble import Trouble


@dataclass(frozen=True)
class Entry:
    """One command: where its function stands (`part.commands:function`) and what it does, for the list of them."""

    where: str
    does: str
    hidden: bool = False


@dataclass(frozen=True)
class Group:
    """Commands that belong together."""

    does: str
    example: str
    commands: Mapping[str, Entry]


Table = Mapping[str, "Entry | Group"]

COMMANDS: Table = {
    "demo": Entry("simulators.commands:demo", "Run the whole product with the simulated Naiman Banner."),
    "init": Entry("collector.commands.init:init", "Write shouwang.toml and a sample fleet to begin with."),
    "serve": Entry("collector.commands.services:serve", "Run broker, collector and API, supervised, in one command."),
    "agent": Entry("edge.commands:agent", "Watch the devices of one centre, and report."),
    "feed": Entry("edge.commands:feed", "Speak for devices of many centres that a platform knows."),
    "collector": Entry("collector.commands.services:collector", "Run the collector alone."),
    "api": Entry("api.commands:api", "Run the API and the console alone."),
    "simulate": Entry("simulators.commands:simulate", "Run simulated centres, and make them misbehave."),
    "probe": Entry("edge.commands:probe", "Probe one device once, from where you stand."),
    "discover": Entry("edge.commands:discover", "Look for devices in the LAN, and propose how to watch each."),
    "fleet": Group(
        "What is watched: import, export and check fleet files.",
        "shouwang fleet check fleet.csv",
        {
            "import": Entry("collector.commands.fleet:fleet_import", "Take a fleet file in, as the whole fleet."),
            "export": Entry("collector.commands.fleet:fleet_export", "Write the fleet as CSV, XLSX or JSON."),
            "check": Entry("collector.commands.fleet:fleet_check", "Say every error of a fleet file; changes nothing."),
        },
    ),
    "weather": Group(
        "Sandstorms and frost, in which a blurred picture is no fault.",
        "shouwang weather declare 150525100 --hours 8",
        {
            "declare": Entry(
                "collector.commands.weather:weather_declare", "Declare it for a township, until an instant."
            ),
            "end": Entry("collector.commands.weather:weather_end", "End what was declared for a township."),
            "list": Entry("collector.commands.weather:weather_list", "List what is declared now."),
        },
    ),
    "kinds": Entry("shouwang.commands:kinds", "List the kinds of device, or show one."),
    "dashboards": Group(
        "Grafana's dashboards, as files and in a Grafana that is there.",
        "shouwang dashboards check",
        {
            "render": Entry("dashboards.commands:render", "Write every dashboard as JSON."),
            "check": Entry("dashboards.commands:check", "Say what differs from what would be rendered, or dangles."),
            "push": Entry("dashboards.grafana.commands:push", "Put it all into a Grafana that is there."),
            "pull": Entry("dashboards.grafana.commands:pull", "Show what somebody changed there by hand."),
        },
    ),
    "notify": Group(
        "How people are told.",
        "shouwang notify test webhook",
        {"test": Entry("collector.commands.notify:notify_test", "Send a test message by one provider.")},
    ),
    "user": Group(
        "Who may sign in.",
        "shouwang user add Ailin --role technician",
        {
            "add": Entry("api.commands:user_add", "Add a person; prints a one-time sign-in link."),
            "link": Entry("api.commands:user_link", "Give a person a new one-time sign-in link."),
        },
    ),
    "token": Group(
        "Tokens of programs, and passwords of agents.",
        "shouwang token create --role viewer",
        {
            "create": Entry(
                "api.commands:token_create", "Make an API token, or the MQTT password of a centre's agent."
            ),
            "revoke": Entry("api.commands:token_revoke", "End a token or password."),
        },
    ),
    "enrol": Entry("api.bundle_commands:enrol", "Print a code by which a box becomes a centre's agent."),
    "bundle": Group(
        "Bundles of the agent, which boxes are installed from and upgraded to.",
        "shouwang bundle add build/shouwang-agent-x86_64.pyz",
        {
            "add": Entry("api.bundle_commands:bundle_add", "Take bundles in, signed, to be offered."),
            "trust": Entry("api.bundle_commands:bundle_trust", "Tell new boxes which key to trust."),
            "list": Entry("api.bundle_commands:bundle_list", "List the bundles that agents can be offered."),
            "key": Entry("api.bundle_commands:bundle_key", "Make a key that bundles are signed with."),
            "sign": Entry("api.bundle_commands:bundle_sign", "Sign bundles elsewhere than where the centre runs."),
        },
    ),
    "setup": Group(
        "Prepare other servers, and a first start.",
        "shouwang setup influxdb --help",
        {
            "influxdb": Entry("collector.commands.upkeep:setup_influxdb", "Make InfluxDB's bucket, task and tokens."),
            "fleet": Entry("collector.commands.beginning:setup_fleet", "Take in the centres of a file that are new."),
            "passwords": Entry(
                "collector.commands.beginning:setup_passwords", "Make agents' passwords that are missing."
            ),
            "token": Entry("collector.commands.beginning:setup_token", "Make a token that may see, for Grafana."),
        },
    ),
    "report": Entry("api.report:report", "Print availability by township, kind, centre, device or net."),
    "backup": Entry("collector.commands.upkeep:backup", "Save the state while everything runs."),
    "restore": Entry("collector.commands.upkeep:restore", "Bring a saved state back."),
    "doctor": Entry("collector.commands.doctor:doctor", "Look for what is wrong, and say how to cure it."),
    "version": Entry("shouwang.commands:version", "Print the version."),
    "broker": Entry("collector.commands.services:broker", "Run the broker that `serve` starts.", hidden=True),
}


class Door(core.TyperGroup):
    """A group that knows its commands by name and loads one only to run it or to show its help."""

    def __init__(self, name: str | None, does: str, table: Table, epilog: str | None = None) -> None:
        super().__init__(name=name, help=does, epilog=epilog, no_args_is_help=True, rich_markup_mode=None)
        self._table = table

    def list_commands(self, ctx: typer.Context) -> list[str]:  # type: ignore[override]
        return list(self._table)

    def get_command(self, ctx: typer.Context, cmd_name: str) -> Any:  # type: ignore[override]
        entry = self._table.get(cmd_name)
        if entry is None:
            return None
        return (
            _load(cmd_name, entry)
            if isinstance(entry, Entry)
            else Door(cmd_name, entry.does, entry.commands, f"Example: {entry.example}")
        )

    def format_commands(self, ctx: typer.Context, formatter: Any) -> None:  # type: ignore[override]
        """The list, without loading any part."""
        rows = [
            (name, entry.does) for name, entry in self._table.items() if not (isinstance(entry, Entry) and entry.hidden)
        ]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


def _load(name: str, entry: Entry) -> Any:
    module_name, _, function_name = entry.where.partition(":")
    try:
        function = getattr(importlib.import_module(module_name), function_name)
    except (ImportError, AttributeError) as error:
        raise Trouble(f"`{name}` cannot be loaded from this installation: {error}") from error
    # Examples keep their lines: \b is how the help formatter is told so.
    text = (function.__doc__ or entry.does).replace("\n\n    Example", "\n\n    \b\n    Example")
    app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
    app.command(name, help=text, hidden=entry.hidden)(function)
    return get_command(app)


def door() -> Door:
    """The whole command line."""
    return Door(
        "shouwang",
        "Shouwang 守望: watches the devices that keep a rural community safe.",
        COMMANDS,
        epilog="Example: shouwang demo   ·   shouwang init && shouwang serve   ·   shouwang COMMAND --help",
    )


def main(arguments: list[str] | None = None) -> int:
    """Runs a command and gives its exit code; what went wrong is said on standard error."""
    try:
        door().main(arguments, prog_name="shouwang")
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except Trouble as trouble:
        typer.echo(f"shouwang: {trouble}", err=True)
        return trouble.exit_code
    return 0
