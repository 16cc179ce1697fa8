"""Settings as people enter them become what a driver takes, and back."""

from __future__ import annotations

from typing import Any

import pytest

from shouwang import drivers


@pytest.mark.parametrize(
    ("driver", "entered", "settings"),
    [
        ("http", {"status": "200, 301", "trust": "false"}, {"status": [200, 301], "trust": False}),
        ("http", {"equals": "true", "json_path": "state"}, {"equals": True, "json_path": "state"}),
        ("http", {"fields": '{"battery_percent": "b"}'}, {"fields": {"battery_percent": "b"}}),
        ("http", {"trust": "true", "user": "  "}, {}),
        ("rtsp", {"user": "admin", "password": "secret:hall"}, {"user": "admin", "password": "secret:hall"}),
        ("icmp", {"user": "admin"}, {}),
        ("of_tomorrow", {"user": "admin"}, {}),
    ],
)
def test_entered_and_shown_again(driver: str, entered: dict[str, str], settings: dict[str, Any]) -> None:
    assert drivers.read(driver, entered) == settings
    assert drivers.read(driver, drivers.write(driver, settings)) == settings


@pytest.mark.parametrize(
    ("entered", "name"),
    [({"trust": "perhaps"}, "trust"), ({"fields": "battery"}, "fields"), ({"fields": "[1]"}, "fields")],
)
def test_a_wrong_value_names_its_setting(entered: dict[str, str], name: str) -> None:
    with pytest.raises(drivers.WrongSettingError) as caught:
        drivers.read("http", entered)
    assert caught.value.name == name
