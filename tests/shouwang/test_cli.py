"""The front door: every command of the contract, loaded only when it runs."""

import json
import re
import subprocess
import sys

import pytest

from shouwang import __version__, cli

CONTRACT = [
    "demo", "serve", "agent", "collector", "api", "simulate", "probe", "fleet import", "fleet export", "fleet check",
    "kinds", "notify test", "user add", "user link", "token create", "token revoke", "init", "backup", "restore",
    "doctor", "setup influxdb", "report", "version",
]  # fmt: skip


def shouwang(*arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-c", "import sys; from shouwang.cli import main; sys.exit(main())", *arguments],
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.returncode == code, done.stderr
    return done


def test_help_lists_the_contracts_commands_and_loads_no_part() -> None:
    listed = shouwang("--help").stdout
    for command in CONTRACT:
        assert f"\n  {command.split()[0]} " in listed
    assert "\n  broker" not in listed
    script = (
        "import sys; from shouwang.cli import main; main(['--help']);"
        "sys.exit(sum(name.split('.')[0] in ('collector','api','edge','simulators','pydantic','sqlalchemy','rich')"
        " for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, timeout=30).returncode == 0


@pytest.mark.parametrize("command", CONTRACT)
def test_every_command_can_be_loaded_and_its_help_has_an_example(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main([*command.split(), "--help"]) == 0
    out = capsys.readouterr().out
    assert f"Usage: shouwang {command}" in out
    assert re.search(f"Example: .*shouwang {command}", out)


@pytest.mark.parametrize("group", ["fleet", "notify", "user", "token", "setup"])
def test_every_group_has_an_example(group: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([group, "--help"]) == 0
    assert f"Example: shouwang {group}" in capsys.readouterr().out


@pytest.mark.parametrize("wrong", [["kindz"], ["fleet", "imprt"], ["version", "--jsn"], ["kinds", "camra"]])
def test_wrong_usage_is_2(wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(wrong) == 2
    assert capsys.readouterr().err


def test_trouble_is_said_on_standard_error() -> None:
    done = shouwang("kinds", "camra", code=2)
    assert done.stdout == ""
    assert done.stderr.startswith("shouwang: there is no kind 'camra'; known are atm,")


def test_version_and_kinds_give_data() -> None:
    assert json.loads(shouwang("version", "--json").stdout)["version"] == __version__
    kinds = json.loads(shouwang("kinds", "--json").stdout)
    assert "call_terminal" in {kind["name"] for kind in kinds}
    assert "呼叫终端" in shouwang("kinds", "call_terminal").stdout
