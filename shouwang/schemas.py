"""JSON Schemas (2020-12) of the wire, made from the message types and the kind files.

python -m shouwang.schemas          writes docs/schemas/*.json
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec

from shouwang.kinds import Kinds
from shouwang.messages import Ack, Command, Config, Event, Presence, Reply, ReportHead
from shouwang.topics import MESSAGE_EXPIRY_S

FOLDER = Path(__file__).parent.parent / "docs" / "schemas"
DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schemas(kinds: Kinds) -> dict[str, dict[str, Any]]:
    """By channel: what its payload must be. Unknown fields are allowed everywhere and ignored."""
    reading: Any = kinds.reading_type
    report: Any = msgspec.defstruct("Report", [("readings", list[reading])], bases=(ReportHead,), kw_only=True)
    messages: dict[str, tuple[Any, str]] = {
        "report": (report, f"agent → collector, QoS 1, Message Expiry {MESSAGE_EXPIRY_S} s"),
        "event": (Event, f"agent → collector, QoS 1, Message Expiry {MESSAGE_EXPIRY_S} s, ahead of every report"),
        "presence": (Presence, "agent, or the broker for it; retained, QoS 1"),
        "ack": (Ack, "collector → agent, QoS 0, at most one a second a centre"),
        "config": (Config, "collector → agent, retained, QoS 1"),
        "command": (Command, "collector → agent, QoS 1, Message Expiry 30 s"),
        "reply": (Reply, "agent → collector, QoS 1"),
    }
    return {
        channel: {"$schema": DIALECT, "title": channel, "description": about, **msgspec.json.schema(type_)}
        for channel, (type_, about) in messages.items()
    }


def rendered(kinds: Kinds) -> dict[str, str]:
    """File name → content, as checked in."""
    return {
        f"{channel}.json": json.dumps(schema, indent=2, ensure_ascii=False, sort_keys=True) + "\n"
        for channel, schema in schemas(kinds).items()
    }


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, content in rendered(Kinds()).items():
        (FOLDER / name).write_text(content, "utf-8")


if __name__ == "__main__":
    main()
