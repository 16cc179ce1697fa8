"""python -m tools.reference"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from tools.reference import command_line, pictures, rest, settings, sizing
from tools.site.pages import ROOT

Maker: TypeAlias = Callable[[], dict[str, str]]
MAKERS: tuple[Maker, ...] = (
    settings.rendered,
    rest.rendered,
    command_line.rendered,
    pictures.rendered,
    sizing.rendered,
)


def rendered() -> dict[str, str]:
    """Every page of reference by its file name."""
    return {name: text for maker in MAKERS for name, text in maker().items()}


if __name__ == "__main__":
    for name, text in rendered().items():
        (ROOT / "docs" / name).write_text(text, "utf-8")
