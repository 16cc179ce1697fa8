"""Who may speak as a device: its password is asked for and checked; what is refused is said once, without a secret."""

from __future__ import annotations

import logging
from collections.abc import Collection

from edge.sip.digest import Digest, Verdict
from edge.sip.message import Response
from edge.sip.port import Received

_log = logging.getLogger("edge.sip")

_UNANSWERED = 3


class Gate:
    """One a listener. Devices by the name that they have in the watchlist."""

    def __init__(self, digest: Digest) -> None:
        self._digest = digest
        self._unanswered: dict[str, int] = {}
        self._said: dict[str, str] = {}

    def check(self, got: Received, device: str, users: Collection[str], password: str) -> Response | None:
        """None when the request may pass: it proves the password as one of the users, or none is wanted. Else what is
        answered."""
        if not password:
            return None
        verdicts = {self._digest.check(got.request, user, password, got.peer.host, got.at_s) for user in users}
        if Verdict.RIGHT in verdicts:
            self._unanswered.pop(device, None)
            self._said.pop(device, None)
            return None
        if Verdict.WRONG in verdicts and Verdict.STALE not in verdicts:
            return self.refuse(got, device, "another password")
        if Verdict.STALE not in verdicts:
            times = self._unanswered[device] = self._unanswered.get(device, 0) + 1
            if times >= _UNANSWERED:
                self._say(got, device, "it is asked for its password and gives none")
        challenges = self._digest.challenges(got.peer.host, got.at_s, stale=Verdict.STALE in verdicts)
        return got.answer(401, "Unauthorized", *challenges)

    def refuse(self, got: Received, device: str, reason: str) -> Response:
        """403, and a line in the log when the reason is another one than last time."""
        self._say(got, device, reason)
        return got.answer(403, "Forbidden")

    def _say(self, got: Received, device: str, reason: str) -> None:
        if self._said.get(device) != reason:
            self._said[device] = reason
            _log.warning("refused device=%s from=%s reason=%r", device, got.peer.where, reason)
