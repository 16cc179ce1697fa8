"""What `shouwang doctor` says: a finding a line, each bad one with its cure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Grade(StrEnum):
    """How good it is."""

    OK = "ok"
    WARNING = "warning"  # it runs, but somebody may wish it otherwise
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    what: str
    grade: Grade
    text: str
    cure: str = ""


def ok(what: str, text: str) -> Finding:
    return Finding(what, Grade.OK, text)


def warning(what: str, text: str, cure: str) -> Finding:
    return Finding(what, Grade.WARNING, text, cure)


def bad(what: str, text: str, cure: str) -> Finding:
    return Finding(what, Grade.BAD, text, cure)
