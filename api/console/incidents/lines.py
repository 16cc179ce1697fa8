"""What a line of an incident's timeline says beside its name, in the reader's language."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from api.console import reasons, words
from api.console.device.probed import said_of_reading
from api.console.page import Page

Line = Mapping[str, Any]


def line_text(page: Page, incident: Line, entry: Line) -> str:
    """The words of one entry; what a person wrote stands as written."""
    say = _SAY.get(str(entry["what"]))
    return say(page, incident, entry) if say else str(entry["text"])


def _closed(page: Page, _incident: Line, entry: Line) -> str:
    how = words.word(page.language, "closed_as", entry["detail"].get("closed_as"))
    said = words.outcome(page.language, str(entry["text"]))
    return " · ".join(filter(None, (how, said)))


def _escalated(page: Page, _incident: Line, entry: Line) -> str:
    was = words.word(page.language, "severity", entry["detail"].get("was"))
    now = words.word(page.language, "severity", entry["text"])
    return f"{was} → {now}" if was else now


def _members(page: Page, _incident: Line, entry: Line) -> str:
    members = entry["detail"].get("members")
    if isinstance(members, list):
        members = len(members)
    return page.language.counted("%(n)s part of it now", "%(n)s part of it now", int(members)) if members else ""


def _unseen(page: Page, _incident: Line, entry: Line) -> str:
    return words.word(page.language, "path_reason", entry["text"])


def _condition(page: Page, incident: Line, entry: Line) -> str:
    condition = words.word(page.language, "condition", entry["text"])
    return " · ".join(filter(None, (condition, _reasons(page, incident, entry))))


def _reasons(page: Page, incident: Line, entry: Line) -> str:
    kind = page.house.kinds.declared.get(str(incident.get("kind")))
    found = []
    for code in entry["detail"].get("reasons") or []:
        rule = kind.rule(str(code)) if kind else None
        found.append(page.language.label(rule.reason) if rule else str(code))
    return page.text(", ").join(found)


def _probed(page: Page, incident: Line, entry: Line) -> str:
    if isinstance(entry["detail"].get("reading"), Mapping):
        said = said_of_reading(page, str(incident.get("kind")), entry["detail"])
        return " · ".join(filter(None, (said.title, said.text)))
    reason = reasons.why(page.language, {"reason": entry["text"], **entry["detail"]})
    return f"{page.text('It could not be probed')}: {reason}" if reason else ""


_SAY: dict[str, Callable[[Page, Line, Line], str]] = {
    "opened": _reasons,
    "closed": _closed,
    "escalated": _escalated,
    "grew": _members,
    "updated": _members,
    "unseen": _unseen,
    "now": _condition,
    "worse": _reasons,
    "eased": _reasons,
    "reasons": _reasons,
    "probed": _probed,
}
