"""What the doctor says: a finding a line, in Chinese and in English, each bad one with its cure.

Their words stand in `findings.toml`, by a code; a look gives the code and what it saw.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from pathlib import Path

import msgspec

from shouwang import clock

LANGUAGES = ("zh", "en")


class Grade(StrEnum):
    """How good it is."""

    OK = "ok"
    WARNING = "warning"  # it runs, but somebody may wish it otherwise
    BAD = "bad"


class Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A finding as the catalogue has it: `what` was looked at, and its words with `{names}` for what was seen."""

    what: str
    grade: Grade
    zh: str
    en: str
    cure_zh: str = ""
    cure_en: str = ""

    def words(self, language: str) -> tuple[str, str]:
        """What is so, and its cure."""
        return (self.zh, self.cure_zh) if language == "zh" else (self.en, self.cure_en)


@dataclass(frozen=True, slots=True)
class At:
    """An instant, epoch milliseconds: in English UTC, in Chinese as the console shows it."""

    ms: int

    def said(self, language: str) -> str:
        if language == "zh":
            return clock.shanghai(self.ms).strftime("%Y-%m-%d %H:%M:%S")
        return str(clock.rfc3339(self.ms))


@dataclass(frozen=True, slots=True)
class Span:
    """How long, in whole minutes, hours or days."""

    ms: int

    def said(self, language: str) -> str:
        minutes = self.ms // 60_000
        for count, zh, en in ((minutes // 1440, "天", "days"), (minutes // 60, "小时", "hours")):
            if count >= 2:
                return f"{count} {zh if language == 'zh' else en}"
        return f"{minutes} {'分钟' if language == 'zh' else 'minutes'}"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. Raises KeyError for a code that is in no catalogue, or a value that is missing."""

    code: str
    values: dict[str, object] = field(default_factory=dict)

    @property
    def entry(self) -> Entry:
        return catalogue()[self.code]

    @property
    def what(self) -> str:
        return self.entry.what

    @property
    def grade(self) -> Grade:
        return self.entry.grade

    def text(self, language: str = "en") -> str:
        return self.entry.words(language)[0].format(**self._said(language))

    def cure(self, language: str = "en") -> str:
        return self.entry.words(language)[1].format(**self._said(language))

    def _said(self, language: str) -> dict[str, object]:
        return {
            name: value.said(language) if isinstance(value, At | Span) else value for name, value in self.values.items()
        }


def found(code: str, **values: object) -> Finding:
    return Finding(code, values)


@cache
def catalogue() -> dict[str, Entry]:
    """Every finding by its code, in the order in which they are looked for."""
    return msgspec.convert(_read()["finding"], dict[str, Entry])


@cache
def labels() -> dict[str, str]:
    """What is looked at, as Chinese has it."""
    return msgspec.convert(_read()["what"], dict[str, str])


@cache
def _read() -> dict[str, object]:
    return tomllib.loads((Path(__file__).parent / "findings.toml").read_text("utf-8"))
