"""Knowing when a backlog is drained: the collector sends itself a message through each session and waits for it.

A broker delivers in order within a session, so a fence that comes back stands behind everything that waited before it.
Fences are repeated until one returns, since a broker may lose one.
"""

from __future__ import annotations

REPEAT_AFTER_S = 5.0


class Fence:
    """Whether every session has caught up. Pure; times are monotonic seconds."""

    def __init__(self, sessions: tuple[str, ...]) -> None:
        self._sessions = sessions
        self._connected: set[str] = set()
        self._passed: set[str] = set()
        self._number = 0
        self._valid_from = 1
        self._sent_s: float | None = None

    @property
    def hears(self) -> bool:
        """All sessions are connected and drained."""
        return len(self._passed) == len(self._sessions)

    def connected(self, session: str) -> None:
        """A session is up; what waited for it will come now. Call it after its subscriptions are acknowledged."""
        self._connected.add(session)
        self._passed.discard(session)
        self._anew()

    def disconnected(self, session: str) -> None:
        self._connected.discard(session)
        self._passed.discard(session)

    def doubt(self) -> None:
        """We were away (suspended, blocked): whatever came meanwhile must be heard first."""
        self._passed.clear()
        self._anew()

    def to_send(self, now_s: float) -> bytes | None:
        """The fence to publish now, if one is due."""
        if self.hears or len(self._connected) < len(self._sessions):
            return None
        if self._sent_s is not None and now_s - self._sent_s < REPEAT_AFTER_S:
            return None
        self._sent_s = now_s
        self._number += 1
        return str(self._number).encode()

    def returned(self, session: str, payload: bytes) -> None:
        """A fence came back through this session."""
        if session in self._connected and payload.isdigit() and int(payload) >= self._valid_from:
            self._passed.add(session)

    def _anew(self) -> None:
        self._valid_from = self._number + 1
        self._sent_s = None
