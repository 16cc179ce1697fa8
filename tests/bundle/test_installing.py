"""What an installation writes and runs, shown before it is done, and done again without harm."""

import re
import subprocess
from pathlib import Path

import pytest

from edge.bundle import agent_file, installing
from edge.bundle.agent_file import AgentFile
from edge.bundle.installing import Keeper, Remove, Run, Write, shown
from shouwang.trouble import Trouble, WrongUsage
from tests.servers import need_server

SECRET = "correct-horse-battery-staple-0123456789"
SAID = AgentFile(
    centre="150525100201",
    region="150525",
    broker="mqtts://shouwang.example:8883",
    state="/var/lib/shouwang-agent",
    server="https://shouwang.example",
    bundle_key="AAAA",
    password_file="/etc/shouwang-agent/password",
    networks=["192.168.1.0/24"],
)


def steps(keeper: Keeper = Keeper.SYSTEMD) -> list[installing.Step]:
    return list(installing.install(SAID, SECRET, "-----BEGIN CERTIFICATE-----\n", keeper, "/usr/bin/python3"))


def unit(keeper: Keeper) -> str:
    found = next(step for step in steps(keeper) if isinstance(step, Write) and step.path == installing.UNITS[keeper])
    assert found.data is not None
    return found.data


@pytest.mark.parametrize("keeper", Keeper)
def test_everything_is_shown_but_the_password(keeper: Keeper) -> None:
    said = "\n".join(shown(step) for step in steps(keeper))
    assert SECRET not in said
    assert "write /etc/shouwang-agent/password (mode 0600)" in said
    assert "copy this bundle to /opt/shouwang-agent/shouwang-agent.pyz" in said
    assert ("run systemctl restart shouwang-agent.service" in said) == (keeper is Keeper.SYSTEMD)
    assert ("run /etc/init.d/shouwang-agent restart" in said) == (keeper is Keeper.PROCD)
    assert "${" not in said, "a template holds what is filled in nowhere"


def test_the_files_stand_under_a_root_with_their_modes_and_again(tmp_path: Path) -> None:
    bundle = tmp_path / "bundle"
    bundle.write_bytes(b"the bundle")
    written = [step for step in steps() if isinstance(step, Write)]
    for _ in range(2):
        installing.carry_out(written, tmp_path / "root", bundle)
    for step in written:
        path = installing.under(tmp_path / "root", step.path)
        assert path.stat().st_mode & 0o777 == step.mode
    assert (tmp_path / "root/opt/shouwang-agent/shouwang-agent.pyz").read_bytes() == b"the bundle"
    assert agent_file.read(tmp_path / "root/etc/shouwang-agent/agent.toml") == SAID


def test_uninstalling_leaves_what_was_not_yet_sent_unless_told(tmp_path: Path) -> None:
    gone = {str(step.path) for step in installing.uninstall(Keeper.SYSTEMD, purge=False) if isinstance(step, Remove)}
    assert "/etc/systemd/system/shouwang-agent.service" in gone
    assert not any(path.startswith(("/etc/shouwang-agent", "/var/lib")) for path in gone)
    everything = list(installing.uninstall(Keeper.NONE, purge=True))
    for path in ("etc/shouwang-agent/agent.toml", "var/lib/shouwang-agent/outbox.db", "home/somebody/else"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("x")
    for _ in range(2):  # what is gone already is no trouble
        installing.carry_out(everything, tmp_path, None)
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["else"]


def test_what_fails_is_said_with_the_command_and_what_may_fail_is_not(tmp_path: Path) -> None:
    installing.carry_out([Run(("/bin/false",), may_fail=True)], tmp_path, None)
    with pytest.raises(Trouble, match=r"^/bin/sh -c .*: no room$"):
        installing.carry_out([Run(("/bin/sh", "-c", "echo no room >&2; exit 1"))], tmp_path, None)


def test_a_place_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "etc").write_text("no folder")
    with pytest.raises(Trouble, match=r"write /etc/shouwang-agent/password .*: Not a directory"):
        installing.carry_out([Write(installing.PASSWORD, 0o600, "x", secret=True)], tmp_path, None)


def test_wrong_settings_are_said_with_their_file(tmp_path: Path) -> None:
    path = tmp_path / "agent.toml"
    for text, why in (
        ("centre = 5", "Expected `str`"),
        ("nonsense", "Expected '='"),
        ("centre = 'a'\nbrokr = 'x'", "brokr"),
    ):
        path.write_text(text)
        with pytest.raises(WrongUsage, match=re.escape(str(path))) as told:
            agent_file.read(path)
        assert why in str(told.value)


def test_a_password_that_systemd_hands_over_goes_before_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert SAID.password() == "/etc/shouwang-agent/password"
    (tmp_path / "password").write_text("x")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert SAID.password() == str(tmp_path / "password")


def test_what_keeps_services_is_seen(tmp_path: Path) -> None:
    assert installing.keeper_of(tmp_path) is Keeper.NONE
    (tmp_path / "sbin").mkdir()
    (tmp_path / "sbin/procd").touch()
    assert installing.keeper_of(tmp_path) is Keeper.PROCD
    (tmp_path / "run/systemd/system").mkdir(parents=True)
    assert installing.keeper_of(tmp_path) is Keeper.SYSTEMD


def test_the_script_of_procd_is_one() -> None:
    done = subprocess.run(["/bin/sh", "-n"], input=unit(Keeper.PROCD), text=True, capture_output=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.system
def test_systemd_understands_the_unit_and_finds_it_hardened(tmp_path: Path) -> None:
    path = tmp_path / "shouwang-agent.service"
    path.write_text(unit(Keeper.SYSTEMD))
    analyze = need_server("systemd-analyze")
    verified = subprocess.run(
        [analyze, "verify", "--man=no", "--recursive-errors=no", path], capture_output=True, text=True, timeout=30
    )
    assert [line for line in verified.stderr.splitlines() if path.name in line] == []
    judged = subprocess.run(
        [analyze, "security", "--offline=yes", "--no-pager", path], capture_output=True, text=True, timeout=30
    )
    exposure = re.search(r"Overall exposure level for \S+: ([\d.]+)", judged.stdout)
    assert exposure, judged.stderr
    assert float(exposure[1]) < 3.0, judged.stdout
