"""Knowing that we hear: the collector sends itself a message through each session, again and again.

A broker delivers in order within a session, so a fence that comes back stands behind everything that waited before it:
up to the instant at which it was sent, everything that was said has been heard. A broker that is gone, frozen or behind
with a backlog gives no fence back, whatever its connections look like.
"""

from __future__ import annotations

REPEAT_AFTER_S = 5.0
"""Until the first has returned."""
PULSE_S = 0.5
"""While hearing."""
DOUBT_AFTER_S = 2.0
"""Nothing is decided by time alone on what was confirmed longer ago than this."""
DEAF_AFTER_S = 5.0
_SENT_KEPT = 256


class Fence:
    """How far each session has caught up. Pure; times are monotonic seconds."""

    def __init__(self, sessions: tuple[str, ...]) -> None:
        self._sessions = sessions
        self._connected: set[str] = set()
        self._confirmed: dict[str, float] = {}
        self._sent: dict[int, float] = {}
        self._number = 0
        self._last_sent_s: float | None = None

    @property
    def confirmed_s(self) -> float | None:
        """Everything said before this instant has been heard; None while nothing is sure."""
        return min(self._confirmed.values()) if len(self._confirmed) == len(self._sessions) else None

    def hears(self, now_s: float) -> bool:
        """All sessions are connected and drained."""
        confirmed = self.confirmed_s
        return confirmed is not None and now_s - confirmed <= DEAF_AFTER_S

    def sure(self, now_s: float) -> bool:
        """Whether silence means anything just now."""
        confirmed = self.confirmed_s
        return confirmed is not None and now_s - confirmed <= DOUBT_AFTER_S

    def connected(self, session: str) -> None:
        """A session is up; what waited for it will come now. Call it after its subscriptions are acknowledged."""
        self._connected.add(session)
        self._anew()

    def disconnected(self, session: str) -> None:
        self._connected.discard(session)
        self._anew()

    def doubt(self) -> None:
        """We were away (suspended, blocked): whatever came meanwhile must be heard first."""
        self._anew()

    def to_send(self, now_s: float) -> bytes | None:
        """The fence to publish now, if one is due."""
        if len(self._connected) < len(self._sessions):
            return None
        every_s = PULSE_S if self.hears(now_s) else REPEAT_AFTER_S
        if self._last_sent_s is not None and now_s - self._last_sent_s < every_s:
            return None
        self._last_sent_s = now_s
        self._number += 1
        self._sent[self._number] = now_s
        if len(self._sent) > _SENT_KEPT:
            del self._sent[next(iter(self._sent))]
        return str(self._number).encode()

    def returned(self, session: str, payload: bytes) -> None:
        """A fence came back through this session. Those sent before a connection was made anew prove nothing."""
        if session not in self._connected or not payload.isdigit():
            return
        sent_s = self._sent.get(int(payload))
        if sent_s is not None:
            self._confirmed[session] = max(sent_s, self._confirmed.get(session, sent_s))

    def _anew(self) -> None:
        self._confirmed.clear()
        self._sent.clear()
        self._last_sent_s = None
