"""To whom a version is offered, what ends that, and how a box comes in by a code."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from sqlalchemy import Connection, Engine

from shouwang.bundles import Manifest, new_key, sign
from shouwang.ledger import people, upgrades
from shouwang.ledger.people import PeopleError
from shouwang.ledger.upgrades import Said, UpgradeError
from tests.api.conftest import BASE, Api
from tests.api.world import BAXIAN, BAXIAN_VILLAGE, BEILAOGUI, GUANGMING, NOW_MS

PRIVATE, _ = new_key()
MINE = "p" * 43
"""A password as a box makes them."""


@pytest.fixture
def writing(ledger: Engine) -> Iterator[Connection]:
    with ledger.execution_options(writes=True).begin() as connection:
        yield connection


def bundle(connection: Connection, version: str, architecture: str = "aarch64", number: int = 1) -> str:
    """Takes one in; gives its hash."""
    manifest = Manifest(1, version, architecture, f"{number:064x}", 1000)
    upgrades.add_bundle(connection, manifest, sign(manifest, PRIVATE), NOW_MS + number)
    return manifest.sha256


def asks(connection: Connection, path: str, version: str = "1.0.0", **more: str) -> bool:
    """Whether it is offered something."""
    said = Said(version, more.pop("architecture", "aarch64"), **more)
    return upgrades.asked(connection, path, said, NOW_MS) is not None


def test_a_version_is_offered_to_those_named_and_for_their_architecture_alone(writing: Connection) -> None:
    bundle(writing, "1.1.0")
    id_ = upgrades.begin(writing, "1.1.0", 0, [GUANGMING], "王芳", NOW_MS)
    assert asks(writing, GUANGMING)
    assert not asks(writing, BEILAOGUI)
    assert not asks(writing, GUANGMING, architecture="x86_64")
    assert not asks(writing, GUANGMING, version="1.1.0"), "it has it"
    assert upgrades.widen(writing, id_, 0, [BEILAOGUI])
    assert asks(writing, BEILAOGUI)
    assert upgrades.end(writing, id_, "王芳", NOW_MS)
    assert not asks(writing, BEILAOGUI)
    assert not upgrades.widen(writing, id_, 100, [])


def test_who_is_reached_stays_reached_while_it_widens_and_shares_are_as_said() -> None:
    paths = [f"{number:012d}" for number in range(4_000)]
    before: set[str] = set()
    for percent in (1, 5, 25, 50, 100):
        reached = {path for path in paths if upgrades.is_chosen(path, 7, percent, ())}
        assert before <= reached
        assert abs(len(reached) / len(paths) - percent / 100) < 0.03
        before = reached
    assert before == set(paths)
    first, second = ({path for path in paths if upgrades.is_chosen(path, id_, 5, ())} for id_ in (7, 8))
    assert first != second, "it is not always the same who go first"


def test_the_first_that_goes_back_ends_it_for_all(writing: Connection) -> None:
    sha256 = bundle(writing, "1.1.0")
    id_ = upgrades.begin(writing, "1.1.0", 100, [], "王芳", NOW_MS)
    assert asks(writing, GUANGMING)
    assert asks(writing, BEILAOGUI)
    assert not asks(writing, BEILAOGUI, version="1.1.0", sha256=sha256, tried=sha256, tried_version="1.1.0")
    why = "had not reported within 300 s"
    assert not asks(writing, GUANGMING, tried=sha256, tried_version="1.1.0", reason=why)
    assert not asks(writing, BAXIAN_VILLAGE), "nobody more is told of it"
    found = upgrades.rollout(writing, id_)
    assert found is not None
    assert (found["ended_as"], found["ended_by"]) == ("rolled_back", GUANGMING)
    assert [found[name] for name in ("offered", "done", "failed", "pending")] == [2, 1, 1, 0]
    assert [(each["path"], each["reason"]) for each in found["failures"]] == [(GUANGMING, why)]


def test_an_old_failure_of_another_version_ends_nothing(writing: Connection) -> None:
    bundle(writing, "1.2.0", number=2)
    id_ = upgrades.begin(writing, "1.2.0", 100, [], "王芳", NOW_MS)
    assert asks(writing, GUANGMING, tried="f" * 64, tried_version="1.1.0", reason="ended 3 times")
    found = upgrades.rollout(writing, id_)
    assert found is not None
    assert found["ended_at"] is None


@pytest.mark.parametrize(
    ("version", "percent", "paths", "where"),
    [
        ("9.9.9", 5, [], "version"),
        ("1.1.0", 0, [], "percent"),
        ("1.1.0", 101, [], "percent"),
        ("1.1.0", 5, ["no-such-village"], "paths"),
    ],
)
def test_what_cannot_be_offered_is_said_with_its_field(
    writing: Connection, version: str, percent: int, paths: list[str], where: str
) -> None:
    bundle(writing, "1.1.0")
    with pytest.raises(UpgradeError) as told:
        upgrades.begin(writing, version, percent, paths, "王芳", NOW_MS)
    assert told.value.where == where
    assert upgrades.rollouts(writing) == []


def test_a_code_lets_one_box_in_once_and_again_with_the_same_password(writing: Connection) -> None:
    code = people.new_enrolment(writing, GUANGMING, NOW_MS)
    assert people.enrol(writing, code.lower().replace("-", " "), MINE, NOW_MS) == GUANGMING
    assert people.agent_known(writing, GUANGMING, MINE)
    assert not people.agent_known(writing, GUANGMING, MINE + "x")
    assert people.enrol(writing, code, MINE, NOW_MS + 1000) == GUANGMING, "its answer was lost"
    assert people.enrol(writing, code, "q" * 43, NOW_MS + 1000) is None, "another box"
    assert people.agent_known(writing, GUANGMING, MINE)
    assert people.enrol(writing, code, MINE, NOW_MS + people.ENROLMENT_LIFE_S * 1000) is None


def test_a_code_that_was_replaced_has_ended_or_is_none_lets_nobody_in(writing: Connection) -> None:
    first = people.new_enrolment(writing, GUANGMING, NOW_MS)
    second = people.new_enrolment(writing, GUANGMING, NOW_MS, life_s=60)
    assert people.enrol(writing, first, MINE, NOW_MS) is None
    assert people.enrol(writing, second, MINE, NOW_MS + 60_000) is None
    for wrong in ("", "A" * 20, second + "A", "很" * 20):
        assert people.enrol(writing, wrong, MINE, NOW_MS) is None
    with pytest.raises(PeopleError, match="32 to 128"):
        people.enrol(writing, second, "short", NOW_MS)
    with pytest.raises(PeopleError, match="no-such-village"):
        people.new_enrolment(writing, "no-such-village", NOW_MS)


def as_agent(name: str, password: str) -> dict[str, str]:
    return {"authorization": f"Basic {base64.b64encode(f'{name}:{password}'.encode()).decode()}"}


async def ask(api: Api, headers: dict[str, str], **more: Any) -> httpx.Response:
    body = {"version": "1.0.0", "architecture": "aarch64", **more}
    return await api.client.post("/agent/v1/upgrade", json=body, headers=headers)


async def test_a_box_comes_in_by_rest_and_asks_with_its_own_password(api: Api) -> None:
    made = (await api.post(f"/centres/{GUANGMING}/enrol")).json()
    assert made["command"].endswith(f"--server {BASE} --code {made['code']}")
    answer = await api.client.post("/agent/v1/enrol", json={"code": made["code"], "password": MINE})
    assert answer.status_code == 200
    assert (answer.json()["centre"], answer.json()["region"]) == (GUANGMING, "150525")
    assert (await ask(api, as_agent(GUANGMING, MINE))).json() == {"ask_again_s": 600.0, "offer": None}
    for wrong in (as_agent(GUANGMING, "x" * 43), as_agent(BEILAOGUI, MINE), {"authorization": "Basic ?"}, {}):
        assert (await ask(api, wrong)).status_code == 401
    for wrong_code in ("A" * 20, ""):
        refused = await api.client.post("/agent/v1/enrol", json={"code": wrong_code, "password": MINE})
        assert refused.status_code == 401
        assert refused.headers["content-type"] == "application/problem+json"


async def test_guessing_codes_is_slowed_down(api: Api) -> None:
    codes = [f"{number:020d}".replace("0", "Z").replace("1", "Y") for number in range(40)]
    answers = [await api.client.post("/agent/v1/enrol", json={"code": code, "password": MINE}) for code in codes]
    assert {answer.status_code for answer in answers} == {401, 429}


async def test_who_may_offer_versions_and_make_codes(api: Api) -> None:
    for role, townships in (
        ("viewer", None),
        ("technician", None),
        ("duty_officer", None),
        ("administrator", [BAXIAN]),
    ):
        asker = api.as_(role, townships)
        assert (await asker.get("/upgrades")).status_code == 403
        assert (await asker.post("/upgrades", {"version": "1.1.0", "percent": 1})).status_code == 403
        may_enrol = role == "administrator"
        assert (await asker.post(f"/centres/{BAXIAN_VILLAGE}/enrol")).status_code == (201 if may_enrol else 403)
    elsewhere = asker
    assert (await elsewhere.post(f"/centres/{GUANGMING}/enrol")).status_code == 404


async def test_a_rollout_by_rest_from_its_beginning_to_its_end(api: Api) -> None:
    with api.engine.execution_options(writes=True).begin() as connection:
        bundle(connection, "1.1.0")
    assert (await api.post("/upgrades", {"version": "2.0.0", "percent": 5})).status_code == 422
    begun = await api.post("/upgrades", {"version": "1.1.0", "percent": 5, "paths": [GUANGMING]})
    assert begun.status_code == 201
    id_ = begun.json()["id"]
    assert (await api.post(f"/upgrades/{id_}/widen", {"percent": 1})).status_code == 422
    assert (await api.post(f"/upgrades/{id_}/widen", {"percent": 50})).json()["percent"] == 50
    assert (await api.post(f"/upgrades/{id_}/end")).json()["ended_as"] == "by_hand"
    assert (await api.post(f"/upgrades/{id_}/widen", {"percent": 60})).status_code == 404
    whole = (await api.get("/upgrades")).json()
    assert [each["id"] for each in whole["rollouts"]] == [id_]
    assert [each["version"] for each in whole["bundles"]] == ["1.1.0"]
