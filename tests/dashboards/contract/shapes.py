"""The contract as data: which operation a request is, and what is wrong with what it carries."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

FILE = Path(__file__).parent / "grafana.json"
BASE = "/api"


@dataclass(frozen=True)
class Operation:
    """One of Grafana's, by its name in the contract."""

    id: str
    method: str
    path: str
    query: tuple[str, ...]
    headers: tuple[str, ...]
    body: Mapping[str, Any] | None
    responses: Mapping[str, Mapping[str, Any] | None]

    def matches(self, method: str, path: str) -> dict[str, str] | None:
        """The path's parameters, where this is it."""
        pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", BASE + self.path)
        found = re.fullmatch(pattern, path)
        return found.groupdict() if found and method == self.method else None


@cache
def contract() -> dict[str, Any]:
    """The file."""
    read: dict[str, Any] = json.loads(FILE.read_text("utf-8"))
    return read


@cache
def operations() -> tuple[Operation, ...]:
    """All of them."""
    return tuple(
        Operation(
            each["id"], each["method"], each["path"], tuple(each["query"]), tuple(each["headers"]), each["body"],
            each["responses"],
        )
        for each in contract()["operations"]
    )  # fmt: skip


def wrong_with(schema: Mapping[str, Any] | None, value: Any) -> list[str]:
    """What the contract does not allow in a body, each with its place."""
    if schema is None:
        return [] if value is None else ["there is no body in the contract"]
    whole = {**schema, "definitions": contract()["definitions"]}
    return [
        f"{'/'.join(map(str, error.absolute_path)) or 'body'}: {error.message[:300]}"
        for error in Draft202012Validator(whole).iter_errors(value)
    ]
