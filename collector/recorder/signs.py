"""What the recorder notes beside readings, for who judges by InfluxDB alone (Grafana's alert rules)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice

from sqlalchemy import Connection, Engine, func, select

from collector.recorder.file import RecorderState
from collector.recorder.journal import JournalRow
from collector.recorder.names import Names
from shouwang.clock import Now
from shouwang.kinds import Kinds
from shouwang.ledger import views
from shouwang.ledger.tables import Centre, Device, DeviceCondition, Incident
from shouwang.ledger.views.windows import Windows
from shouwang.limits import device_limits
from shouwang.messages import Codec, Malformed
from shouwang.signs import EVENT, MONITOR, MONITOR_EVERY_S, WATCHED, WATCHED_EVERY_S, Sign
from shouwang.vocabulary import CentreStage, Severity

SITE = "site"
"""A centre is heard as long as its site is."""
ROWS_AT_ONCE = 1_000
SIGNS_AT_ONCE = 5_000
"""A region has 150,000 terminals: they are not held all at once."""


class Signs:
    """`limits`: the settings' `[limits.<kind>]`; `speed` divides them."""

    def __init__(
        self, engine: Engine, kinds: Kinds, limits: Mapping[str, Mapping[str, float]] | None = None, speed: float = 1.0
    ) -> None:
        self._engine = engine
        self._declared = kinds.declared
        self._limits = limits or {}
        self._speed = speed
        self._said_at_s = self._watched_at_s = float("-inf")

    def due(self, now: Now, state: RecorderState) -> Iterator[list[Sign]]:
        """What is to be noted by now, some at a time; nothing between two times. Raises SQLAlchemyError."""
        if now.mono_s - self._said_at_s < MONITOR_EVERY_S:
            return
        self._said_at_s = now.mono_s
        with self._engine.connect() as connection:
            yield [_monitor(connection, now.wall_ms, state)]
            if now.mono_s - self._watched_at_s >= WATCHED_EVERY_S:
                watched = self._watched(connection, now.wall_ms)
                while batch := list(islice(watched, SIGNS_AT_ONCE)):
                    yield batch
                self._watched_at_s = now.mono_s

    def forget(self) -> None:
        """What was given last was not written: all of it is due again."""
        self._said_at_s = self._watched_at_s = float("-inf")

    def _watched(self, connection: Connection, now_ms: int) -> Iterator[Sign]:
        kinds = [name for name, kind in self._declared.items() if kind.is_terminal or name == SITE]
        windows = Windows(connection, now_ms)
        rows = connection.execute(
            select(
                Device.centre,
                Device.device,
                Device.kind,
                Device.path,
                Device.profile,
                Device.silent_after_s,
                Centre.township,
            )
            .join(Centre, Centre.centre == Device.centre)
            .join(DeviceCondition, DeviceCondition.device_id == Device.id)
            .where(
                Device.kind.in_(kinds),
                Device.retired_at.is_(None),
                Centre.retired_at.is_(None),
                Centre.stage == CentreStage.LIVE.value,
                DeviceCondition.first_heard_at.is_not(None),
            )
            .execution_options(yield_per=ROWS_AT_ONCE)
        )
        for centre, device, kind, path, profile, own_s, township in rows:
            if windows.over(township=township, centre=centre, device=device, kind=kind) is not None:
                continue
            declared = self._declared[kind]
            known = profile if profile in declared.profiles else ""
            limits = device_limits(declared, known, self._limits.get(kind), silent_after_s=own_s, speed=self._speed)
            yield Sign(
                WATCHED,
                {"centre": centre, "device": device, "kind": kind, "path": path},
                {"silent_after_s": limits.silent_after_s},
                now_ms,
            )


def of_events(rows: Iterable[JournalRow], codec: Codec, names: Names) -> list[Sign]:
    """The events among some rows of the journal; one of a device that is not in the fleet by the name it came with."""
    signs = []
    for row in rows:
        try:
            event = codec.event(row.payload)
        except Malformed:
            continue  # the intake has set it aside
        centre, device, kind = names.of(row.path).get(event.device, (row.path, event.device, event.kind))
        fields = {"event": event.event, "id": event.id}
        age = {} if event.age_ms is None else {"age_ms": event.age_ms}
        signs.append(
            Sign(EVENT, {"centre": centre, "device": device, "kind": kind}, {**fields, **age}, row.received_ms)
        )
    return signs


def _monitor(connection: Connection, now_ms: int, state: RecorderState) -> Sign:
    owed = views.owed(connection, now_ms)
    still_open = select(func.count()).where(Incident.closed_at.is_(None))
    return Sign(
        MONITOR,
        {},
        {
            "deaf": bool(views.deafness(connection, now_ms)["deaf"]),
            "owed": int(owed["count"]),
            "owed_oldest_s": float(owed["oldest_s"]),
            "lag_rows": state.lag_rows,
            "lag_s": state.lag_ms / 1000,
            "incidents_open": int(connection.scalar(still_open) or 0),
            "emergencies_open": int(
                connection.scalar(still_open.where(Incident.severity == Severity.EMERGENCY.value)) or 0
            ),
        },
        now_ms,
    )
