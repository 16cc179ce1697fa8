"""The files of alerting: as they would be made, and nothing in them points nowhere (Grafana would not start)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from dashboards.alerts import files as made
from dashboards.alerts.rules import DASHBOARD, EXPRESSION, PANEL, rule_group
from dashboards.grafana.things import SOURCES
from dashboards.places import ALERTS
from dashboards.render import checked_in, panels
from shouwang.boards import FLEET, board_uid
from tests.deploy.composed import read

OF_A_RULE = {
    "uid", "title", "condition", "data", "dashboardUid", "panelId", "noDataState", "execErrState", "for", "annotations",
    "labels", "isPaused",
}  # fmt: skip
"""What Grafana reads of a rule in a file, from its documentation; it passes over what it does not know."""


@pytest.fixture(scope="module")
def files() -> dict[str, Any]:
    return {path.stem: yaml.safe_load(path.read_text("utf-8")) for path in made.FOLDER.glob("*.yml")}


def rules(files: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for group in files["rules"]["groups"]:
        yield from group["rules"]


def test_what_is_checked_in_is_what_would_be_made() -> None:
    assert {path.name: path.read_text("utf-8") for path in made.FOLDER.iterdir()} == made.files(), "make generate"


def test_every_rule_asks_what_is_there(files: dict[str, Any]) -> None:
    sources = {each["uid"] for each in yaml.safe_load(SOURCES.read_text("utf-8"))["datasources"]}
    found = list(rules(files))
    assert len({rule["uid"] for rule in found}) == len({rule["title"] for rule in found}) == len(found) == 6
    for rule in found:
        assert rule.keys() == OF_A_RULE
        assert re.fullmatch(r"[A-Za-z0-9_-]{1,40}", rule["uid"])
        refs = [each["refId"] for each in rule["data"]]
        assert len(set(refs)) == len(refs)
        assert rule["condition"] in refs
        for each in rule["data"]:
            assert each["model"]["refId"] == each["refId"]
            assert each["datasourceUid"] == each["model"]["datasource"]["uid"]
            if each["datasourceUid"] == EXPRESSION:
                assert each["model"]["expression"] in refs
            else:
                assert each["datasourceUid"] in sources
                assert not re.search(r"\$\{|\$__|windowPeriod", each["model"]["query"]), "no variable is filled in"


def test_every_rule_leads_to_a_panel_that_is_there(files: dict[str, Any]) -> None:
    boards = {board["uid"]: board for board in map(json.loads, checked_in().values())}
    for rule in rules(files):
        assert rule["panelId"] in {each["id"] for each in panels(boards[rule["dashboardUid"]]) if each["type"] != "row"}
    by_api = rule_group()["rules"][0]["annotations"]
    assert by_api[DASHBOARD] == board_uid(FLEET, "zh")
    assert by_api[PANEL].isdigit()


def test_the_rules_lie_in_one_folder_that_push_makes_too(files: dict[str, Any]) -> None:
    assert [group["folder"] for group in files["rules"]["groups"]] == [ALERTS.title]
    assert {rule["folderUID"] for rule in rule_group()["rules"]} == {ALERTS.uid}


def test_the_policy_names_contact_points_that_are_there(files: dict[str, Any]) -> None:
    names = {each["name"] for each in files["contact-points"]["contactPoints"]}
    uids = [receiver["uid"] for each in files["contact-points"]["contactPoints"] for receiver in each["receivers"]]
    assert len(set(uids)) == len(uids)
    branches, named = list(files["policies"]["policies"]), set()
    while branches:
        branch = branches.pop()
        named.add(branch["receiver"])
        branches += branch.get("routes", [])
    assert named == names


def test_texts_are_those_of_the_template(files: dict[str, Any]) -> None:
    (template,) = files["templates"]["templates"]
    defined = set(re.findall(r'define "([^"]+)"', template["template"]))
    used = set(re.findall(r'template \\"([^"\\]+)\\"', json.dumps(files["contact-points"])))
    assert used == defined == {"shouwang.title", "shouwang.message"}


def test_address_and_token_come_from_outside(files: dict[str, Any]) -> None:
    grafana = read({"RUN_UID": "1", "RUN_GID": "1"})["services"]["grafana"]
    for point in files["contact-points"]["contactPoints"]:
        for receiver in point["receivers"]:
            assert receiver["settings"]["url"] == "$ALERT_WEBHOOK_URL"
            assert receiver["settings"]["authorization_credentials"] == "$__file{/run/secrets/alert-webhook-token}"
    assert "alert-webhook-token" in grafana["secrets"]
    assert grafana["environment"]["ALERT_WEBHOOK_URL"].endswith(".invalid/")  # nobody, but Grafana starts


def test_a_dollar_is_left_to_grafana_nowhere_else(files: dict[str, Any]) -> None:
    for rule in rules(files):
        assert not re.search(r"\$(?!\$)", "".join(rule["labels"].values()))
        annotations = "".join(rule["annotations"].values())
        assert set(re.findall(r"\$\w+", annotations)) <= {"$labels", "$values"}
        assert "${" not in annotations
    for receiver in (each for point in files["contact-points"]["contactPoints"] for each in point["receivers"]):
        settings = {key: value for key, value in receiver["settings"].items() if key in ("title", "message")}
        assert "$" not in json.dumps(settings)
