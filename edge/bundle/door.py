"""The commands of the one file, `shouwang-agent.pyz`: install it, run it, and ask devices from where the box stands."""

from __future__ import annotations

import os
import platform
import sys
from pathlib import Path

from shouwang import __version__
from shouwang.trouble import Trouble

os.environ.setdefault("TYPER_USE_RICH", "0")  # none is in the bundle


def main() -> int:
    """Runs a command and gives its exit code, as `shouwang` does."""
    if sys.argv[1:] == ["version", "--json"]:
        # An agent asks this of a bundle that it is offered, on a box that has little room beside it.
        sys.stdout.write(f'{{"version":"{__version__}","python":"{platform.python_version()}"}}\n')
        return 0
    from edge.bundle import launching

    if sys.argv[1:2] == ["run"] or sys.argv[1:2] == ["launched"]:
        # Without the command line's libraries: what starts a box must need the least.
        try:
            return launching.main(sys.argv[1], sys.argv[2:])
        except Trouble as trouble:
            sys.stderr.write(f"shouwang-agent: {trouble}\n")
            return trouble.exit_code
    return _door(sys.argv[1:])


def _door(arguments: list[str]) -> int:
    import typer

    from shouwang.cli import Door, Entry

    table = {
        "install": Entry("edge.bundle.commands:install", "Install the agent on this box, as a service."),
        "uninstall": Entry("edge.bundle.commands:uninstall", "Take the agent off this box."),
        "status": Entry("edge.bundle.commands:status", "Say which version runs, and what became of upgrades."),
        "run": Entry("edge.bundle.commands:run", "Run the agent as it was installed (the service does)."),
        "agent": Entry("edge.commands:agent", "Run an agent by options alone, without installing."),
        "feed": Entry("edge.commands:feed", "Speak for devices of many centres that a platform knows."),
        "probe": Entry("edge.commands:probe", "Probe one device once, from where you stand."),
        "discover": Entry("edge.commands:discover", "Look for devices in the LAN, and propose how to watch each."),
        "version": Entry("shouwang.commands:version", "Print the version."),
    }
    door = Door("shouwang-agent", "The agent of Shouwang 守望, in one file.", table)
    try:
        door.main(arguments, prog_name="shouwang-agent")
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except Trouble as trouble:
        typer.echo(f"shouwang-agent: {trouble}", err=True)
        return trouble.exit_code
    return 0


def own_file() -> Path:
    """The bundle that this process was started from. Raises Trouble where it was not."""
    import zipfile

    path = Path(sys.argv[0]).resolve()
    if not zipfile.is_zipfile(path):
        raise Trouble("this is a checkout: `make agent-bundle` makes the one file that can be installed")
    return path
