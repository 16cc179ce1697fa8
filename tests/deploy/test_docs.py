"""The pages about running and notifying name every setting that there is, and no other."""

import re
from pathlib import Path

import pytest

from collector.notify import known
from shouwang.settings import Limits, Notify, Section, Settings

DOCS = Path(__file__).resolve().parents[2] / "docs"


def keys_of(model: type[Section]) -> set[str]:
    return {field.alias or name for name, field in model.model_fields.items()}


def rows(page: str) -> dict[str, set[str]]:
    """By its first cell, the names in backquotes in the rest of a row."""
    found = re.findall(r"^\| (.+?) \| (.+) \|$", (DOCS / page).read_text("utf-8"), re.MULTILINE)
    return {first: set(re.findall(r"`([a-z_]+)`", rest)) for first, rest in found}


@pytest.mark.parametrize("page", ["running.md", "running.zh-CN.md"])
def test_every_setting_stands_on_the_page_about_running(page: str) -> None:
    listed = rows(page)
    inner = {
        name: field.annotation
        for name, field in Settings.model_fields.items()
        if isinstance(field.annotation, type) and issubclass(field.annotation, Section)
    }
    for name, section in inner.items():
        assert listed[f"`[{name}]`"] - {"embedded"} == keys_of(section), name
    assert set(Notify.model_fields) <= listed["`[notify]`"]
    assert listed["`[limits.<kind>]`, `[limits.centre]`".replace(", ", "、" if "zh" in page else ", ")] == keys_of(
        Limits
    )
    assert listed["–"] - {"serve"} == set(Settings.model_fields) - set(inner) - {"notify", "limits"}


@pytest.mark.parametrize("page", ["notifications.md", "notifications.zh-CN.md"])
def test_every_provider_stands_on_the_page_about_notifications(page: str) -> None:
    listed = rows(page)
    common = {"language", "allow_private"}
    for name, provider in known().items():
        row = next((keys for first, keys in listed.items() if first.startswith(f"`{name}`")), None)
        assert row is not None, name
        assert keys_of(provider.Config) - common <= row, name
