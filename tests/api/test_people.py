"""Who may come in, and until when."""

from __future__ import annotations

import queue
from collections.abc import Callable
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from sqlalchemy import Engine, select

from shouwang.ledger import people
from shouwang.ledger.people import PeopleError
from shouwang.ledger.tables import Credential
from shouwang.vocabulary import Role
from tests.api.world import BAXIAN, GUANGMING, NOW_MS
from tests.servers import Mosquitto

HOUR_MS = 3_600_000


@pytest.fixture
def writes(ledger: Engine) -> Engine:
    return ledger.execution_options(writes=True)


def test_a_link_signs_in_once(writes: Engine) -> None:
    with writes.begin() as connection:
        people.add_user(connection, "王 芳", Role.TECHNICIAN, NOW_MS, townships=[BAXIAN])
        link = people.new_link(connection, "王 芳", NOW_MS)
    with writes.begin() as connection:
        session = people.sign_in(connection, link, NOW_MS + 1000)
        assert session is not None
        assert people.sign_in(connection, link, NOW_MS + 2000) is None
        person = people.person_by_session(connection, session, NOW_MS + 3000)
        assert person is not None
        assert (person.name, person.role, person.townships) == ("王 芳", Role.TECHNICIAN, frozenset({BAXIAN}))
        assert people.person_by_token(connection, session, NOW_MS + 3000) is None


def test_a_link_ends_after_a_quarter_of_an_hour_or_when_another_is_given(writes: Engine) -> None:
    with writes.begin() as connection:
        people.add_user(connection, "li", Role.VIEWER, NOW_MS)
        late = people.new_link(connection, "li", NOW_MS)
        assert people.sign_in(connection, late, NOW_MS + 15 * 60_000) is None
        first = people.new_link(connection, "li", NOW_MS)
        second = people.new_link(connection, "li", NOW_MS)
        assert people.sign_in(connection, first, NOW_MS) is None
        assert people.sign_in(connection, second, NOW_MS) is not None


def test_a_session_idles_out_ends_and_has_a_bounded_life(writes: Engine) -> None:
    with writes.begin() as connection:
        people.add_user(connection, "li", Role.VIEWER, NOW_MS)
        session = people.sign_in(connection, people.new_link(connection, "li", NOW_MS), NOW_MS)
        assert session is not None
        assert people.person_by_session(connection, session, NOW_MS + 13 * HOUR_MS) is None
        person = people.person_by_session(connection, session, NOW_MS + 11 * HOUR_MS)
        assert person is not None
        assert people.needs_touch(connection, person.credential_id, NOW_MS + 11 * HOUR_MS)
        people.touch(connection, person.credential_id, NOW_MS + 11 * HOUR_MS)
        assert not people.needs_touch(connection, person.credential_id, NOW_MS + 11 * HOUR_MS + 30_000)
        assert people.person_by_session(connection, session, NOW_MS + 22 * HOUR_MS) is not None
        assert people.person_by_session(connection, session, NOW_MS + 15 * 24 * HOUR_MS) is None
        assert people.still_valid(connection, person.credential_id, NOW_MS + 12 * HOUR_MS)
        people.sign_out(connection, session, NOW_MS + 12 * HOUR_MS)
        assert people.person_by_session(connection, session, NOW_MS + 12 * HOUR_MS) is None
        assert not people.still_valid(connection, person.credential_id, NOW_MS + 12 * HOUR_MS)


def test_a_token_works_until_revoked_and_only_its_hash_is_kept(writes: Engine) -> None:
    with writes.begin() as connection:
        token = people.new_token(connection, "grafana", Role.VIEWER, NOW_MS)
        person = people.person_by_token(connection, token, NOW_MS)
        assert person is not None
        assert (person.name, person.role, person.townships) == ("grafana", Role.VIEWER, None)
        assert all(token not in str(row) for row in connection.execute(select(Credential.__table__)))
        with pytest.raises(PeopleError, match="already"):
            people.new_token(connection, "grafana", Role.VIEWER, NOW_MS)
        assert people.revoke(connection, "grafana", NOW_MS) == 1
        assert people.person_by_token(connection, token, NOW_MS) is None
        short = people.new_token(connection, "grafana", Role.VIEWER, NOW_MS, life_s=60)
        assert people.person_by_token(connection, short, NOW_MS + 60_000) is None


@pytest.mark.parametrize("name", ["", " li", "li/wang", "a\nb", "x" * 65])
def test_a_user_has_a_name_that_can_be_shown(writes: Engine, name: str) -> None:
    with writes.begin() as connection, pytest.raises(PeopleError):
        people.add_user(connection, name, Role.VIEWER, NOW_MS)


def test_names_are_given_once_and_townships_must_exist(writes: Engine) -> None:
    with writes.begin() as connection:
        people.add_user(connection, "li", Role.VIEWER, NOW_MS)
        with pytest.raises(PeopleError, match="already"):
            people.add_user(connection, "li", Role.VIEWER, NOW_MS)
        with pytest.raises(PeopleError, match="150999"):
            people.add_user(connection, "zhao", Role.VIEWER, NOW_MS, townships=["150999"])
        with pytest.raises(PeopleError, match="user add"):
            people.new_link(connection, "zhao", NOW_MS)
        assert [user["name"] for user in people.users(connection)] == ["li"]


def test_a_new_password_of_an_agent_ends_the_one_before(writes: Engine) -> None:
    with writes.begin() as connection:
        people.new_mqtt_password(connection, GUANGMING, NOW_MS)
        password = people.new_mqtt_password(connection, GUANGMING, NOW_MS)
        people.new_mqtt_password(connection, "unicom", NOW_MS)
        kept = people.mqtt_passwords(connection)
        assert set(kept) == {GUANGMING, "unicom"}
        assert kept[GUANGMING].startswith("$7$101$")
        assert password not in kept[GUANGMING]
        with pytest.raises(PeopleError, match="nowhere"):
            people.new_mqtt_password(connection, "nowhere", NOW_MS)


@pytest.mark.system
def test_mosquitto_takes_the_password_that_was_printed_and_no_other(
    tmp_path: Path, start_mosquitto: Callable[..., Mosquitto]
) -> None:
    passwords = tmp_path / "passwords"
    passwords.write_text(f"150525100200:{people.mosquitto_hash('the right one')}\n", "utf-8")
    passwords.chmod(0o644)
    tmp_path.chmod(0o755)
    broker = start_mosquitto(settings=["allow_anonymous false", f"password_file {passwords}"])
    for password, expected in (("the right one", True), ("another", False)):
        answered: queue.Queue[bool] = queue.Queue()
        client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
        client.username_pw_set("150525100200", password)
        client.on_connect = lambda _c, _u, _f, reason, _p, answered=answered: answered.put(not reason.is_failure)
        client.connect(broker.host, broker.port)
        client.loop_start()
        try:
            assert answered.get(timeout=10) is expected
        finally:
            client.loop_stop()
