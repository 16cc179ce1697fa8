"""What the agent and its fetching process say to each other: JSON in, JSON out."""

from __future__ import annotations

import msgspec


class Order(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """What is to be asked for. `version` and `architecture` are of what runs now."""

    server: str
    folder: str
    public_key: str
    username: str
    version: str
    architecture: str
    password_file: str | None = None
    ca_file: str | None = None


class Found(msgspec.Struct, frozen=True):
    """What came of it: `sha256` is empty where there is nothing (more) to try; `trouble` why it could not be asked."""

    ask_again_s: float
    sha256: str = ""
    version: str = ""
    trouble: str = ""
