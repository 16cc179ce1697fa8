"""A recorder's catalogue, gathered from as many messages as it comes in; and what it says of the channels. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from edge.probes.gbt28181.document import Document, channels_of

ITEMS_MAX = 10_000
UNDER_WAY_MAX = 2


@dataclass(slots=True)
class Catalogue:
    """`complete`: the last one that came whole. One that lost a message on the way changes nothing."""

    complete: dict[str, bool] = field(default_factory=dict)
    faulty: frozenset[str] = frozenset()
    known: bool = False
    _under_way: dict[str, dict[str, bool]] = field(default_factory=dict)

    def take(self, document: Document) -> bool:
        """One message of a catalogue; True when it made it whole. Messages of one catalogue have its SN."""
        if document.total == 0:
            self.complete, self.known = {}, True
            return True
        if document.total > ITEMS_MAX:
            return False
        held = self._under_way.setdefault(document.sn, {})
        held |= document.items
        if len(held) >= document.total:
            del self._under_way[document.sn]
            self.complete, self.known = held, True
            return True
        while len(self._under_way) > UNDER_WAY_MAX:
            del self._under_way[next(iter(self._under_way))]
        if len(held) > ITEMS_MAX:
            del self._under_way[document.sn]
        return False

    @property
    def missing(self) -> bool:
        """Whether one is under way that has not become whole."""
        return bool(self._under_way)

    def forget_under_way(self) -> None:
        self._under_way.clear()

    def fields(self) -> dict[str, Any]:
        """Fields of a recorder. A channel is on when the catalogue says so and the keepalive does not name it."""
        if not self.known:
            return {}
        channels = channels_of(self.complete)
        on = sum(1 for code, is_on in channels.items() if is_on and code not in self.faulty)
        total = len(channels)
        return {"channels_on": on, "channels_off": total - on, "channels_total": total}
