"""What losses are known by, and what members of an incident are called."""

from __future__ import annotations

from collector.facts import DeviceFacts, PathFacts
from shouwang.vocabulary import Condition


def key_of(facts: DeviceFacts | PathFacts) -> str:
    """What a loss of it is known by."""
    return f"p:{facts.path}" if isinstance(facts, PathFacts) else f"d:{facts.id}"


def name_of(facts: DeviceFacts | PathFacts) -> str:
    """What it is called among an incident's members."""
    return facts.path if isinstance(facts, PathFacts) else f"{facts.centre}/{facts.device}"


def power_key_of(device: DeviceFacts) -> str:
    """What the loss of its mains is known by."""
    return f"m:{device.id}"


def is_lost(condition: str | None) -> bool:
    return condition in (Condition.DOWN, Condition.SILENT)
