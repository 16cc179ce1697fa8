"""The demo's lines say in each language what happens, without codes of the other."""

import re

import pytest

from shouwang import kinds
from shouwang.vocabulary import Cause
from simulators.demo.wording import incident_said, process_said

KINDS = kinds.load()
SILENT = {
    "severity": "critical",
    "cause": "device_silent",
    "township_name": "大沁他拉镇",
    "centre": "150525100201",
    "centre_name": "北老柜村",
    "device": "call-01",
    "device_name": "呼叫终端 1",
    "kind": "call_terminal",
}


def test_an_incident_is_named_as_people_know_it() -> None:
    zh, en = incident_said(SILENT, KINDS)
    assert zh == "严重：大沁他拉镇 北老柜村 呼叫终端 1 失联"
    assert en == "Critical: 大沁他拉镇 北老柜村 Call terminal 1 silent"


@pytest.mark.parametrize("cause", list(Cause))
def test_no_code_stands_in_chinese(cause: Cause) -> None:
    zh, en = incident_said({"severity": "major", "cause": str(cause), "centre_name": "北老柜村"}, KINDS)
    assert not re.search("[a-z]", zh)
    assert "_" not in en


def test_what_is_new_to_us_is_said_as_it_is() -> None:
    assert incident_said({"severity": "new", "cause": "newer"}, KINDS) == ("：newer", ": newer")


@pytest.mark.parametrize("what", ["ended", "hung"])
@pytest.mark.parametrize("name", ["broker", "collector", "recorder", "api", "simulation", "devices", "agent"])
def test_a_process_is_named_in_both_languages(name: str, what: str) -> None:
    zh, en = process_said(name, what)
    assert not re.search("[a-z]", zh)
    assert en.startswith("the ")
