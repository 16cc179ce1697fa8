"""What a feed did not believe, counted, and said once a minute: a few of each reason."""

from __future__ import annotations

import asyncio
import logging

from edge.feed.meaning import Aside

_log = logging.getLogger("edge.feed")

_EVERY_S = 60.0
_KNOWN_MAX = 1_000
_OF_A_REASON = 3


class Asides:
    """Bounded."""

    def __init__(self) -> None:
        self._counts: dict[tuple[str, str], int] = {}

    def add(self, aside: Aside) -> None:
        key = (aside.reason, f"{aside.device}: {aside.detail}" if aside.device else aside.detail)
        if key in self._counts or len(self._counts) < _KNOWN_MAX:
            self._counts[key] = self._counts.get(key, 0) + 1

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await asyncio.sleep(_EVERY_S)
            self._say()

    def _say(self) -> None:
        asides, self._counts = self._counts, {}
        counts: dict[str, list[int]] = {}
        for (reason, detail), count in asides.items():
            if len(counts.setdefault(reason, [])) < _OF_A_REASON:
                _log.warning("set aside reason=%s count=%d detail=%r", reason, count, detail[:200])
            counts[reason].append(count)
        for reason, each in counts.items():
            if len(each) > _OF_A_REASON:
                _log.warning("set aside reason=%s others=%d", reason, len(each) - _OF_A_REASON)
