"""`shouwang doctor` and `init`: where each value came from, what is wrong, and a beginning that works."""

import json
import re
from pathlib import Path

import pytest
from sqlalchemy import insert

from collector.doctor import Finding, Grade, examine
from shouwang import cli
from shouwang.ledger.engine import open_engine
from shouwang.ledger.migrate import upgrade
from shouwang.ledger.restore import UNFINISHED
from shouwang.ledger.tables import Incident, Meta, Notification
from shouwang.settings import load
from tests.servers.process import free_port

SAMPLE = Path(__file__).resolve().parents[2] / "deploy" / "sample" / "shouwang.toml"


def found(what: str, **environment: str) -> list[Finding]:
    return [finding for finding in examine(load(env=environment)) if finding.what == what]


def doctor(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, list[dict[str, str]]]]:
    code = cli.main(["doctor", "--json", *arguments])
    return code, json.loads(capsys.readouterr().out)


def test_each_value_is_said_with_its_source_and_no_secret_is_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "shouwang.toml").write_text(
        "[notify.wecom]\nurl='https://qyapi.example.org/cgi-bin/webhook/send?key=hunter2'\n"
        "[notify.webhook]\nurl='https://example.org/h'\nsecret='whsec_aHVudGVyMmh1bnRlcjJodW50ZXIyaHVudGVyMg=='\n"
        "[heartbeat]\nurl='https://hc.example.org/ping/hunter2-hunter2'\n"
    )
    monkeypatch.setenv("SHOUWANG_API__PORT", "9123")
    monkeypatch.setenv("SHOUWANG_LEDGER__URL", f"postgresql://u:hunter2@127.0.0.1:{free_port()}/x")
    monkeypatch.setenv("SHOUWANG_BROKER__PASSWORD", "hunter2")
    code, said = doctor(capsys, "--settings", str(tmp_path / "shouwang.toml"), "--state", str(tmp_path / "state"))
    values = {each["key"]: (each["value"], each["from"]) for each in said["settings"]}
    assert values["api.port"] == ("9123", "SHOUWANG_API__PORT")
    assert values["api.host"] == ("127.0.0.1", "default")
    assert values["state"] == (str(tmp_path / "state"), "the command line")
    assert values["notify.wecom.url"][1] == str(tmp_path / "shouwang.toml")
    assert "hunter2" not in json.dumps(said["settings"])
    assert "aHVudGVy" not in json.dumps(said["settings"])
    assert code in (0, 1)


def test_wrong_settings_are_said_before_anything_is_examined(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "s.toml").write_text("[broker]\nprt = 1\n")
    assert cli.main(["doctor", "--settings", str(tmp_path / "s.toml")]) == 2
    assert "broker.prt: unknown key; did you mean port?" in capsys.readouterr().err


def test_every_bad_finding_has_its_cure(tmp_path: Path) -> None:
    environment = {
        "SHOUWANG_STATE": str(tmp_path),
        "SHOUWANG_BROKER__URL": f"mqtt://127.0.0.1:{free_port()}",
        "SHOUWANG_READINGS__URL": f"http://127.0.0.1:{free_port()}",
        "SHOUWANG_LEDGER__URL": f"postgresql://127.0.0.1:{free_port()}/x",
        "SHOUWANG_NOTIFY__WEBHOK__URL": "https://x",
    }
    findings = list(examine(load(env=environment)))
    bad = {finding.what: finding for finding in findings if finding.grade is Grade.BAD}
    assert {"broker", "readings", "ledger", "notify"} <= set(bad)
    assert all(finding.cure() for finding in findings if finding.grade is not Grade.OK)
    assert "did you mean webhook?" in bad["notify"].text()


def test_a_ledger_that_is_broken_is_a_finding_and_no_end(tmp_path: Path) -> None:
    (tmp_path / "ledger.db").write_bytes(b"this is no database" * 100)
    [ledger] = found("ledger", SHOUWANG_STATE=str(tmp_path))
    assert ledger.grade is Grade.BAD
    assert "not a database" in ledger.text()


@pytest.mark.parametrize("command", [("serve",), ("collector",), ("collector", "--only", "watch"), ("api",)])
def test_nothing_starts_on_half_a_restore_and_the_doctor_names_the_cure(
    command: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / UNFINISHED).write_text("before-restore-20261124T101500")
    assert cli.main([*command, "--state", str(tmp_path)]) == 1
    said = capsys.readouterr().err
    assert said.startswith(f"shouwang: a restore into {tmp_path} was cut short: run `shouwang restore` again")
    assert "before-restore-20261124T101500" in said
    assert not (tmp_path / "ledger.db").exists()
    (finding,) = found("restore", SHOUWANG_STATE=str(tmp_path))
    assert finding.grade is Grade.BAD
    assert "run `shouwang restore` again with the same backup" in finding.cure()


def test_a_watch_that_hears_nothing_and_debts_that_grow_old_are_bad(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path / 'ledger.db'}")
    upgrade(engine)
    [watch] = found("watch", SHOUWANG_STATE=str(tmp_path))
    assert watch.grade is Grade.WARNING
    incident = {"id": "i", "cause": "device_silent", "severity": "major", "since": 1, "opened_at": 1}
    owed = {"id": "n", "incident_id": "i", "type": "opened", "severity": "major", "owed_at": 1, "next_try_at": 1}
    with engine.execution_options(writes=True).begin() as connection:
        connection.execute(insert(Meta), {"key": "heard_well_at", "value": "1000"})
        connection.execute(insert(Incident), incident)
        connection.execute(insert(Notification), owed | {"body": {}})
    engine.dispose()
    [watch] = found("watch", SHOUWANG_STATE=str(tmp_path))
    [debts] = found("notifications", SHOUWANG_STATE=str(tmp_path))
    assert watch.grade is debts.grade is Grade.BAD


def test_init_writes_a_beginning_that_passes_every_check(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["init", str(tmp_path / "mine")]) == 0
    monkeypatch.chdir(tmp_path / "mine")
    assert cli.main(["fleet", "check", "fleet.csv"]) == 0
    assert "good, 3 devices at 1 centres" in capsys.readouterr().out
    assert load(env={}).settings.fleet == Path("fleet.csv")
    (tmp_path / "mine" / "fleet.csv").write_text("mine")
    assert cli.main(["init"]) == 1
    assert (tmp_path / "mine" / "fleet.csv").read_text() == "mine"
    assert cli.main(["init", "--force"]) == 0


def test_every_line_of_the_sample_holds_when_its_hash_is_taken_away(tmp_path: Path) -> None:
    lines = [
        re.sub(r"^# ((\[|\w+ = ).*)", r"\1", line)
        for line in SAMPLE.read_text("utf-8").splitlines()
        if not re.match(r'^# (host|url = "mqtts|username|password_file = "secrets/broker)', line)
    ]
    (tmp_path / "shouwang.toml").write_text("\n".join(lines), "utf-8")
    settings = load(tmp_path / "shouwang.toml", env={}).settings
    assert set(settings.notify.providers) == {"wecom", "dingtalk", "webhook", "email"}
    assert settings.limits["call_terminal"].silent_after_s == 90
    assert settings.readings.url
    assert settings.ledger.url
    assert settings.heartbeat.url
