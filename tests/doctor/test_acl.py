"""What a Mosquitto configuration lets agents do: every mistake in it is named."""

from pathlib import Path

import pytest

from collector.doctor.acl import CENTRE, OTHER, matches, may, parse_acl, parse_conf, topic_of
from tests.doctor.planted import Planted

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
ACL = (DEPLOY / "mosquitto.acl").read_text("utf-8")


def configured(planted: Planted, acl: str | None = ACL, **changes: str) -> None:
    """A configuration as ours, with other values for some keys, and that ACL."""
    lines = dict(
        line.split(" ", 1)
        for line in (DEPLOY / "mosquitto.conf").read_text("utf-8").splitlines()
        if line and not line.startswith(("#", "$"))
    )
    lines |= {"acl_file": str(planted.folder / "acl")} if acl is not None else {}
    file = planted.folder / "mosquitto.conf"
    file.write_text("".join(f"{key} {value}\n" for key, value in (lines | changes).items() if value))
    if acl is not None:
        (planted.folder / "acl").write_text(acl)
    planted.has(mosquitto_conf=file)


def codes(planted: Planted) -> set[str]:
    return {finding.code for finding in planted.find()}


def test_the_one_that_is_shipped_is_good(planted: Planted) -> None:
    configured(planted)
    assert "broker_file_good" in codes(planted)


def test_a_broker_without_persistence(planted: Planted) -> None:
    configured(planted, persistence="")
    assert "persistence true" in planted.name("broker_forgets").cure("zh")


@pytest.mark.parametrize("count", ["", "0", "1000"])
def test_a_queue_that_is_soon_full(planted: Planted, count: str) -> None:
    configured(planted, max_queued_messages=count)
    assert f"max_queued_messages is {count or 1000}" in planted.name("broker_queue").text()


def test_no_acl(planted: Planted) -> None:
    configured(planted, None)
    planted.name("acl_missing")


@pytest.mark.parametrize(
    ("line", "deed"),
    [
        ("pattern readwrite shouwang/#", f"write shouwang/v1/150525/{CENTRE}/config"),
        ("pattern write shouwang/v1/+/%u/#", f"write shouwang/v1/150525/{CENTRE}/config"),
        ("pattern write shouwang/v1/+/+/report", f"write shouwang/v1/150525/{OTHER}/report"),
        ("pattern read shouwang/v1/+/+/config", f"read shouwang/v1/150525/{OTHER}/config"),
        (f"user {CENTRE}\ntopic read #", f"read shouwang/v1/150525/{OTHER}/presence"),
    ],
)
def test_an_acl_that_is_too_wide(planted: Planted, line: str, deed: str) -> None:
    configured(planted, f"{ACL}\n{line}\n")
    assert planted.name("acl_wide").text().endswith(f"an agent may {deed}")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("pattern write shouwang/v1/+/%u/event\n", f"{CENTRE} may not write shouwang/v1/150525/{CENTRE}/event"),
        ("pattern read shouwang/v1/+/%u/ack\n", f"{CENTRE} may not read shouwang/v1/150525/{CENTRE}/ack"),
    ],
)
def test_an_acl_that_is_too_narrow_for_agents(planted: Planted, line: str, said: str) -> None:
    configured(planted, ACL.replace(line, ""))
    assert said in planted.name("acl_narrow").text()


def test_an_acl_that_is_too_narrow_for_the_collector(planted: Planted) -> None:
    configured(planted)
    found = [each.text() for each in planted.find(SHOUWANG_BROKER__USERNAME="shouwang") if each.code == "acl_narrow"]
    assert len(found) == 2, "it may neither write nor read"
    assert "shouwang may not write" in found[0]


def test_a_configuration_that_cannot_be_read(planted: Planted) -> None:
    configured(planted, acl_file=str(planted.folder / "none"))
    assert f"{planted.folder / 'none'}: No such file" in planted.name("broker_file_unreadable").text()


def test_what_is_included_counts() -> None:
    conf = parse_conf(
        "# persistence false\ninclude_dir /etc/mosquitto/conf.d\n",
        lambda folder: ["persistence true\n" if folder else ""],
    )
    assert conf.last("persistence") == "true"


def test_a_denial_takes_what_was_granted() -> None:
    rules = parse_acl(f"{ACL}\npattern deny shouwang/v1/+/%u/event\n")
    assert not may(rules, CENTRE, "write", topic_of(CENTRE, "event"))
    assert may(rules, CENTRE, "write", topic_of(CENTRE, "report"))


@pytest.mark.parametrize(
    ("pattern", "topic", "holds"),
    [("a/+", "a/b", True), ("a/+", "a/b/c", False), ("a/#", "a/b/c", True), ("a/#", "a", True), ("+/b", "a/c", False)],
)
def test_topics_that_match(pattern: str, topic: str, holds: bool) -> None:
    assert matches(pattern, topic) is holds
