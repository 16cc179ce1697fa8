"""What is said of a device that has a page, or calls one of ours."""

from __future__ import annotations

import msgspec

from edge.json_path import parse_path
from edge.probing import ProbeConfigError

PUSH = "push"
"""The target of a device that is only heard."""
_KEY_CHARACTERS_MIN = 16


class HttpSettings(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """What is well, what is read, and what it may tell us of its own accord.

    `status`: statuses that are well (left out: 200–399). `json_path` with `equals`: a value that must stand there, as
    `data.items[0].state`. `fields`: fields of the reading and where their values stand. `trust` False: an https page
    whose certificate nobody signed. `host`: the Host header, where it is not the target's.

    `push_key`: with it the device may call `/push/<device>` of the agent. `push_fields`: fields of the reading, and
    which parameter, or place in its JSON, tells them (those that are called as ours need no saying). `push_event`:
    where it says what happened; `push_words`: its words for that, and ours (`help_call`, `test_call`, `tamper` …).
    """

    status: list[int] = []
    json_path: str = ""
    equals: bool | int | float | str | None = None
    fields: dict[str, str] = {}
    user: str = ""
    password: str = ""
    trust: bool = True
    host: str = ""
    push_key: str = ""
    push_fields: dict[str, str] = {}
    push_event: str = "event"
    push_words: dict[str, str] = {}

    def check_push(self) -> None:
        """Raises ProbeConfigError."""
        if len(self.push_key) < _KEY_CHARACTERS_MIN:
            raise ProbeConfigError(f"push_key: at least {_KEY_CHARACTERS_MIN} characters, and as secret:NAME")
        try:
            for path in (*self.push_fields.values(), self.push_event):
                parse_path(path)
        except ValueError as error:
            raise ProbeConfigError(f"push_fields or push_event: {error}") from error
