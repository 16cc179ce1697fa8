"""What "probe now" answered, in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from api.access import Asker
from api.console import reasons
from api.console.figures import Figure
from api.console.page import Page
from api.rest.waiting import PROBE_WITHIN_S, ask_collector
from shouwang.kinds import Kinds
from shouwang.ledger.deeds import PROBE, Done
from shouwang.vocabulary import Condition

_HEAD = ("device", "kind", "age_ms", "why")


@dataclass(slots=True)
class Probed:
    """`kind` is how the answer looks: good, warn, bad."""

    kind: str
    title: str
    text: str = ""
    figures: list[Figure] = field(default_factory=list)


async def probed(page: Page, asker: Asker, device: Mapping[str, Any]) -> Probed:
    """Probes a device (its view's dict) through its agent and says what came of it."""
    done = await ask_collector(asker, PROBE, PROBE_WITHIN_S, centre=device["centre"], device=device["device"])
    return said_of(page, str(device["kind"]), done)


def said_of(page: Page, kind: str, done: Done | None) -> Probed:
    """The words for what became of a probe."""
    if done is None:
        text = page.text("The collector or the agent did not answer in time. That says nothing of the device.")
        return Probed("warn", page.text("No answer in time"), text)
    if not done.ok:
        return Probed("warn", page.text("It could not be probed"), reasons.why(page.language, done.answer))
    return said_of_reading(page, kind, done.answer)


def said_of_reading(page: Page, kind: str, answer: Mapping[str, Any]) -> Probed:
    """The words for the answer (`reading`, and `why`) that a probe brought: as the kind's rules judge it."""
    reading = answer.get("reading") or {}
    fields = {name: value for name, value in reading.items() if name not in _HEAD}
    condition, codes = _judged(page.house.kinds, kind, fields)
    shown = page.figures(kind, fields)
    if condition is Condition.OK:
        return Probed("good", page.text("It answers, and all is well"), figures=shown)
    look = "bad" if condition is Condition.DOWN else "warn"
    title = (
        page.text("It does not work") if condition is Condition.DOWN else page.text("It answers, but not all is well")
    )
    declared = page.house.kinds[kind]
    rules = [declared.rule(code) for code in codes]
    words = page.text(", ").join(page.language.label(rule.reason) for rule in rules if rule is not None)
    said = " · ".join(filter(None, (words, reasons.why(page.language, answer))))
    return Probed(look, title, said, shown)


def _judged(kinds: Kinds, kind: str, fields: Mapping[str, Any]) -> tuple[Condition, tuple[str, ...]]:
    if kind not in kinds:
        return Condition.OK, ()
    known = {name: value for name, value in fields.items() if name in kinds[kind].fields}
    verdict = kinds.judges[kind](kinds.types[kind](device="probed", **known))
    return verdict.condition, verdict.reasons
