"""A device's effective condition as one SQL expression, so that every reader derives the same truth.

The ledger holds a device's *own* condition (when it last changed) and one row for each path. Effective is `unknown`
where the device was never heard or its path is not heard, else its own: a lost centre changes one row, not fifty.
Maintenance lies over a condition and never replaces it.
"""

from __future__ import annotations

from typing import Any, TypeAlias

from sqlalchemy import ColumnElement, Row, Select, and_, case, exists, literal, or_

from shouwang.ledger.tables import Centre, Device, DeviceCondition, Maintenance, Path
from shouwang.vocabulary import Condition

AnySelect: TypeAlias = Select[*tuple[Any, ...]]
AnyRow: TypeAlias = Row[*tuple[Any, ...]]


def with_state(statement: AnySelect) -> AnySelect:
    """Joins devices with their centre, own condition and path; only what is not retired."""
    return (
        statement.select_from(Device)
        .join(Centre, Centre.centre == Device.centre)
        .outerjoin(DeviceCondition, DeviceCondition.device_id == Device.id)
        .outerjoin(Path, Path.path == Device.path)
        .where(Device.retired_at.is_(None), Centre.retired_at.is_(None))
    )


def effective() -> ColumnElement[str]:
    """The effective condition, in a statement made by `with_state`."""
    return case(
        (or_(not_connected(), Path.online.is_not(True)), literal(Condition.UNKNOWN.value)),
        else_=DeviceCondition.condition,
    )


def effective_since() -> ColumnElement[int | None]:
    """Since when the effective condition holds: epoch ms; NULL where it was never heard.

    A device that is out was out before its path came back too; one that is ok is known to be so only since then.
    """
    return case(
        (not_connected(), None),
        (Path.online.is_not(True), Path.since),
        (
            and_(DeviceCondition.condition == Condition.OK.value, Path.since > DeviceCondition.since),
            Path.since,
        ),
        else_=DeviceCondition.since,
    )


def not_connected() -> ColumnElement[bool]:
    """Never heard: not yet connected, which is no fault."""
    return DeviceCondition.first_heard_at.is_(None)


def in_maintenance(now_ms: int) -> ColumnElement[bool]:
    """Whether a maintenance window lies over the device now; each scope that a window names must fit."""
    return exists().where(
        Maintenance.ended_at.is_(None),
        Maintenance.from_at <= now_ms,
        Maintenance.to_at > now_ms,
        or_(Maintenance.township == "", Maintenance.township == Centre.township),
        or_(Maintenance.centre == "", Maintenance.centre == Device.centre),
        or_(Maintenance.device == "", Maintenance.device == Device.device),
        or_(Maintenance.kind == "", Maintenance.kind == Device.kind),
    )
