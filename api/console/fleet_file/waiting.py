"""Fleet files that were looked at and not yet taken in: a few, for a while, each for whoever uploaded it."""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict
from dataclasses import dataclass

KEPT = 4
KEPT_FOR_S = 1_800.0


@dataclass(frozen=True, slots=True)
class Waiting:
    """`revision`: of the fleet that it was compared with; `until_s`: monotonic."""

    who: str
    name: str
    body: bytes
    revision: str
    until_s: float


class WaitingFiles:
    """Bounded in number and time; the oldest goes first. Safe from any thread."""

    def __init__(self) -> None:
        self._files: OrderedDict[str, Waiting] = OrderedDict()
        self._lock = threading.Lock()

    def keep(self, who: str, name: str, body: bytes, revision: str, now_s: float) -> str:
        """Keeps a file; gives the ticket by which it is found again."""
        ticket = secrets.token_urlsafe(16)
        with self._lock:
            self._forget(now_s)
            self._files[ticket] = Waiting(who, name, body, revision, now_s + KEPT_FOR_S)
            while len(self._files) > KEPT:
                self._files.popitem(last=False)
        return ticket

    def take(self, ticket: str, who: str, now_s: float) -> Waiting | None:
        """The file, which is then no longer kept; None where it is not theirs, or gone."""
        with self._lock:
            self._forget(now_s)
            found = self._files.get(ticket)
            if found is None or found.who != who:
                return None
            return self._files.pop(ticket)

    def _forget(self, now_s: float) -> None:
        for ticket in [ticket for ticket, kept in self._files.items() if kept.until_s <= now_s]:
            del self._files[ticket]
