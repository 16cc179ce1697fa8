"""Which rows of each boot of each agent are stored: what a repeat is known by, and what `ack` says."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from shouwang.messages import VERSION, Ack
from shouwang.ranges import Ranges

FORGET_AFTER_MS = 15 * 86_400_000
ACKED_BOOTS = 64
"""An ack names at most so many boots, the latest heard."""
KEPT_BOOTS = 1_000


@dataclass(slots=True)
class Boot:
    """One start of an agent's process. `gone` counts rows that the agent gave up before they came here."""

    oldest: int
    heard_ms: int
    stored: Ranges = field(default_factory=Ranges)
    gone: Ranges = field(default_factory=Ranges)


class Boots:
    """The boots of one agent (a centre's or a feed)."""

    __slots__ = ("_boots",)

    def __init__(self) -> None:
        self._boots: dict[str, Boot] = {}

    def is_repeat(self, boot: str, seq: int) -> bool:
        known = self._boots.get(boot)
        return known is not None and (seq in known.stored)

    def heard(self, boot: str, oldest: int, gone: Iterable[tuple[int, int]], now_ms: int) -> None:
        """A message of this boot came (stored, or a repeat): what its agent still holds is known anew."""
        known = self._boots.get(boot)
        if known is None:
            if len(self._boots) >= KEPT_BOOTS:
                del self._boots[min(self._boots, key=lambda each: self._boots[each].heard_ms)]
            known = self._boots[boot] = Boot(oldest, now_ms)
        known.heard_ms = max(known.heard_ms, now_ms)
        known.oldest = max(known.oldest, oldest)
        for start, end in gone:
            if end >= start:
                known.gone.add(start, end)

    def stored(self, boot: str, seq: int) -> None:
        """The row is in the journal. `heard` was called before."""
        self._boots[boot].stored.add(seq)

    def ack(self) -> Ack:
        """What is stored of each boot lately heard, from its `oldest` on: the whole truth."""
        latest = sorted(self._boots.items(), key=lambda item: -item[1].heard_ms)[:ACKED_BOOTS]
        return Ack(
            v=VERSION,
            boots={
                boot: [(max(start, known.oldest), end) for start, end in known.stored if end >= known.oldest]
                for boot, known in latest
            },
        )

    def forget(self, now_ms: int) -> None:
        """Boots not heard of for 15 days, and what lies far under `oldest`, go."""
        for boot in [b for b, known in self._boots.items() if now_ms - known.heard_ms > FORGET_AFTER_MS]:
            del self._boots[boot]

    def dump(self) -> dict[str, Any]:
        """For a snapshot."""
        return {b: [k.oldest, k.heard_ms, k.stored.pairs(), k.gone.pairs()] for b, k in self._boots.items()}

    @classmethod
    def load(cls, dumped: dict[str, Any]) -> Boots:
        boots = cls()
        for boot, (oldest, heard_ms, stored, gone) in dumped.items():
            boots._boots[boot] = Boot(oldest, heard_ms, Ranges(stored), Ranges(gone))
        return boots
