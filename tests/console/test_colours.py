"""Every text can be read: contrast as WCAG 2.2 counts it (1.4.3), in light and in dark."""

import re

import pytest

from api.console.static_files import FOLDER

CSS = (FOLDER / "console.css").read_text("utf-8")
TEXTS = (
    "ink", "soft", "link", "emergency", "critical", "major", "minor", "ok", "degraded", "down", "silent", "unknown",
    "maintenance",
)  # fmt: skip
GROUNDS = ("card", "page", "sunk")
TINTS = {
    "tint-emergency": ("ink", "soft", "major"),
    "tint-critical": ("ink",),
    "tint-ok": ("ink",),
    "tint-warn": ("ink",),
}


def theme(selector: str) -> dict[str, str]:
    """The colours that a block of the style sheet names."""
    block = CSS[CSS.index(selector + " {") :]
    return dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", block[: block.index("}")]))


LIGHT, DARK = theme(":root"), theme(':root[data-theme="dark"]')


def luminance(colour: str) -> float:
    channels = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_contrast_is_counted_as_the_standard_does() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
def test_every_text_stands_out_from_every_ground(colours: dict[str, str]) -> None:
    poor = {
        f"{text} on {ground}": round(contrast(colours[text], colours[ground]), 2)
        for ground in GROUNDS
        for text in TEXTS
        if contrast(colours[text], colours[ground]) < 4.5
    }
    poor |= {
        f"{text} on {ground}": round(contrast(colours[text], colours[ground]), 2)
        for ground, texts in TINTS.items()
        for text in texts
        if contrast(colours[text], colours[ground]) < 4.5
    }
    assert poor == {}


def test_dark_by_choice_and_dark_by_system_are_the_same() -> None:
    by_system = CSS[CSS.index('@media (prefers-color-scheme: dark) {\n  :root:not([data-theme="light"])') :]
    by_system = by_system[by_system.index(":root:not") :]
    named = dict(re.findall(r"--([a-z-]+): ([^;]+);", by_system[: by_system.index("}")]))
    chosen = CSS[CSS.index(':root[data-theme="dark"] {') :]
    assert named == dict(re.findall(r"--([a-z-]+): ([^;]+);", chosen[: chosen.index("}")]))
