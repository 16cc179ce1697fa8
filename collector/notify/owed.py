"""What is owed to people, as the ledger holds it: which notifications are due, and the record of every try. Blocks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Engine, and_, case, exists, func, insert, or_, select, update
from sqlalchemy.orm import aliased

from collector.notify.schedule import Tried
from shouwang.ledger.tables import Change, Incident, Notification, Try
from shouwang.vocabulary import NotificationType, Severity

DUE_AT_ONCE = 100
ANSWER_CHARS_MAX = 500


@dataclass(frozen=True, slots=True)
class Owed:
    """A notification that nobody has accepted yet, and how often each way failed."""

    id: str
    incident_id: str
    severity: Severity
    body: dict[str, Any]
    tried: dict[str, Tried]


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try that is over."""

    notification_id: str
    incident_id: str
    provider: str
    at_ms: int
    took_ms: int
    accepted: bool
    answer: str


def due(engine: Engine, now_ms: int, at_most: int = DUE_AT_ONCE) -> list[Owed]:
    """What may be tried now, gravest first, then longest owed. Of one incident only the oldest, so that nobody reads of
    an end before the beginning."""
    statement = (
        select(Notification.id, Notification.incident_id, Notification.severity, Notification.body)
        .where(
            Notification.accepted_at.is_(None),
            Notification.next_try_at <= now_ms,
            ~_has_older(),
        )
        .order_by(_rank(Notification.severity, Severity), Notification.owed_at, Notification.id)
        .limit(at_most)
    )
    with engine.connect() as connection:
        rows = connection.execute(statement).all()
        tries: dict[str, dict[str, Tried]] = {row.id: {} for row in rows}
        if rows:
            counted = connection.execute(
                select(Try.notification_id, Try.provider, func.count(), func.max(Try.at))
                .where(Try.notification_id.in_(list(tries)), Try.accepted.is_(False))
                .group_by(Try.notification_id, Try.provider)
            )
            for id_, provider, failures, last_at in counted:
                tries[id_][provider] = Tried(failures, last_at)
    return [Owed(row.id, row.incident_id, Severity(row.severity), row.body, tries[row.id]) for row in rows]


def record(engine: Engine, attempt: Attempt, next_try_ms: int) -> None:
    """Writes a try down, and what follows: accepted for good, or when it is tried next."""
    with engine.execution_options(writes=True).begin() as connection:
        connection.execute(
            insert(Try),
            {
                "notification_id": attempt.notification_id,
                "provider": attempt.provider,
                "at": attempt.at_ms,
                "took_ms": attempt.took_ms,
                "accepted": attempt.accepted,
                "answer": _printable(attempt.answer),
            },
        )
        waiting = and_(Notification.id == attempt.notification_id, Notification.accepted_at.is_(None))
        values: dict[str, Any] = {"tries": Notification.tries + 1, "next_try_at": next_try_ms}
        if attempt.accepted:
            values |= {"accepted_at": attempt.at_ms + attempt.took_ms, "accepted_by": attempt.provider}
        connection.execute(update(Notification).where(waiting).values(values))
        place = connection.execute(
            select(Incident.centre, Incident.device, Incident.township).where(Incident.id == attempt.incident_id)
        ).first()
        connection.execute(
            insert(Change),
            {
                "at": attempt.at_ms + attempt.took_ms,
                "what": "incident",
                "incident_id": attempt.incident_id,
                "centre": place.centre if place else "",
                "device": place.device if place else "",
                "township": place.township if place else "",
            },
        )


def postpone(engine: Engine, until_ms: dict[str, int]) -> None:
    """Notes when notifications that cannot be tried now are to be looked at again."""
    with engine.execution_options(writes=True).begin() as connection:
        for id_, next_try_ms in until_ms.items():
            connection.execute(update(Notification).where(Notification.id == id_).values(next_try_at=next_try_ms))


def hasten(engine: Engine, now_ms: int) -> None:
    """Lets everything owed be tried now: the ways have changed, or one is well again."""
    with engine.execution_options(writes=True).begin() as connection:
        later = and_(Notification.accepted_at.is_(None), Notification.next_try_at > now_ms)
        connection.execute(update(Notification).where(later).values(next_try_at=now_ms))


def _has_older() -> ColumnElement[bool]:
    older = aliased(Notification)
    rank, older_rank = _rank(Notification.type, NotificationType), _rank(older.type, NotificationType)
    before = or_(
        older.owed_at < Notification.owed_at,
        and_(older.owed_at == Notification.owed_at, older_rank < rank),
    )
    return exists().where(older.incident_id == Notification.incident_id, older.accepted_at.is_(None), before)


def _rank(column: Any, order: Iterable[str]) -> ColumnElement[int]:
    return case({str(value): rank for rank, value in enumerate(order)}, value=column, else_=99)


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text)[:ANSWER_CHARS_MAX]
