"""The systemd units and templates that are shipped: what they run exists, and systemd understands them."""

import re
import subprocess
from pathlib import Path

import pytest

from shouwang.cli import COMMANDS
from tests.servers import need_server

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_a_unit_runs_a_command_that_there_is_and_is_watched(unit: Path) -> None:
    text = unit.read_text("utf-8")
    found = re.search(r"^ExecStart=/opt/shouwang/\.venv/bin/shouwang (\w+)", text, re.MULTILINE)
    assert found
    assert found.group(1) in COMMANDS
    if "Type=oneshot" in text:
        assert unit.with_suffix(".timer").exists()
    else:
        assert "Type=notify" in text
        assert "WatchdogSec=" in text
    assert "NoNewPrivileges=yes" in text
    assert re.search(r"^User=shouwang$", text, re.MULTILINE)


@pytest.mark.system
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_systemd_understands_a_unit(unit: Path, tmp_path: Path) -> None:
    name = unit.name.replace("@", "@150525100201")
    text = re.sub(r"/opt/shouwang/\.venv/bin/shouwang", "/bin/true", unit.read_text("utf-8"))
    (tmp_path / name).write_text(text.replace("User=shouwang", "User=root").replace("Group=shouwang", "Group=root"))
    done = subprocess.run(
        [need_server("systemd-analyze"), "verify", "--man=no", "--recursive-errors=no", str(tmp_path / name)],
        capture_output=True,
        text=True,
        timeout=30,
    )
    mine = [line for line in done.stderr.splitlines() if name in line]
    assert mine == []
