"""Mapping files: what they may say, and what a device's words become."""

from pathlib import Path
from typing import Any

import pytest

from edge.probes.snmp.mapping import SHIPPED, Mapping, MappingError, load_mapping, read_mapping
from edge.probes.snmp.reading import Noticed, Reader
from shouwang import kinds

HEAD = "[fields.load]\n"
BASE = "1.3.6.1.4.1.9.1"


def mapping(tmp_path: Path, text: str) -> Mapping:
    path = tmp_path / "mine.toml"
    path.write_text(text, "utf-8")
    return read_mapping(path)


@pytest.mark.parametrize("path", sorted(SHIPPED.glob("*.toml")), ids=lambda path: path.stem)
def test_ours_name_fields_of_our_kinds_and_words_of_theirs(path: Path) -> None:
    shipped = read_mapping(path)
    declared = [kind for kind in kinds.load().values() if set(shipped.fields) & set(kind.fields)]
    assert declared
    for name, field in shipped.fields.items():
        of_kind = [kind.fields[name] for kind in declared if name in kind.fields]
        assert of_kind, name
        for word in field.words.values():
            assert isinstance(word, bool) or word in of_kind[0].values, (name, word)
    for name, table in shipped.lists.items():
        items = next(kind.fields[name].items for kind in declared if name in kind.fields)
        for item, column in table.items.items():
            assert set(column.words.values()) <= set(items[item].values)
    for trap in shipped.traps:
        assert all(any(field in kind.fields for kind in declared) for field in trap.fields)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("fields = 3", "Expected `object`"),
        ("[fields.a]\noid = '1.3'\nscael = 2\n", "unknown field `scael`"),
        ("[fields.a]\noid = 'ifDescr'\n", "'ifDescr' is no object's number"),
        ("[fields.a]\noid = '1.3.{row}'\n", "needs a `row`"),
        ("[fields.a]\noid = '1.3.1'\ntake = 'max'\nrate = true\n", "goes with no row, rate"),
        ("[fields.a]\noid = '1.3.1'\ntake = 'median'\n", "Invalid enum value 'median'"),
        ("[lists.a]\nentry = '1.3.1'\n[lists.a.items]\n", "with `items` below it"),
        ("[[traps]]\noid = 'x'\n", "no notification's number"),
        ("[[traps]]\noid = '1.3.1'\nevent_by = '1.3.2'\n", "`event_by` with its `events`"),
        ("[[traps]]\noid = '1.3.1'\nevent = 'Help!'\n", "event 'Help!' is not of"),
        ("a b", "mine.toml: "),
    ],
)
def test_what_is_wrong_with_a_file_is_said(text: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(MappingError, match=said):
        mapping(tmp_path, text)


def test_a_technician_s_own_goes_before_ours(tmp_path: Path) -> None:
    (tmp_path / "snmp").mkdir()
    (tmp_path / "snmp/router.toml").write_text("[fields.router_uptime_s]\noid = '1.3.9'\n")
    assert load_mapping("router", tmp_path).fields["router_uptime_s"].oid == "1.3.9"
    assert load_mapping("ups-mib", tmp_path).label
    for name in ("../secrets", "none", ""):
        with pytest.raises(MappingError):
            load_mapping(name, tmp_path)


@pytest.mark.parametrize(
    ("text", "told", "value"),
    [
        (f"oid = '{BASE}'", {BASE: 7}, 7),
        (f"oid = '{BASE}'\nscale = 0.1", {BASE: 273}, 27.3),
        (f"oid = '{BASE}'", {BASE: b" 21.5 "}, 21.5),
        (f"oid = '{BASE}'", {BASE: b"twenty"}, None),
        (f"oid = '{BASE}'\nunknown = [-1]", {BASE: -1}, None),
        (f"oid = '{BASE}'\ntext = true", {BASE: "主机".encode("gb18030")}, "主机"),
        (f"oid = '{BASE}'\ntext = true", {BASE: b"a\x00b\n"}, "ab"),
        (f"oid = '{BASE}'\nwords = {{ 1 = true, 2 = false }}", {BASE: 2}, False),
        (f"oid = '{BASE}'\nwords = {{ on = true }}", {BASE: b"on"}, True),
        (f"oid = '{BASE}'\nwords = {{ 1 = true }}", {BASE: 9}, None),
        (f"oid = '{BASE}'\ntake = 'max'", {f"{BASE}.1": 3, f"{BASE}.2": 9, "1.3.6.1.4.1.9.10": 99}, 9),
        (f"oid = '{BASE}'\ntake = 'mean'\nscale = 0.01", {f"{BASE}.1": 50, f"{BASE}.2": 100}, 0.75),
        (f"oid = '{BASE}'\ntake = 'count'", {f"{BASE}.1": 50, f"{BASE}.2": 100}, 2),
        (f"oid = '{BASE}'\npercent_of = '1.3.7'\nleft = true", {BASE: 25, "1.3.7": 100}, 75),
        (f"oid = '{BASE}'\npercent_of = '1.3.7'", {BASE: 25, "1.3.7": 0}, None),
        (
            f"oid = '{BASE}.{{row}}'\nrow = {{ column = '1.3.8', equals = 'wan' }}",
            {"1.3.8.4.2": b"wan", f"{BASE}.4.2": 6},
            6,
        ),
        (f"oid = '{BASE}.{{row}}'\nrow = {{ column = '1.3.8', equals = 'wan' }}", {"1.3.8.4": b"lan"}, None),
    ],
)
def test_what_a_device_says_becomes_a_field(text: str, told: dict[str, Any], value: Any, tmp_path: Path) -> None:
    fields = Reader([mapping(tmp_path, HEAD + text)]).read(told, 1.0)
    assert fields == ({} if value is None else {"load": value})


def test_a_counter_is_told_as_its_growth(tmp_path: Path) -> None:
    reader = Reader([mapping(tmp_path, f"{HEAD}oid = '{BASE}'\nrate = true\nscale = 0.008")])
    assert reader.read({BASE: 1_000_000}, 10.0) == {}
    assert reader.read({BASE: 2_000_000}, 20.0) == {"load": 800.0}
    assert reader.read({BASE: 5}, 30.0) == {}  # it began anew
    assert reader.read({BASE: 1_000_005}, 40.0) == {"load": 800.0}


def test_a_table_becomes_a_list_in_the_order_of_its_rows() -> None:
    base = "1.3.6.1.4.1.8072.9999.9999.2.1"
    reader = Reader([load_mapping("atm-sample", Path("/none"))])
    assert f"{base}.2" in reader.columns()
    told: dict[str, Any] = {f"{base}.2.10": b"reject", f"{base}.3.10": 5, f"{base}.2.9": b"cassette", f"{base}.3.9": 77}
    assert reader.read(told, 0.0) == {
        "cash_units": [{"unit": "cassette"}, {"unit": "reject", "replenishment": "empty"}]
    }


def test_what_a_notification_means() -> None:
    reader = Reader([load_mapping("ups-mib", Path("/none"))])
    told = {"1.3.6.1.2.1.33.1.2.3.0": 12}
    on_battery = Noticed("", {"ups_runtime_s": 720, "mains_power": False}, "runs on its battery")
    assert reader.noticed("1.3.6.1.2.1.33.2.1", told) == on_battery
    assert reader.noticed("1.3.6.1.2.1.33.2.0.1", told) == on_battery  # of SNMPv1
    assert reader.noticed("1.3.6.1.4.1.1.2", {}) == Noticed("", {}, "")


@pytest.mark.parametrize(
    ("told", "event"),
    [({f"{BASE}.4": 3}, "tamper"), ({f"{BASE}.4.0": b"7"}, "help_call"), ({f"{BASE}.4.0": 1}, ""), ({}, "")],
)
def test_one_notification_for_every_alarm_says_which_it_is(told: dict[str, Any], event: str, tmp_path: Path) -> None:
    text = f"[[traps]]\noid = '{BASE}.0.9'\nevent_by = '{BASE}.4'\nevents = {{ 3 = 'tamper', 7 = 'help_call' }}\n"
    assert Reader([mapping(tmp_path, text)]).noticed(f"{BASE}.0.9", told).event == event


def test_a_value_that_the_file_does_not_know_is_an_error() -> None:
    with pytest.raises(MappingError, match="knows no interfcae; it knows interface"):
        Reader([load_mapping("if-mib", Path("/none"))], {"interfcae": "wan"})
