"""A setting means what its driver takes, whether a cell made a number of it or kept it as text."""

from typing import Annotated, Any, Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.allowed import Allowed, AllowedFile
from edge.probing import Around, ProbeConfigError, make_probe
from edge.told import as_wanted
from shouwang.fleet.settings import read


class Wanted(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    user: str = ""
    often_s: float = 1.0
    rounds: Annotated[int, msgspec.Meta(ge=1)] = 1
    codes: list[str] = []
    places: dict[str, str] = {}
    equals: bool | int | float | str | None = None
    unit: str | None = None
    rate: int | None = None
    parity: Literal["0", "1", "even"] = "even"
    loud: bool = False


@pytest.mark.parametrize(
    ("cell", "name", "value"),
    [
        ("user=1002", "user", "1002"),
        ("user=0042", "user", "0042"),
        ("user=1e5", "user", "1e5"),
        ("user=34020000001340000008", "user", "34020000001340000008"),
        ("user=admin", "user", "admin"),
        ("often_s=1.50", "often_s", 1.5),
        ("often_s=1e1", "often_s", 10.0),
        ("rounds=1e1", "rounds", 10),
        ('codes=[1001, "x"]', "codes", ["1001", "x"]),
        ('{"places": {"70": 301}}', "places", {"70": "301"}),
        ("equals=12", "equals", 12),
        ('{"equals": "12"}', "equals", "12"),
        ("unit=7", "unit", "7"),
        ("unit=null", "unit", None),
        ("rate=9.60e3", "rate", 9600),
        ("parity=1", "parity", "1"),
    ],
)
def test_a_cell_means_what_its_driver_takes(cell: str, name: str, value: Any) -> None:
    found = getattr(msgspec.convert(as_wanted(read(cell), Wanted), Wanted), name)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    "cell", ["user=true", "rounds=1.5", "rounds=many", "rounds=0", "loud=1", "parity=3", "other=1"]
)
def test_what_cannot_be_meant_is_still_refused(cell: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(as_wanted(read(cell), Wanted), Wanted)


@given(st.text(st.characters(codec="utf-8", exclude_characters=';；"{[', exclude_categories=["Cc", "Zs", "Zl", "Zp"])))
def test_text_in_a_cell_is_that_text(text: str) -> None:
    if text not in ("true", "false", "null"):
        assert msgspec.convert(as_wanted(read(f"user={text}"), Wanted), Wanted).user == text


def test_of_a_real_driver() -> None:
    around = Around(allowed=Allowed(AllowedFile(loopback=True)))
    probe = make_probe("sip", "127.0.0.1", read("user=1002; look=ask"), around)
    assert probe.settings.user == "1002"
    with pytest.raises(ProbeConfigError, match=r"settings of driver sip: .*register_s"):
        make_probe("sip", "127.0.0.1", read("register_s=soon"), around)


@pytest.mark.parametrize(
    ("driver", "target", "said", "expected"),
    [
        ("http", "http://127.0.0.1:1", {"jsonpath": "a"}, "'jsonpath' is unknown; did you mean json_path?"),
        ("rtsp", "rtsp://127.0.0.1:1/", {"passwort": "a"}, "'passwort' is unknown; did you mean password?"),
        ("http", "http://127.0.0.1:1", {"zzz": 1}, "'zzz' is unknown; it has "),
        ("icmp", "127.0.0.1", {"zzz": 1}, "'zzz' is unknown; it has no settings"),
    ],
)
def test_a_setting_that_a_driver_does_not_have_is_told_with_the_nearest(
    driver: str, target: str, said: dict[str, Any], expected: str
) -> None:
    around = Around(allowed=Allowed(AllowedFile(networks=["0.0.0.0/0"], loopback=True)))
    with pytest.raises(ProbeConfigError) as error:
        make_probe(driver, target, said, around)
    assert str(error.value).startswith(f"settings of driver {driver}: {expected}")
