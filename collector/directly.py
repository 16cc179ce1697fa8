"""Telling people although nothing can be written down: the other route, for when the ledger does not take what was
decided.

The identity of a notification is given when it is decided, so what is sent here and later, once the ledger takes it,
sent again from there, is one message to its receiver.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping

from collector.facts import IncidentRecord, Step
from collector.notify import Message, Provider, words
from shouwang.clock import rfc3339
from shouwang.kinds import Kinds
from shouwang.log import get_logger
from shouwang.vocabulary import NotificationType, Severity

log = get_logger("collector.directly")

EMERGENCY_AFTER_S = 2.0
OTHERS_AFTER_S = 10.0
TOLD_KEPT = 10_000
AT_ONCE = 8
_WORTH = (NotificationType.OPENED, NotificationType.ESCALATED)


class Directly:
    """Sends each step at most once by the first way that accepts it; what none accepted is tried at the next call."""

    def __init__(self, ways: Mapping[str, Provider], kinds: Kinds, public_url: str) -> None:
        self._ways = ways
        self._kinds = kinds
        self._public_url = public_url.rstrip("/")
        self._told: dict[str, None] = {}

    async def tell(self, steps: Iterable[Step], failing_s: float) -> int:
        """What is owed of these steps and has waited long enough for the ledger; gives how many were accepted."""
        due = [step for step in steps if self._is_due(step, failing_s)][:AT_ONCE]
        accepted = await asyncio.gather(*(self._send(step) for step in due))
        return sum(accepted)

    def _is_due(self, step: Step, failing_s: float) -> bool:
        if step.owe not in _WORTH or step.notification_id in self._told:
            return False
        urgent = step.incident.severity is Severity.EMERGENCY
        return failing_s >= (EMERGENCY_AFTER_S if urgent else OTHERS_AFTER_S)

    async def _send(self, step: Step) -> bool:
        message = Message(step.notification_id, self._body(step))
        for name, provider in self._ways.items():
            try:
                async with asyncio.timeout(provider.timeout_s):
                    answer = await provider.send(message)
            except (TimeoutError, OSError) as error:
                log.warning("not told directly", provider=name, error=str(error)[:200])
                continue
            if answer.accepted:
                log.warning("told directly: the ledger takes nothing", provider=name, incident=step.incident.id)
                self._told[step.notification_id] = None
                if len(self._told) > TOLD_KEPT:
                    del self._told[next(iter(self._told))]
                return True
        return False

    def _body(self, step: Step) -> dict[str, object]:
        assert step.owe is not None
        seen = unrecorded_view(step.incident)
        return {
            "type": f"incident.{step.owe}",
            "incident": seen,
            "text": words(seen, step.owe, self._kinds),
            "url": f"{self._public_url}/incidents/{step.incident.id}",
        }


def unrecorded_view(incident: IncidentRecord) -> dict[str, object]:
    """What is known of an incident without the ledger: codes, no names."""
    return {
        "id": incident.id,
        "severity": str(incident.severity),
        "cause": str(incident.cause),
        "region": incident.region,
        "township": incident.township,
        "centre": incident.centre,
        "device": incident.device,
        "scope": incident.scope,
        "reasons": list(incident.reasons),
        "since": rfc3339(incident.since_ms),
        "opened_at": rfc3339(incident.opened_at_ms),
        "closed_at": rfc3339(incident.closed_at_ms),
        "devices_unwatched": incident.devices_unwatched,
        "terminals_unwatched": incident.terminals_unwatched,
        "members": list(incident.members),
        "unrecorded": True,
    }
