"""The sentences of the pages, in both languages: `texts.toml`."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Literal, TypeAlias

Language: TypeAlias = Literal["en", "zh"]
LANGUAGES: tuple[Language, ...] = ("en", "zh")
_FILE = Path(__file__).with_name("texts.toml")


def texts_of(page: str, language: Language) -> dict[str, str]:
    """What a page says around its tables, by name."""
    found: dict[str, str] = _read()[page][language]
    return found


def file_name(page: str, language: Language) -> str:
    """Of a page in `docs/`."""
    return f"{page}.md" if language == "en" else f"{page}.zh-CN.md"


@cache
def _read() -> dict[str, dict[Language, dict[str, str]]]:
    return tomllib.loads(_FILE.read_text("utf-8"))
