"""What a first start makes: new centres alone, passwords that are missing; again, nothing."""

import base64
import json
import stat
from pathlib import Path

import pytest
from sqlalchemy import Engine, select

from collector.beginning import add_new_centres, password_of, passwords_of_all, viewer_token_of
from shouwang.fleet import FleetRow
from shouwang.ledger.engine import open_engine
from shouwang.ledger.fleet import export_fleet, import_fleet
from shouwang.ledger.migrate import upgrade
from shouwang.ledger.people import mosquitto_hash, mqtt_passwords, person_by_token, revoke
from shouwang.ledger.tables import Device
from shouwang.trouble import Trouble
from shouwang.vocabulary import Role

NOW_MS = 1_800_000_000_000


def row(centre: str, device: str = "call-01", **more: str) -> FleetRow:
    return FleetRow(centre, device, "call_terminal", "150525", **more)  # type: ignore[arg-type]  # text, all of them


@pytest.fixture
def ledger(tmp_path: Path) -> Engine:
    engine = open_engine(f"sqlite:///{tmp_path / 'ledger.db'}")
    upgrade(engine)
    return engine


def devices(ledger: Engine) -> set[tuple[str, str]]:
    with ledger.connect() as connection:
        found = connection.execute(select(Device.centre, Device.device).where(Device.retired_at.is_(None)))
        return {(each.centre, each.device) for each in found}


def is_of(password: str, hashed: str) -> bool:
    salt = base64.b64decode(hashed.split("$")[3])
    return mosquitto_hash(password, salt) == hashed


def test_new_centres_are_added_and_known_ones_stay_as_people_made_them(ledger: Engine) -> None:
    assert add_new_centres(ledger, [row("a", household="Ailin"), row("b")]) == 2
    assert add_new_centres(ledger, [row("a", "call-02"), row("c")]) == 1
    assert devices(ledger) == {("a", "call-01"), ("b", "call-01"), ("c", "call-01")}
    with ledger.connect() as connection:
        assert export_fleet(connection, ["a"])[0].household == "Ailin"

    import_fleet(ledger, [row("a")], NOW_MS, allow_removals=True)
    assert add_new_centres(ledger, [row("a"), row("b"), row("c")]) == 0
    assert devices(ledger) == {("a", "call-01")}, "what was retired does not come back"


def test_an_agent_gets_a_password_once(ledger: Engine, tmp_path: Path) -> None:
    add_new_centres(ledger, [row("a")])
    file = tmp_path / "new" / "mqtt"
    assert password_of(ledger, "a", file, NOW_MS) == 1
    password = file.read_text().strip()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    with ledger.connect() as connection:
        assert is_of(password, mqtt_passwords(connection)["a"])
    assert password_of(ledger, "a", file, NOW_MS) == 0
    assert file.read_text().strip() == password

    with ledger.execution_options(writes=True).begin() as connection:
        revoke(connection, "a", NOW_MS)
    assert password_of(ledger, "a", file, NOW_MS) == 1
    file.unlink()
    assert password_of(ledger, "a", file, NOW_MS) == 1
    with pytest.raises(Trouble, match="no centre or feed 'z'"):
        password_of(ledger, "z", file, NOW_MS)


def test_a_file_that_cannot_be_written_changes_nothing(ledger: Engine, tmp_path: Path) -> None:
    add_new_centres(ledger, [row("a")])
    (tmp_path / "file").write_text("")
    with pytest.raises(Trouble):
        password_of(ledger, "a", tmp_path / "file" / "mqtt", NOW_MS)
    with ledger.connect() as connection:
        assert mqtt_passwords(connection) == {}


def test_all_who_have_no_password_get_one(ledger: Engine, tmp_path: Path) -> None:
    add_new_centres(ledger, [row("a"), row("b"), row("c", path="care")])
    password_of(ledger, "a", tmp_path / "a", NOW_MS)
    file = tmp_path / "all.json"
    assert passwords_of_all(ledger, file, NOW_MS) == 3
    first = json.loads(file.read_text())
    assert set(first) == {"b", "c", "care"}
    with ledger.connect() as connection:
        given = mqtt_passwords(connection)
    assert all(is_of(password, given[name]) for name, password in first.items())

    add_new_centres(ledger, [row("d")])
    assert passwords_of_all(ledger, file, NOW_MS) == 1
    second = json.loads(file.read_text())
    assert {name: second[name] for name in first} == first
    assert set(second) - set(first) == {"d"}


def test_a_token_that_may_see_is_made_once_and_anew_where_it_was_lost(ledger: Engine, tmp_path: Path) -> None:
    file = tmp_path / "new" / "api"

    def person() -> object:
        with ledger.connect() as connection:
            return person_by_token(connection, file.read_text().strip(), NOW_MS)

    assert viewer_token_of(ledger, "grafana", file, NOW_MS) == 1
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    first = file.read_text()
    assert person().role is Role.VIEWER  # type: ignore[attr-defined]
    assert viewer_token_of(ledger, "grafana", file, NOW_MS) == 0
    assert file.read_text() == first

    file.unlink()
    assert viewer_token_of(ledger, "grafana", file, NOW_MS) == 1
    with ledger.connect() as connection:
        assert person_by_token(connection, first.strip(), NOW_MS) is None, "the one that was lost has ended"
    with ledger.execution_options(writes=True).begin() as connection:
        revoke(connection, "grafana", NOW_MS)
    assert viewer_token_of(ledger, "grafana", file, NOW_MS) == 1
    assert person() is not None
