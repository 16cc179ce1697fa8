"""Usual mistakes, each made on a machine that was good, each named with its cure in both languages."""

from pathlib import Path

import pytest

from collector.doctor import Grade, catalogue
from shouwang import clock
from shouwang.ledger.engine import open_engine
from shouwang.ledger.migrate import downgrade
from shouwang.ledger.restore import UNFINISHED
from shouwang.ledger.tables import Centre, Device, Feed
from tests.doctor.planted import CENTRE, DAY_MS, TOLD, Planted, refusals
from tests.servers.process import free_port

HOUR_MS = 3_600_000
NFS = "98 21 0:50 / /srv/nas rw,relatime shared:9 - nfs4 10.0.0.9:/volume1 rw\n"
UNIT = "[Service]\nType=notify\nExecStart=/opt/shouwang/.venv/bin/shouwang serve\nRestart=always\n"


def test_a_good_machine_has_nothing_that_is_bad(planted: Planted) -> None:
    wrong = {finding.code for finding in planted.find(**TOLD) if finding.grade is not Grade.OK}
    assert wrong == {"broker_not_running", "mosquitto_none"}, "as long as `shouwang serve` does not run"


def test_every_mistake_is_made_by_a_test() -> None:
    here = "".join(path.read_text("utf-8") for path in Path(__file__).parent.glob("test_*.py"))
    mistakes = [code for code, entry in catalogue().items() if entry.grade is not Grade.OK]
    assert len(mistakes) >= 20
    assert [code for code in mistakes if f'"{code}"' not in here] == []


# --- the machine


def test_clock_never_set(planted: Planted) -> None:
    planted.has(now_ms=1_000_000_000)
    assert "1970-01-12" in planted.name("clock_unset").text()


def test_clock_that_nobody_keeps(planted: Planted) -> None:
    planted.has(synchronised=False)
    assert "chrony" in planted.name("clock_unkept").cure()


def test_clock_set_back(planted: Planted) -> None:
    planted.has(now_ms=clock.wall_ms() - 3 * HOUR_MS)
    said = planted.name("clock_back")
    assert "3 hours later than now" in said.text() or "2 hours later than now" in said.text()
    assert "小时" in said.text("zh")


def test_another_time_zone(planted: Planted) -> None:
    planted.has(utc_offset_s=-5 * 3600 - 1800)
    assert "UTC-05:30" in planted.name("zone_other").text()


def test_state_that_cannot_be_written(planted: Planted) -> None:
    state = planted.secret("file") / "state"  # not even root makes a directory there
    assert str(state) in planted.name("state_unwritable", SHOUWANG_STATE=str(state)).text()


def test_state_on_a_network_disk(planted: Planted) -> None:
    place = str(planted.folder).replace(" ", "\\040")
    planted.around.mounts.write_text(planted.around.mounts.read_text() + NFS.replace("/srv/nas", place))
    assert f"nfs4, mounted at {planted.folder}" in planted.name("state_on_network").text()


def test_state_in_memory(planted: Planted) -> None:
    planted.around.mounts.write_text(f"30 21 0:26 / {planted.folder} rw - tmpfs tmpfs rw\n")
    planted.name("state_in_memory")


def test_state_that_everybody_reads(planted: Planted) -> None:
    planted.state.chmod(0o755)
    assert "0755" in planted.name("state_open").text()


def test_no_room_left(planted: Planted) -> None:
    planted.has(free_bytes_at_most=100 << 20)
    planted.name("disk_out")


def test_little_room_left(planted: Planted) -> None:
    planted.has(free_bytes_at_most=1 << 30)
    planted.name("disk_low")


def test_a_disk_that_fills_in_days(planted: Planted) -> None:
    planted.execute(f"update paths set first_heard_at = {clock.wall_ms() - 4 * DAY_MS}")
    with (planted.state / "readings.db").open("wb") as file:
        file.truncate(32 << 20)
    planted.has(free_bytes_at_most=202 << 20)
    said = planted.name("disk_fills").text()
    assert "in about 25 days" in said or "in about 24 days" in said
    planted.has(free_bytes_at_most=400 << 20)
    assert "disk_fills" not in [finding.code for finding in planted.find()], "what is old is deleted before"


def test_a_unit_that_nobody_watches(planted: Planted) -> None:
    unit = planted.around.units[0] / "shouwang.service"
    unit.write_text(UNIT)
    assert "shouwang.service has no WatchdogSec" in planted.name("unit_unwatched").text()
    drop_in = unit.with_name("shouwang.service.d") / "watchdog.conf"
    drop_in.parent.mkdir()
    drop_in.write_text("[Service]\nWatchdogSec=30\nRestart=no\n")
    assert "has no Restart" in planted.name("unit_unwatched").text(), "the last one given holds"


# --- secrets


def test_a_secret_that_others_read(planted: Planted) -> None:
    file = planted.secret("password", mode=0o644)
    said = planted.name("secret_open", SHOUWANG_BROKER__PASSWORD_FILE=str(file))
    assert f"{file} can be read by other users (mode 0644)" in said.text()
    assert f"chmod 600 {file}" in said.cure()


@pytest.mark.parametrize("text", ["shouwang", "my-super-secret-auth-token", "short", "aaaaaaaaaaaaaaaaaaaaaaaa"])
def test_a_secret_that_is_guessed(planted: Planted, text: str) -> None:
    assert "broker.password" in planted.name("secret_weak", SHOUWANG_BROKER__PASSWORD=text).text()


def test_a_database_with_the_password_of_its_user(planted: Planted) -> None:
    url = f"postgresql://shouwang:shouwang@127.0.0.1:{free_port()}/shouwang"
    assert "ledger.url" in planted.name("secret_weak", SHOUWANG_LEDGER__URL=url).text()
    planted.name("ledger_unreachable", SHOUWANG_LEDGER__URL=url)


def test_a_secret_that_is_not_there(planted: Planted) -> None:
    said = planted.name("secret_unreadable", SHOUWANG_BROKER__PASSWORD_FILE=str(planted.folder / "none"))
    assert "No such file" in said.text()


# --- the ledger


def test_half_a_restore(planted: Planted) -> None:
    (planted.state / UNFINISHED).write_text("before-restore-20261124T101500")
    assert "before-restore-20261124T101500" in planted.name("restore_unfinished").cure("zh")


def test_a_ledger_without_tables(planted: Planted) -> None:
    (planted.state / "ledger.db").write_bytes(b"")
    planted.name("ledger_empty")


def test_a_ledger_that_was_not_upgraded(planted: Planted) -> None:
    engine = open_engine(f"sqlite:///{planted.state / 'ledger.db'}")
    downgrade(engine, "0001")
    engine.dispose()
    assert "it is at revision 0001" in planted.name("ledger_old").text()


def test_a_ledger_that_is_newer(planted: Planted) -> None:
    planted.execute("update alembic_version set version_num = '9999'")
    assert "revision 9999" in planted.name("ledger_newer").text()


def test_a_ledger_that_is_none(planted: Planted) -> None:
    (planted.state / "ledger.db").write_bytes(b"this is no database" * 100)
    assert "not a database" in planted.name("ledger_unreachable").text()


def test_nothing_to_watch_and_nobody_to_look(planted: Planted) -> None:
    planted.execute(f"update devices set retired_at = {clock.wall_ms()}")
    planted.execute(f"update users set ended_at = {clock.wall_ms()}")
    planted.name("fleet_empty")
    planted.name("users_none")


def test_a_watch_that_never_heard(planted: Planted) -> None:
    planted.execute("delete from meta")
    planted.name("watch_never")


def test_a_watch_that_hears_no_longer(planted: Planted) -> None:
    planted.execute("update meta set value = '1750000000000'")
    said = planted.name("watch_deaf")
    assert "2025-06-15T15:06:40" in said.text()
    assert "2025-06-15 23:06:40" in said.text("zh")


def test_debts_that_grow_old(planted: Planted) -> None:
    planted.write(*refusals(0, "webhook", ""))
    planted.execute(f"update notifications set owed_at = {clock.wall_ms() - HOUR_MS}")
    planted.name("owed_long")


def test_agents_that_were_never_heard(planted: Planted) -> None:
    centre = {"centre": "150525100202", "region": "150525", "stage": "live"}
    terminal = {"device": "call-01", "kind": "call_terminal"}
    planted.write(
        (Centre, centre),
        (Device, terminal | {"centre": "150525100202", "path": "150525100202"}),
        (Feed, {"feed": "telecom", "region": "150525"}),
        (Centre, centre | {"centre": "150525100203", "stage": "building"}),
        (Device, terminal | {"centre": "150525100203", "path": "150525100203"}),
    )
    said = planted.name("agents_never")
    assert "2 live centres were never heard: 150525100202, telecom" in said.text(), (
        "one that is being built is not live"
    )


def test_agents_that_are_too_old(planted: Planted) -> None:
    planted.execute("update paths set agent_version = '0.0.9'")
    assert f"1 agents are older than the collector (0.1.0): {CENTRE} (0.0.9)" in planted.name("agents_old").text()


def test_limits_under_the_report_interval(planted: Planted) -> None:
    said = planted.name("limits_short", SHOUWANG_LIMITS__CALL_TERMINAL__REPORT_EVERY_S="90")
    assert f"{CENTRE}/call-01 (90 ≤ 90 s)" in said.text()
    assert "[limits.call_terminal]" in said.cure("zh")


# --- broker, console, people


def test_no_broker(planted: Planted) -> None:
    planted.name("broker_down", SHOUWANG_BROKER__URL=f"mqtt://127.0.0.1:{free_port()}")
    planted.name("broker_not_running")


def test_no_mosquitto_for_agents_elsewhere(planted: Planted, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("collector.broker._PLACES", ())
    monkeypatch.setenv("PATH", "/nowhere")
    del planted.environment["SHOUWANG_BROKER__PROGRAM"]
    planted.name("mosquitto_none")
    planted.name("mosquitto_missing", SHOUWANG_BROKER__HOST="0.0.0.0")


def test_a_kind_file_that_is_wrong(planted: Planted) -> None:
    (planted.state / "kinds").mkdir()
    (planted.state / "kinds" / "oven.toml").write_text("label = 1\n")
    assert "oven.toml" in planted.name("kind_wrong").text()


def test_a_console_for_everybody_in_the_clear(planted: Planted) -> None:
    del planted.environment["SHOUWANG_API__PUBLIC_URL"]
    said = planted.name("console_in_clear", SHOUWANG_API__HOST="0.0.0.0")
    assert "http://0.0.0.0:" in said.text()
    planted.name("console_in_clear", SHOUWANG_API__PUBLIC_URL="http://10.3.0.1:8420")


def test_links_that_open_on_nobodys_phone(planted: Planted) -> None:
    del planted.environment["SHOUWANG_API__PUBLIC_URL"]
    planted.name("console_nameless", **TOLD)


def test_nobody_to_tell(planted: Planted) -> None:
    planted.name("notify_nobody")


def test_a_provider_with_wrong_settings(planted: Planted) -> None:
    assert "did you mean webhook?" in planted.name("notify_wrong", SHOUWANG_NOTIFY__WEBHOK__URL="https://x").text()


def test_a_webhook_on_a_private_address(planted: Planted) -> None:
    said = planted.name(
        "notify_private",
        **TOLD
        | {
            "SHOUWANG_NOTIFY__WEBHOOK__URL": "https://10.20.30.40/hook",
            "SHOUWANG_NOTIFY__WEBHOOK__ALLOW_PRIVATE": "false",
        },
    )
    assert "10.20.30.40 is not a public address" in said.text()
    assert "allow_private = true under [notify.webhook]" in said.cure()


def test_a_provider_whose_name_is_none(planted: Planted) -> None:
    planted.name("notify_nameless", **TOLD | {"SHOUWANG_NOTIFY__WEBHOOK__URL": "https://a..b/hook"})


def test_a_provider_that_refused_the_last_tries(planted: Planted) -> None:
    planted.write(*refusals(3, "webhook", "errcode 93000: invalid webhook url"))
    said = planted.name("notify_refused", **TOLD)
    assert "errcode 93000: invalid webhook url" in said.text("zh")
    planted.execute("update tries set accepted = true where id = (select max(id) from tries)")
    assert "notify_refused" not in [finding.code for finding in planted.find(**TOLD)]


def test_nobody_outside_who_notices(planted: Planted) -> None:
    del planted.environment["SHOUWANG_HEARTBEAT__URL"]
    planted.name("heartbeat_none")


def test_a_look_that_cannot_be_finished(planted: Planted) -> None:
    planted.has(mounts=planted.folder / "none")
    assert "state: [Errno 2]" in planted.name("look_failed").text()
