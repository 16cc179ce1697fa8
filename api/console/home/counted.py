"""The counters of the first page, counted once for all who look at the same moment."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from threading import Lock
from typing import Any

from sqlalchemy import Connection

from shouwang.kinds import Kinds
from shouwang.ledger import views
from shouwang.ledger.views import Scope

KEPT_MS = 5_000
"""What changes without a row of `changes` (a window that ends) is seen this much later at most."""
SCOPES_MAX = 64
UNREGISTERED_COUNTED_MAX = 1_000


@dataclass(frozen=True, slots=True)
class Counted:
    """`change` and `at_ms`: as of which change of the ledger, and when. `unregistered` is text: it may end in `+`."""

    change: int
    at_ms: int
    summary: dict[str, Any]
    feeds: list[dict[str, Any]]
    unregistered: str


class Counter:
    """Counts for a scope, and keeps it until the ledger changes. Two hundred pages that are told of one event count
    once. Shared by threads."""

    def __init__(self) -> None:
        self._counted: OrderedDict[Scope, Counted] = OrderedDict()
        self._lock = Lock()

    def count(self, connection: Connection, scope: Scope, kinds: Kinds, now_ms: int) -> Counted:
        """The counters as of now."""
        change = views.newest_change(connection)
        with self._lock:
            known = self._counted.get(scope)
        if known is not None and known.change == change and 0 <= now_ms - known.at_ms < KEPT_MS:
            return known
        unregistered = views.unregistered(connection, scope, limit=UNREGISTERED_COUNTED_MAX)
        counted = Counted(
            change,
            now_ms,
            views.summary(connection, scope, kinds, now_ms),
            views.feeds(connection),
            f"{len(unregistered['items'])}{'+' if unregistered['next_cursor'] else ''}",
        )
        with self._lock:
            self._counted[scope] = counted
            self._counted.move_to_end(scope)
            while len(self._counted) > SCOPES_MAX:
                self._counted.popitem(last=False)
        return counted
