"""Where a value stands in JSON: `data.items[0].state`."""

from __future__ import annotations

import re
from typing import Any

_STEP = re.compile(r"\.?([A-Za-z0-9_-]+)|\[(\d{1,6})\]")


def parse_path(text: str) -> list[str | int]:
    """The steps of a path. Raises ValueError."""
    steps: list[str | int] = []
    at = 0
    while at < len(text):
        step = _STEP.match(text, at)
        if step is None:
            raise ValueError(f"path {text!r}: cannot be read from {text[at:]!r} on; write it like data.items[0].state")
        steps.append(step[1] if step[1] is not None else int(step[2]))
        at = step.end()
    return steps


def find(content: Any, steps: list[str | int]) -> Any:
    """The value there; None when there is none."""
    for step in steps:
        if isinstance(step, str) and isinstance(content, dict):
            content = content.get(step)
        elif isinstance(step, int) and isinstance(content, list) and step < len(content):
            content = content[step]
        else:
            return None
    return content
