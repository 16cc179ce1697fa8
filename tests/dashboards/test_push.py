"""`shouwang dashboards push` and `pull` against Grafana's contract: what is made, that twice is once, what is shown."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dashboards.grafana import Grafana, Sort, State, Thing, look, push
from dashboards.grafana import things as made_of
from dashboards.grafana.differing import Found
from dashboards.places import ALERTS, FOLDERS, LEDGER_UID, READINGS_UID
from dashboards.render import checked_in
from shouwang import cli
from shouwang.trouble import Trouble
from tests.dashboards.contract.server import TOKEN, Contract

pytestmark = pytest.mark.slow

ENVIRONMENT = {
    "ALERT_WEBHOOK_URL": "http://127.0.0.1:9/hook",
    "ALERT_WEBHOOK_TOKEN": "hook-token",
    "ALERT_WECOM_URL": "http://127.0.0.1:9/send?key=wecom-key",
    "ALERT_DINGTALK_URL": "http://127.0.0.1:9/robot?access_token=ding-key",
    "ALERT_EMAIL": "duty@example.org",
}
VALUES = {
    "INFLUXDB_URL": "http://127.0.0.1:8086",
    "/tokens/reader/influxdb": "influx-secret",
    "SHOUWANG_URL": "http://127.0.0.1:8420",
    "/tokens/viewer/api": "viewer-secret",
    **ENVIRONMENT,
}


@pytest.fixture
def contract() -> Iterator[Contract]:
    with Contract() as serving:
        yield serving


@pytest.fixture
def grafana(contract: Contract) -> Iterator[Grafana]:
    calling = Grafana(contract.url, contract.token)
    yield calling
    calling.close()


SOME = ("shouwang-fleet-", "shouwang-monitor-")


def everything(all_boards: bool = False) -> list[Thing]:
    files = checked_in()
    some = {name: text for name, text in files.items() if all_boards or any(part in name for part in SOME)}
    return [
        *made_of.folders(),
        *made_of.sources(VALUES.get, "shouwang", "shouwang"),
        *made_of.dashboards(some),
        *made_of.telling(VALUES.get),
        *made_of.rules(),
    ]


def states(grafana: Grafana, things: list[Thing]) -> dict[str, State]:
    """What differs."""
    return {each.thing.name: each.state for each in look(grafana, things) if each.state is not State.SAME}


def test_all_that_is_pushed_is_in_the_contract_and_twice_is_once(contract: Contract, grafana: Grafana) -> None:
    things = everything(all_boards=True)
    assert {thing.sort for thing in things} == set(Sort)
    found = look(grafana, things)
    assert {each.state for each in found if each.thing.sort is not Sort.POLICY} == {State.MISSING}
    assert contract.kept.writes == []  # looking changes nothing
    written: list[Found] = []
    push(grafana, found, secrets=False, done=written.append)
    assert len(written) == len(things)
    assert contract.refused == []
    assert states(grafana, things) == {}
    before = list(contract.kept.writes)
    push(grafana, look(grafana, things), secrets=False, done=written.append)
    assert contract.kept.writes == before
    kept = contract.kept
    assert kept.folders.keys() == {ALERTS.uid, *(folder.uid for folder in FOLDERS.values())}
    assert kept.boards.keys() == {json.loads(text)["uid"] for text in checked_in().values()}
    assert kept.secrets[READINGS_UID] == {"token": "influx-secret"}
    assert kept.secrets[LEDGER_UID] == {"bearerToken": "viewer-secret"}
    assert kept.sources[LEDGER_UID]["jsonData"]["allowedHosts"] == ["http://127.0.0.1:8420"]
    assert {(each["name"], each["type"]) for each in kept.points.values()} == {
        (name, kind) for name in ("shouwang", "shouwang-urgent") for kind in ("webhook", "wecom", "dingding", "email")
    }
    assert [branch["object_matchers"] for branch in kept.policy["routes"]] == [[["product", "=", "shouwang"]]]
    assert len(kept.groups[ALERTS.uid, "shouwang"]["rules"]) == 6


def test_what_somebody_changed_is_shown_and_put_right(contract: Contract, grafana: Grafana) -> None:
    things = everything()
    push(grafana, look(grafana, things), secrets=False, done=lambda _: None)
    kept = contract.kept
    kept.folders[FOLDERS["en"].uid]["title"] = "Renamed"
    kept.sources[READINGS_UID]["url"] = "http://127.0.0.1:1"
    board = kept.boards["shouwang-fleet-en"]
    board["panels"][0]["title"] = "Somebody's"
    board["panels"].append({"type": "text", "title": "a note"})
    kept.points["shouwang-email"]["settings"]["addresses"] = "somebody@example.org"
    kept.policy["routes"][0]["repeat_interval"] = "12h"
    kept.templates["shouwang"] = "changed"
    rule = kept.groups[ALERTS.uid, "shouwang"]["rules"][1]
    rule["for"] = "15m"
    rule["data"][0]["model"]["query"] = rule["data"][0]["model"]["query"].replace("r.silent_ms > r.limit_ms", "false")
    changed = {
        FOLDERS["en"].uid, READINGS_UID, "shouwang-fleet-en", "shouwang-email", "product=shouwang", "shouwang",
    }  # fmt: skip
    assert states(grafana, things) == dict.fromkeys(changed, State.DIFFERENT)
    diffs = {each.thing.sort: each.diff(to_wanted=False) for each in look(grafana, things) if each.state != State.SAME}
    assert '+ "title": "Renamed"' in diffs[Sort.FOLDER]
    assert "Somebody's" in diffs[Sort.DASHBOARD]
    assert "a note" in diffs[Sort.DASHBOARD]
    assert '+   "for": "15m"' in diffs[Sort.RULES]
    assert any(line.startswith("+") and "(r) => false" in line for line in diffs[Sort.RULES].splitlines())
    assert '+ "repeat_interval": "12h"' in diffs[Sort.POLICY]
    written: list[Found] = []
    push(grafana, look(grafana, things), secrets=False, done=written.append)
    assert {each.thing.name for each in written} == changed
    assert states(grafana, things) == {}


def test_no_secret_is_ever_shown_and_it_is_written_again_on_demand(contract: Contract, grafana: Grafana) -> None:
    things = everything()
    push(grafana, look(grafana, things), secrets=False, done=lambda _: None)
    contract.kept.sources[READINGS_UID]["jsonData"]["organization"] = "another"
    for point in contract.kept.points.values():
        point["settings"]["message"] = "another"
        point["settings"]["url"] = "http://127.0.0.1:9/another"
    shown = "".join(each.diff(to_wanted=way) for each in look(grafana, things) for way in (True, False))
    shown += "".join(Found(thing, None).diff(to_wanted=True) for thing in things)
    for secret in ("influx-secret", "viewer-secret", "hook-token", "wecom-key", "ding-key"):
        assert secret not in shown
    contract.kept.secrets[READINGS_UID] = {"token": "old"}
    push(grafana, look(grafana, things), secrets=True, done=lambda _: None)
    assert contract.kept.secrets[READINGS_UID] == {"token": "influx-secret"}
    assert contract.kept.points["shouwang-wecom"]["settings"]["url"] == VALUES["ALERT_WECOM_URL"]


def test_the_policy_of_others_stays_as_it_is(contract: Contract, grafana: Grafana) -> None:
    contract.kept.policy["routes"] = [{"receiver": "grafana-default-email", "object_matchers": [["team", "=", "x"]]}]
    contract.kept.policy["repeat_interval"] = "4h"
    contract.kept.sources["theirs"] = {"uid": "theirs", "name": "Theirs"}
    push(grafana, look(grafana, everything()), secrets=False, done=lambda _: None)
    ours, theirs = contract.kept.policy["routes"]
    assert ours["receiver"] == "shouwang"
    assert theirs == {"receiver": "grafana-default-email", "object_matchers": [["team", "=", "x"]]}
    assert (contract.kept.policy["receiver"], contract.kept.policy["repeat_interval"]) == (
        "grafana-default-email",
        "4h",
    )
    assert "theirs" in contract.kept.sources


def test_a_data_source_whose_token_is_not_given_is_left_out() -> None:
    assert list(made_of.sources({"INFLUXDB_URL": "http://127.0.0.1:8086"}.get, "o", "b")) == []
    (source, *_) = made_of.sources(VALUES.get, "other", "bucket")
    assert source.name == READINGS_UID
    assert source.body["jsonData"]["organization"] == "other"
    assert source.body["jsonData"]["defaultBucket"] == "bucket"


@pytest.mark.parametrize(
    ("mistake", "said"),
    [
        (lambda group: group["rules"][0].pop("condition"), "'condition' is a required property"),
        (lambda group: group["rules"][0].update(noDataStat="OK"), "'noDataStat' was unexpected"),
        (lambda group: group["rules"][0].update(noDataState="Ok"), "'Ok' is not one of"),
        (lambda group: group["rules"][0].update(condition="D"), "condition D does not exist"),
        (lambda group: group["rules"][0]["data"][0].update(datasourceUid="none"), "data source not found"),
        (lambda group: group["rules"][0].update({"for": 120}), "120 is not of type 'string'"),
        (lambda group: group.update(interval="1m"), "'1m' is not of type 'integer'"),
        (lambda group: group["rules"][0].update(uid="with space"), "does not match"),
    ],
)
def test_a_mistake_in_a_rule_is_refused(contract: Contract, grafana: Grafana, mistake: Any, said: str) -> None:
    things = everything()
    before = [thing for thing in things if thing.sort in (Sort.FOLDER, Sort.SOURCE)]
    push(grafana, look(grafana, before), secrets=False, done=lambda _: None)
    (rules,) = [thing for thing in things if thing.sort is Sort.RULES]
    mistake(rules.body)
    with pytest.raises(Trouble, match=said):
        grafana.write(rules, None)
    assert contract.kept.groups == {}


def test_a_policy_that_names_nobody_is_refused(grafana: Grafana) -> None:
    (policy,) = [thing for thing in made_of.telling(VALUES.get) if thing.sort is Sort.POLICY]
    with pytest.raises(Trouble, match=r"receiver 'shouwang(-urgent)?' does not exist"):
        grafana.write(policy, None)


def test_what_goes_wrong_is_said_in_a_sentence(contract: Contract) -> None:
    with pytest.raises(Trouble, match=r"refuses the token \(401\)"):
        Grafana(contract.url, "wrong").read(Thing(Sort.FOLDER, "x", {}))
    with pytest.raises(Trouble, match="does not answer"):
        Grafana("http://127.0.0.1:9", TOKEN).version()
    contract.kept._getHealth = lambda path, body: (200, {"version": "10.4.1"})  # type: ignore[method-assign]
    with pytest.raises(Trouble, match=r"is 10\.4\.1: 11 or newer is needed"):
        Grafana(contract.url, TOKEN).version()


def test_the_clients_urllib3_takes_nobodys_place(grafana: Grafana) -> None:
    import urllib3

    assert "future" not in urllib3.__name__
    assert "grafana" not in Path(urllib3.__file__).parts


@pytest.fixture
def at_hand(contract: Contract, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with settings and tokens, and the environment."""
    monkeypatch.chdir(tmp_path)
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "influx-token").write_text("influx-secret\n")
    (tmp_path / "grafana-token").write_text(f"{TOKEN}\n")
    (tmp_path / "shouwang.toml").write_text(
        '[readings]\nurl = "http://127.0.0.1:8086"\nreader_token_file = "influx-token"\n'
    )
    monkeypatch.setenv("GRAFANA_URL", contract.url)
    return tmp_path


def test_the_commands(
    contract: Contract, at_hand: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with_token = ["--token-file", "grafana-token"]
    assert cli.main(["dashboards", "push", *with_token, "--dry-run"]) == 0
    assert "would make: rules shouwang" in capsys.readouterr().out
    assert contract.kept.writes == []
    assert cli.main(["dashboards", "pull", *with_token]) == 1
    assert "missing: folder shouwang-en" in capsys.readouterr().out
    assert cli.main(["dashboards", "push", *with_token]) == 0
    said = capsys.readouterr().out
    assert "made: data source shouwang-readings" in said
    assert cli.main(["dashboards", "push", *with_token]) == 0
    said = capsys.readouterr().out
    assert "made" not in said
    assert cli.main(["dashboards", "pull", *with_token]) == 0
    capsys.readouterr()
    contract.kept.boards["shouwang-monitor-zh"]["title"] = "改名"
    assert cli.main(["dashboards", "pull", *with_token, "--into", "theirs", "--json"]) == 1
    (changed,) = [each for each in json.loads(capsys.readouterr().out) if each["state"] != "same"]
    assert (changed["name"], changed["written"]) == ("shouwang-monitor-zh", False)
    assert '+  "title": "改名"' in changed["diff"]
    (theirs,) = (at_hand / "theirs").iterdir()
    assert json.loads(theirs.read_text())["dashboard"]["title"] == "改名"
    assert cli.main(["dashboards", "push", "--grafana", "grafana.example", *with_token]) == 2
    monkeypatch.delenv("GRAFANA_URL")
    assert cli.main(["dashboards", "push", *with_token]) == 2
    assert "[grafana] url" in capsys.readouterr().err
    with (at_hand / "shouwang.toml").open("a") as file:
        file.write(f'[grafana]\nurl = "{contract.url}"\n')
    assert cli.main(["dashboards", "push", *with_token, "--dry-run"]) == 0
    said = capsys.readouterr().out
    assert "would change: dashboard shouwang-monitor-zh" in said
    assert "left out: the data source of the ledger" in said
    assert cli.main(["dashboards", "push"]) == 2
    assert "--token-file, or GRAFANA_TOKEN" in capsys.readouterr().err
