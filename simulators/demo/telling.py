"""What the demo says on the terminal, in both languages, and keeps in demo.json for programs."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import typer

from shouwang import clock
from simulators.demo.page import Showing


@dataclass(slots=True)
class Telling:
    """`began_s`: when the command was given, on the monotonic clock."""

    began_s: float
    file: Path
    showing: Showing | None = None
    data: dict[str, Any] = field(default_factory=dict)

    @property
    def elapsed_s(self) -> float:
        return clock.mono_s() - self.began_s

    def say(self, zh: str, en: str) -> None:
        """A line on the terminal, and on the page."""
        typer.echo(f"[{self.elapsed_s:6.1f} s] {zh} · {en}")
        if self.showing is not None:
            self.showing.say(zh, en)

    def fact(self, name: str) -> bool:
        """Notes when something was first so; False when it was noted before."""
        if name in self.data:
            return False
        self.note(**{name: round(self.elapsed_s, 2)})
        if self.showing is not None:
            self.showing.facts[name] = self.data[name]
        return True

    def note(self, **what: Any) -> None:
        """Writes into demo.json, whole at every moment."""
        self.data.update(what)
        beside = self.file.with_suffix(".new")
        beside.write_text(json.dumps(self.data, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
        beside.replace(self.file)
