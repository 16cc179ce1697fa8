"""Notifications as they arrive at the demo's own webhook: verified as Standard Webhooks says, each shown once."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

KEPT = 300
BODY_MAX_BYTES = 256 * 1024
TEST = "test"
"""The type of what the console's "send test" sends: a message of no incident."""


class Refused(ValueError):
    """What arrived is not a notification of ours; the message says why."""


class _Text(msgspec.Struct):
    zh: str = ""
    en: str = ""


class _Body(msgspec.Struct):
    type: str
    incident: dict[str, Any] = {}
    text: _Text = msgspec.field(default_factory=_Text)
    url: str = ""


@dataclass(slots=True)
class Arrival:
    """One notification. `times`: how often it arrived (at least once is promised, not exactly once)."""

    number: int
    id: str
    at_ms: int
    type: str
    incident_id: str
    cause: str
    severity: str
    zh: str
    en: str
    url: str
    opened_at: str
    times: int = 1


@dataclass(slots=True)
class Arrivals:
    """What has arrived, the newest `KEPT` of it. `refused` counts what did not verify."""

    secret: str
    on_arrival: Callable[[Arrival], None] = lambda arrival: None
    refused: int = 0
    _held: OrderedDict[str, Arrival] = field(default_factory=OrderedDict)
    _count: int = 0

    def take(self, headers: Mapping[str, str], body: bytes, at_ms: int) -> Arrival:
        """Verifies and keeps one; a repeat (same `webhook-id`) is counted. Raises Refused."""
        try:
            Webhook(self.secret).verify(body, {name.lower(): value for name, value in headers.items()})
            said = msgspec.json.decode(body, type=_Body)
        except WebhookVerificationError as error:
            self.refused += 1
            raise Refused(f"the signature does not verify: {error}") from error
        except msgspec.MsgspecError as error:
            self.refused += 1
            raise Refused(f"not a notification: {error}") from error
        if said.type != TEST and not said.incident:
            self.refused += 1
            raise Refused(f"not a notification: a {said.type[:40]!r} without an incident")
        id_ = headers["webhook-id"]
        if (known := self._held.get(id_)) is not None:
            known.times += 1
            return known
        self._count += 1
        arrival = Arrival(
            number=self._count,
            id=id_,
            at_ms=at_ms,
            type=said.type,
            incident_id=_word(said.incident, "id"),
            cause=_word(said.incident, "cause"),
            severity=_word(said.incident, "severity"),
            zh=said.text.zh,
            en=said.text.en,
            url=said.url,
            opened_at=_word(said.incident, "opened_at"),
        )
        self._held[id_] = arrival
        if len(self._held) > KEPT:
            self._held.popitem(last=False)
        self.on_arrival(arrival)
        return arrival

    def after(self, number: int) -> list[Arrival]:
        """Those that arrived after the one of this number, oldest first."""
        return [arrival for arrival in self._held.values() if arrival.number > number]

    @property
    def count(self) -> int:
        """How many different ones have arrived."""
        return self._count


def _word(incident: Mapping[str, Any], name: str) -> str:
    value = incident.get(name)
    return value if isinstance(value, str) else ""
