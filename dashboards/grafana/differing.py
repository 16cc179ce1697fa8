"""How what stands in a Grafana differs from what ought to: pure."""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from dashboards.grafana.things import Sort, Thing

REDACTED = "[REDACTED]"
"""How Grafana gives back a secret."""
KEPT_BY_GRAFANA = ("id", "version")
"""Of a dashboard, what Grafana alone says."""
HIDDEN = "…"


class State(StrEnum):
    """How a thing stands."""

    SAME = "same"
    MISSING = "missing"
    DIFFERENT = "different"


@dataclass(frozen=True, slots=True)
class Found:
    """A thing as it ought to be, and as it is: `present` None where it is not there."""

    thing: Thing
    present: Mapping[str, Any] | None

    @property
    def state(self) -> State:
        """Whether there is anything to do."""
        if self.present is None:
            return State.MISSING
        return State.SAME if self._seen() == self.thing.body else State.DIFFERENT

    def diff(self, *, to_wanted: bool) -> str:
        """What would change there (`to_wanted`), or what somebody changed: a unified diff, secrets left out."""
        wanted = _text(self.thing.body)
        present = "" if self.present is None else _text(self._seen())
        before, after = (present, wanted) if to_wanted else (wanted, present)
        names = ("there", "ours") if to_wanted else ("ours", "there")
        lines = difflib.unified_diff(before.splitlines(), after.splitlines(), *names, n=2, lineterm="")
        text = "\n".join(lines)
        for secret in sorted(self.thing.secrets, key=len, reverse=True):
            text = text.replace(json.dumps(secret, ensure_ascii=False)[1:-1], HIDDEN)
        return text

    def _seen(self) -> Any:
        if self.thing.sort is Sort.DASHBOARD:  # whatever somebody added to one was meant
            board = {key: value for key, value in self._there["dashboard"].items() if key not in KEPT_BY_GRAFANA}
            return {**self._there, "dashboard": board}
        return of_ours(self.thing.body, self.present)

    @property
    def _there(self) -> Mapping[str, Any]:
        assert self.present is not None
        return self.present


def of_ours(wanted: Any, present: Any) -> Any:
    """What stands there, as far as we say anything of it: Grafana adds much by itself, leaves out what is empty, and
    gives no secret back."""
    if present == REDACTED:
        return wanted
    if isinstance(wanted, Mapping) and isinstance(present, Mapping):
        seen = {key: of_ours(value, present[key]) for key, value in wanted.items() if key in present}
        return {key: seen.get(key, value) for key, value in wanted.items() if key in seen or not value}
    if isinstance(wanted, list) and isinstance(present, list):
        return [of_ours(*pair) for pair in zip(wanted, present, strict=False)] + present[len(wanted) :]
    return wanted if not wanted and not present else present


def _text(value: Any) -> str:
    """As JSON; a text of several lines as a list of them, so that queries can be compared line by line."""
    return json.dumps(_in_lines(value), ensure_ascii=False, sort_keys=True, indent=1)


def _in_lines(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _in_lines(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_in_lines(inner) for inner in value]
    return value.splitlines() if isinstance(value, str) and "\n" in value.strip() else value
