"""Which settings of a device are passwords: these alone name an entry of the agent's own file, as `secret:NAME`."""

from __future__ import annotations

import re

_DOOR = re.compile(r"(^|_)(password|passphrase|secret|token|key|community|pin)$")


def opens_a_door(name: str) -> bool:
    """Whether a setting of this name is a password."""
    return bool(_DOOR.search(name))
