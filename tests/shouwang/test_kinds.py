"""Kind files: ours are sound, a new kind needs no code, a wrong file is refused with its place."""

from pathlib import Path
from typing import Any

import pytest

from shouwang.kinds import OK, KindError, Kinds, load, load_file
from shouwang.vocabulary import Condition, Severity

OURS = {
    "call_terminal", "pos_terminal", "payment_kiosk", "atm", "camera", "nvr", "site",
    "ecommerce_point", "remote_education", "clinic_terminal", "water_pump", "bank_link",
}  # fmt: skip


@pytest.fixture(scope="module")
def kinds() -> Kinds:
    return Kinds()


def judged(kinds: Kinds, kind: str, **fields: Any) -> tuple[Condition, tuple[str, ...]]:
    verdict = kinds.judges[kind](kinds.types[kind]("x", **fields))
    return verdict.condition, verdict.reasons


def test_ours_are_there_with_labels_in_both_languages(kinds: Kinds) -> None:
    assert set(kinds) == OURS
    for kind in kinds.declared.values():
        labels = [kind.label, *(f.label for f in kind.fields.values()), *(r.reason for r in kind.rules)]
        assert all(label.zh and label.en for label in labels)
        assert all(ord(label.zh[0]) > 127 or label.zh[0].isupper() for label in labels)


@pytest.mark.parametrize(
    ("kind", "fields", "expected"),
    [
        ("call_terminal", {"reachable": True, "battery_percent": 80.0}, (Condition.OK, ())),
        ("call_terminal", {}, (Condition.OK, ())),
        ("call_terminal", {"reachable": False}, (Condition.DOWN, ("unreachable",))),
        ("call_terminal", {"mains_power": False}, (Condition.DEGRADED, ("mains_lost",))),
        (
            "call_terminal",
            {"mains_power": False, "battery_percent": 49.0},
            (Condition.DEGRADED, ("battery_critical", "mains_lost")),
        ),
        ("call_terminal", {"battery_percent": 19.0}, (Condition.DEGRADED, ("battery_low",))),
        ("pos_terminal", {"last_sign_in_age_ms": 37 * 3_600_000}, (Condition.DOWN, ("sign_in_overdue",))),
        ("pos_terminal", {"paper": "low"}, (Condition.DEGRADED, ("paper_low",))),
        ("atm", {"device_status": "deviceBusy"}, (Condition.OK, ())),
        ("atm", {"device_status": "noDevice"}, (Condition.OK, ())),
        ("atm", {"device_status": "powerOff"}, (Condition.DOWN, ("device_out",))),
        ("atm", {"safe_door": "open", "operator_switch": "maintenance"}, (Condition.OK, ())),
        ("atm", {"safe_door": "open", "operator_switch": "run"}, (Condition.DOWN, ("safe_door_open",))),
        ("camera", {"fps": 0.0}, (Condition.DOWN, ("no_frames",))),
        ("camera", {"picture": "frozen"}, (Condition.DOWN, ("picture_dead",))),
        ("camera", {"picture": "turned"}, (Condition.DEGRADED, ("picture_poor",))),
        ("nvr", {"oldest_recording_days": 12.0}, (Condition.DEGRADED, ("recording_short",))),
        ("site", {"clock_offset_ms": -7_200_000.0}, (Condition.DEGRADED, ("clock_behind",))),
        ("ecommerce_point", {"certificate_days_left": 13.9}, (Condition.DEGRADED, ("certificate_ends",))),
        ("remote_education", {"certificate_days_left": 14.0}, (Condition.OK, ())),
        ("clinic_terminal", {"certificate_days_left": -1.0}, (Condition.DEGRADED, ("certificate_ends",))),
        ("water_pump", {"fault": True}, (Condition.DOWN, ("pump_fault",))),
    ],
)
def test_when_it_is_not_ok(kinds: Kinds, kind: str, fields: dict[str, Any], expected: Any) -> None:
    assert judged(kinds, kind, **fields) == expected


def test_a_cash_unit_that_is_empty(kinds: Kinds) -> None:
    units = kinds.types["atm"].__annotations__["cash_units"]
    group = units.__args__[0].__origin__.__args__[0]
    assert judged(kinds, "atm", cash_units=[group(unit="1", replenishment="ok"), group(replenishment="empty")]) == (
        Condition.DEGRADED,
        ("cash_unit_empty",),
    )


def test_an_unreachable_device_is_down_only_after_several_probes(kinds: Kinds) -> None:
    judge, type_ = kinds.judges["call_terminal"], kinds.types["call_terminal"]
    verdict = judge(type_("x", reachable=False, mains_power=False))
    assert verdict.counted
    assert verdict.otherwise is not None
    assert (verdict.otherwise.condition, verdict.otherwise.reasons) == (Condition.DEGRADED, ("mains_lost",))
    assert judge(type_("x", reachable=False)).otherwise is OK
    assert judge(type_("x", reachable=False)) is judge(type_("y", reachable=False))


def test_severity_of_a_room_and_limits_of_a_profile(kinds: Kinds) -> None:
    assert kinds["camera"].severity_in("service_hall") is Severity.MINOR
    assert kinds["camera"].severity_in("police_room") is Severity.MAJOR
    assert kinds["call_terminal"].limits_of("nbiot").silent_after_s == 90_000
    assert kinds["call_terminal"].limits_of("nbiot").notify_after_s == 120
    with pytest.raises(KeyError):
        kinds["call_terminal"].limits_of("of_tomorrow")


NEW = """
label = { zh = "路灯", en = "Street lamp" }
net = "general_service"
room = "square"
severity = "minor"
[fields]
lit = { type = "bool", label = { zh = "亮", en = "Lit" } }
[[rules]]
code = "dark"
condition = "degraded"
when = [{ field = "lit", is = false }]
reason = { zh = "不亮", en = "dark" }
"""


def test_a_new_kind_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "street_lamp.toml").write_text(NEW, "utf-8")
    kinds = Kinds(load(tmp_path))
    assert judged(kinds, "street_lamp", lit=False) == (Condition.DEGRADED, ("dark",))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('net = "general_service"', 'net = "space"', "Invalid enum value 'space'"),
        ("lit = {", "lit = { colour = 1,", "unknown field `colour`"),
        ('field = "lit"', 'field = "unlit"', "no field 'unlit'"),
        ("is = false", "below = 3", "below and above need a number"),
        ('condition = "degraded"', 'condition = "silent"', "condition must be degraded or down"),
        ("[[rules]]", "[[rules", "street_lamp.toml"),
        ("lit = {", "device = {", "not a usable field name"),
    ],
)
def test_a_wrong_file_is_refused_with_its_place(tmp_path: Path, old: str, new: str, said: str) -> None:
    path = tmp_path / "street_lamp.toml"
    path.write_text(NEW.replace(old, new), "utf-8")
    with pytest.raises(KindError, match=r"street_lamp\.toml") as caught:
        load_file(path)
    assert said in str(caught.value)


def test_ours_are_not_redefined(tmp_path: Path) -> None:
    (tmp_path / "atm.toml").write_text(NEW, "utf-8")
    with pytest.raises(KindError, match="exists already"):
        load(tmp_path)
