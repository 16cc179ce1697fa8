"""What was found, as a table for a person and as JSON for a program; and how far a look has come, on standard error."""

from __future__ import annotations

import json
import sys
import unicodedata
from collections.abc import Sequence
from typing import Any, TextIO

from edge.discovery.proposing import Proposal
from edge.discovery.words import TEXTS
from shouwang.clock import Clock
from shouwang.kinds import Kind

_EVERY_S, _LINE_EVERY_S = 0.1, 5.0
_MUTE_SHOWN = 12
_COLUMNS = ("address", "kind", "name", "driver", "target", "confidence", "why")


def as_json(proposals: Sequence[Proposal], notes: Sequence[str], *, whole: bool) -> str:
    """One object: `whole`, `notes`, and `found`, an entry for each; of who is not proposed `kind` is empty."""
    return json.dumps(
        {"whole": whole, "notes": list(notes), "found": [_entry(each) for each in proposals]}, ensure_ascii=False
    )


def as_table(proposals: Sequence[Proposal], kinds: dict[str, Kind], lang: str) -> str:
    """Columns as wide as what stands in them; a Chinese character is two wide."""
    words = TEXTS[lang]
    if not proposals:
        return words["nobody"]
    # Phones and computers are many, and say nothing: a line for all of them.
    mute = [each.address for each in proposals if each.why[0].code == "there"]
    rows = [
        [words[name] for name in _COLUMNS],
        *(_row(each, kinds, lang) for each in proposals if each.why[0].code != "there"),
    ]
    widths = [max(_width(row[at]) for row in rows) for at in range(len(_COLUMNS))]
    lines = [
        "  ".join(cell + " " * (width - _width(cell)) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    proposed = sum(1 for each in proposals if each.kind and not each.known)
    there = len({each.address for each in proposals})
    if mute:
        shown = ", ".join(mute[:_MUTE_SHOWN]) + (" …" if len(mute) > _MUTE_SHOWN else "")
        lines += ["", words["mute"].format(count=len(mute), shown=shown)]
    return "\n".join([*lines, "", words["found"].format(there=there, proposed=proposed)])


class ProgressLine:
    """How far it is: one line that goes on on a terminal, a line now and then in a file."""

    def __init__(self, clock: Clock, lang: str, out: TextIO | None = None) -> None:
        self._clock, self._words = clock, TEXTS[lang]
        self._out = out or sys.stderr
        self._terminal = self._out.isatty()
        self._said_s = float("-inf")
        self._step = ""

    def __call__(self, step: str, done: int, count: int) -> None:
        now_s = self._clock.now().mono_s
        due = now_s - self._said_s >= (_EVERY_S if self._terminal else _LINE_EVERY_S)
        if not (due or (self._terminal and done == count)):
            return
        self._said_s = now_s
        text = f"{self._words[step]} {done}/{count}"
        self._out.write(f"\r\x1b[K{text}" if self._terminal else f"{text}\n")
        self._out.flush()

    def end(self) -> None:
        """Takes the line away."""
        if self._terminal:
            self._out.write("\r\x1b[K")
            self._out.flush()


def _entry(each: Proposal) -> dict[str, Any]:
    return {
        "address": each.address,
        "mac": each.mac,
        "kind": each.kind,
        "device": each.name,
        "driver": each.driver,
        "target": each.target,
        "settings": each.settings,
        "model": each.model,
        "confidence": str(each.confidence) if each.kind else "",
        "known": each.known,
        "why": [why.words() for why in each.why],
    }


def _row(each: Proposal, kinds: dict[str, Kind], lang: str) -> list[str]:
    words = TEXTS[lang]
    why = ("；" if lang == "zh" else "; ").join(reason.words()[lang] for reason in each.why)
    if not each.kind:
        return [each.address, words["none"], "", "", "", "", why]
    label = kinds[each.kind].label
    name = words["known"].format(name=each.known) if each.known else each.name
    kind = label.zh if lang == "zh" else label.en
    return [each.address, kind, name, each.driver, each.target, words[str(each.confidence)], why]


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)
