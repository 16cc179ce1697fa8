"""What a source is: it gives what a platform says, and ends what it took only when that is kept."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from typing import Any

from edge.feed.meaning import Aside
from shouwang.clock import Clock

Take = Callable[[list[Any]], Awaitable[None]]
"""Maps entries and keeps what they give. When it returns, that is on the disk."""


class NotToldError(Exception):
    """The platform does not tell: it cannot be reached, or answers an error. `aside` says which."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.aside = Aside(reason, detail[:300])


class Source(ABC):
    """`entries` of the mapping are found by `find`, which a source is given with each answer."""

    fetches = True
    """Whether silence of the platform shows: one that sends to us may have nothing to say."""

    def __init__(self, find: Callable[[Any], list[Any]], clock: Clock) -> None:
        """`find` gives an answer's entries, or raises NotToldError."""
        self.find, self.clock = find, clock
        self.well: Callable[[], None] = lambda: None  # the platform has told
        self.ill: Callable[[NotToldError], None] = lambda error: None  # it has not
        self.aside: Callable[[Aside], None] = lambda aside: None  # a part of what it told makes no sense

    @abstractmethod
    async def once(self) -> list[Any]:
        """What it tells now: the entries. Raises NotToldError."""

    @abstractmethod
    async def run(self, take: Take) -> None:
        """Until cancelled."""
