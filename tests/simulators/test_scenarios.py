"""The scenarios that we ship can be read and played; what is wrong in one is said with its place."""

import re
from pathlib import Path
from random import Random

import pytest

from simulators.chance import random_steps
from simulators.choice import NothingMatches, choose
from simulators.faults import RULES, FaultKind, World
from simulators.fleet import TERMINAL_FEED, naiman
from simulators.player import Happening, Player
from simulators.scenario import FOLDER, Scenario, ScenarioError, Where, load, names, span_s

BANNER = naiman()


def play(scenario: Scenario, seed: int = 1, start_hour: float = 12.0) -> tuple[World, list[Happening]]:
    skipped: list[str] = []
    world = World()
    player = Player(world, BANNER, seed=seed, start_hour=start_hour, on_skipped=skipped.append)
    player.add(scenario, 0)
    happened = player.advance(scenario.lasts_s)
    assert skipped == []
    return world, happened


@pytest.mark.parametrize("name", names())
def test_a_shipped_scenario_plays_to_its_end_and_leaves_nothing_behind(name: str) -> None:
    scenario = load(name)
    world, happened = play(scenario)
    assert happened
    assert happened[0].began
    assert [h.at_s for h in happened] == sorted(h.at_s for h in happened)
    assert world.faults == 0, "a fault outlasts the scenario"
    assert all(want.by_s <= scenario.lasts_s for want in scenario.expect)
    assert all(text for words in (scenario.title, scenario.about) for text in (words.zh, words.en))


def test_every_fault_stands_in_a_scenario() -> None:
    played = {step.fault for name in names() for step in load(name).steps}
    assert played == set(FaultKind)
    assert len(names()) >= 10


def test_the_same_seed_befalls_the_same_devices() -> None:
    scenario = load("terminal_silent")
    assert play(scenario, seed=4)[1] == play(scenario, seed=4)[1]
    assert play(scenario, seed=4)[1] != play(scenario, seed=5)[1]


@pytest.mark.parametrize("start_hour", [0.0, 12.0, 20.99, 21.0, 22.5])
def test_the_main_switch_is_pulled_at_nine_each_evening(start_hour: float) -> None:
    _, happened = play(load("main_switch_each_evening"), start_hour=start_hour)
    pulled = [h.at_s for h in happened if h.began]
    assert len(pulled) == 3
    assert {round(start_hour + at_s / 3600, 6) % 24 for at_s in pulled} == {21.0}


@pytest.mark.slow
def test_random_faults_are_the_same_for_a_seed_and_go_on_for_ever() -> None:
    first, second = random_steps(BANNER, 7), random_steps(BANNER, 7)
    assert [next(first) for _ in range(500)] == [next(second) for _ in range(500)]
    player = Player(World(), BANNER)
    player.add_steps(random_steps(BANNER, 7))
    day = player.advance(86_400)
    assert 150 < sum(h.began for h in day) < 450
    assert player.next_at_s > 86_400


@pytest.mark.parametrize(
    ("kind", "where", "devices", "paths"),
    [
        (FaultKind.POWER_CUT, Where(township="治安镇"), 0, 23),
        (FaultKind.POWER_CUT, Where(township="150525104"), 0, 23),
        (FaultKind.FEED_STOPPED, Where(feed=TERMINAL_FEED), 0, 1),
        (FaultKind.TERMINAL_SILENT, Where(kind="call_terminal", pick=3), 3, 0),
        (FaultKind.TERMINAL_SILENT, Where(township="治安镇", kind="camera", per_centre=2), 46, 0),
        (FaultKind.CASH_OUT, Where(), 381, 0),
        (FaultKind.UPLINK_LOST, Where(centre="150525100201"), 0, 1),
    ],
)
def test_where_chooses_what_it_says(kind: FaultKind, where: Where, devices: int, paths: int) -> None:
    chosen = choose(BANNER, kind, where, Random(1))
    assert (len(chosen[0]), len(chosen[1])) == (devices, paths)


def test_a_carrier_takes_uplinks_and_own_sim_terminals_alike() -> None:
    _, happened = play(load("carrier_lost"))
    assert len(happened[0].paths) > 40
    assert {device.carrier for device in happened[0].devices} == {"中国联通"}
    assert {device.kind for device in happened[0].devices} == {"call_terminal"}


def test_what_matches_nothing_is_said_and_the_rest_goes_on() -> None:
    with pytest.raises(NothingMatches, match="township='月球'"):
        choose(BANNER, FaultKind.POWER_CUT, Where(township="月球"), Random(1))


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("10m", 600), ("1h30m", 5400), ("2d", 172_800), ("0s", 0), ("1.5h", 5400)]
)
def test_spans_of_time(text: str, seconds: float) -> None:
    assert span_s(text) == seconds


HEAD = 'title = {zh = "甲", en = "a"}\nabout = {zh = "甲", en = "a"}\nlasts = "1m"\n'


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("title = ", "bad.toml"),
        ('lasts = "1m"\n', "title"),
        (HEAD + '[[timeline]]\nfault = "fire"', "timeline 1: no fault 'fire'; there are: terminal_silent"),
        (HEAD + '[[timeline]]\nfault = "power_cut"\nat = "soon"', "timeline 1: 'soon' is not a span"),
        (HEAD + '[[timeline]]\nfault = "power_cut"\nwith = {volts = 3}', "no setting 'volts'; it has: ups_s"),
        (HEAD + '[[timeline]]\nfault = "power_cut"\nwhere = {planet = "x"}', "planet"),
        (HEAD + '[[timeline]]\nfault = "feed_stopped"', "needs where.feed"),
        (HEAD + '[[timeline]]\nfault = "help_call"\nfor = "1m"', "at once"),
        (HEAD + '[[timeline]]\nfault = "power_cut"\ndaily = "25:00"', "daily must be like 21:30"),
        (HEAD + '[[timeline]]\nfault = "power_cut"\nevery = "0s"', "every must be over 0s"),
    ],
)
def test_what_is_wrong_in_a_scenario_is_named_with_its_place(tmp_path: Path, text: str, error: str) -> None:
    path = tmp_path / "bad.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ScenarioError, match=error):
        load(str(path))


def test_an_unknown_scenario_names_those_there_are() -> None:
    with pytest.raises(ScenarioError, match=r"no scenario 'flood'.*power_cut_township"):
        load("flood")


def test_the_page_about_scenarios_names_every_fault_with_its_settings() -> None:
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    for kind in FaultKind:
        (row,) = (line for line in text.splitlines() if line.startswith(f"| `{kind}`"))
        assert RULES[kind].zh in row
        for name, value in RULES[kind].settings.items():
            assert f"`{name}` ({value:g})" in row


@pytest.mark.parametrize("name", names())
def test_what_happens_is_told_by_names_and_not_by_codes(name: str) -> None:
    for each in play(load(name))[1]:
        assert not re.search(r"\d{12}|[a-z]+-\d\d", each.said.zh + each.said.en), each.said
        assert re.search("[\u4e00-\u9fff]", each.said.zh)
