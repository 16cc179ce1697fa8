"""In which order the pages stand. A page that is named nowhere stands in the last chapter."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal, TypeAlias

Language: TypeAlias = Literal["en", "zh"]


@dataclass(frozen=True)
class Chapter:
    """`pages`: names in `docs/` without their endings, in reading order."""

    title: dict[Language, str]
    pages: tuple[str, ...]


CHAPTERS = (
    Chapter({"en": "Begin", "zh": "入门"}, ("first-hour", "concepts", "running", "installing", "docker")),
    Chapter(
        {"en": "Devices", "zh": "设备"},
        (
            "kinds",
            "drivers",
            "discover",
            "feeds",
            "picture-health",
            "write-a-driver",
        ),
    ),
    Chapter({"en": "Agents", "zh": "代理"}, ("agent", "upgrades")),
    Chapter(
        {"en": "Keep it running", "zh": "运行维护"},
        (
            "runbook",
            "doctor",
            "notifications",
            "readings",
            "grafana",
            "grafana-alerts",
            "metrics",
            "tracing",
            "home-assistant",
            "sizing",
            "faults",
        ),
    ),
    Chapter({"en": "Trust", "zh": "安全与隐私"}, ("security", "privacy")),
    Chapter(
        {"en": "Reference", "zh": "参考"}, ("settings", "commands", "api", "messages", "changelog", "contributing")
    ),
)
MORE = Chapter({"en": "More", "zh": "其他"}, ())


def placed(there: Collection[str]) -> list[tuple[Chapter, list[str]]]:
    """Each chapter with those of its pages that are there; what stands in no chapter comes last."""
    named = {page for chapter in CHAPTERS for page in chapter.pages}
    rest = sorted(set(there) - named - {"index"} - {page for page in there if "/" in page})
    found = [(chapter, [page for page in chapter.pages if page in there]) for chapter in CHAPTERS]
    return [(chapter, pages) for chapter, pages in [*found, (MORE, rest)] if pages]
