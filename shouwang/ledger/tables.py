"""The ledger's tables: what was decided, and whom it concerns. Instants are Unix epoch milliseconds, UTC.

Who writes what, so that no two parts write the same row: the collector writes paths, conditions, transitions,
corrections, incidents, timeline, notifications, tries, changes, asides, snapshots and the journal position, each batch
in one transaction; the API (and the command line) write fleet, people, maintenance and deeds. What a person does to an
incident is a *deed*; the collector carries it out and says so in the deed's row.
"""

from __future__ import annotations

from typing import Any, ClassVar

from sqlalchemy import (
    JSON,
    BigInteger,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

ID = BigInteger().with_variant(Integer(), "sqlite")
"""An autoincrementing key on both engines."""


_OF_PATH = text("device_id IS NULL")


class Base(DeclarativeBase):
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_label)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        int: BigInteger,
        str: String,
        dict[str, Any]: JSON,
        list[Any]: JSON,
        bytes: LargeBinary,
    }


class Meta(Base):
    """Single facts: `fleet_revision`, `journal_position`, `attentive_ms`, `heard_well_at`, `instance`."""

    __tablename__ = "meta"
    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    value: Mapped[str] = mapped_column(Text)


# --- the fleet: written by imports and by the console ---------------------------------------------------------------


class Centre(Base):
    __tablename__ = "centres"
    centre: Mapped[str] = mapped_column(String(32), primary_key=True)
    region: Mapped[str] = mapped_column(String(32))
    township: Mapped[str] = mapped_column(String(32), default="", index=True)
    township_name: Mapped[str] = mapped_column(default="")
    name: Mapped[str] = mapped_column(default="")
    type: Mapped[str] = mapped_column(String(16), default="centre")
    stage: Mapped[str] = mapped_column(String(16), default="live")
    latitude: Mapped[float | None]
    longitude: Mapped[float | None]
    silent_after_s: Mapped[float | None]
    notify_after_s: Mapped[float | None]
    retired_at: Mapped[int | None]


class Feed(Base):
    """An agent that speaks for devices of many centres."""

    __tablename__ = "feeds"
    feed: Mapped[str] = mapped_column(String(32), primary_key=True)
    region: Mapped[str] = mapped_column(String(32))
    name: Mapped[str] = mapped_column(default="")
    silent_after_s: Mapped[float | None]
    notify_after_s: Mapped[float | None]
    retired_at: Mapped[int | None]


class Device(Base):
    __tablename__ = "devices"
    __table_args__ = (UniqueConstraint("centre", "device"), Index("ix_devices_path", "path"))
    id: Mapped[int] = mapped_column(ID, primary_key=True, autoincrement=True)
    centre: Mapped[str] = mapped_column(ForeignKey("centres.centre"))
    device: Mapped[str] = mapped_column(String(32))
    kind: Mapped[str] = mapped_column(String(32), index=True)
    path: Mapped[str] = mapped_column(String(32))  # the centre itself, or a feed; never empty here
    profile: Mapped[str] = mapped_column(String(32), default="")
    name: Mapped[str] = mapped_column(default="")
    room: Mapped[str] = mapped_column(String(32), default="")
    driver: Mapped[str] = mapped_column(String(16), default="")
    target: Mapped[str] = mapped_column(default="")
    settings: Mapped[dict[str, Any]] = mapped_column(default=dict)
    carrier: Mapped[str] = mapped_column(default="")
    sim_pool: Mapped[str] = mapped_column(default="")
    iccid: Mapped[str] = mapped_column(default="")
    sim_expires_on: Mapped[str] = mapped_column(default="")
    household: Mapped[str] = mapped_column(default="")  # personal: shown by role, never sent anywhere
    owner: Mapped[str] = mapped_column(default="")
    maintainer: Mapped[str] = mapped_column(default="")
    model: Mapped[str] = mapped_column(default="")
    serial: Mapped[str] = mapped_column(default="")
    installed_on: Mapped[str] = mapped_column(default="")
    warranty_until: Mapped[str] = mapped_column(default="")
    report_every_s: Mapped[float | None]
    silent_after_s: Mapped[float | None]
    notify_after_s: Mapped[float | None]
    extra: Mapped[dict[str, Any]] = mapped_column(default=dict)  # the fleet file's x_… columns
    retired_at: Mapped[int | None]


# --- what the collector decided --------------------------------------------------------------------------------------


class Path(Base):
    """A centre's agent or a feed, as heard. `online` is NULL until it was first heard."""

    __tablename__ = "paths"
    path: Mapped[str] = mapped_column(String(32), primary_key=True)
    online: Mapped[bool | None]
    since: Mapped[int | None]
    first_heard_at: Mapped[int | None]
    boot: Mapped[str] = mapped_column(String(36), default="")
    agent_version: Mapped[str] = mapped_column(String(64), default="")
    lost_rows: Mapped[int] = mapped_column(default=0)
    lost_readings: Mapped[int] = mapped_column(default=0)


class DeviceCondition(Base):
    """A device's own condition: what it was when last known. Where its path is offline it *is* `unknown`
    (see `shouwang.ledger.conditions.effective`); no row is written for each device of a lost centre."""

    __tablename__ = "conditions"
    device_id: Mapped[int] = mapped_column(ForeignKey("devices.id"), primary_key=True)
    condition: Mapped[str] = mapped_column(String(16), index=True)
    since: Mapped[int]
    reasons: Mapped[list[Any]] = mapped_column(default=list)  # codes of the kind's rules
    why: Mapped[dict[str, Any] | None]  # what its agent said was wrong: a `shouwang.reasons.Reason`
    first_heard_at: Mapped[int | None]  # NULL: not yet connected
    good_at: Mapped[int | None]  # when the last good reading was taken


class Transition(Base):
    """One change of a device's own condition, or of a path (`device_id` NULL; `online`, `offline`).
    `at` is since when it was so, `known_at` when we knew."""

    __tablename__ = "transitions"
    __table_args__ = (
        Index("ix_transitions_device", "device_id", "at"),
        Index("ix_transitions_path", "path", "at", sqlite_where=_OF_PATH, postgresql_where=_OF_PATH),
    )
    id: Mapped[int] = mapped_column(ID, primary_key=True, autoincrement=True)
    device_id: Mapped[int | None] = mapped_column(ForeignKey("devices.id"))
    path: Mapped[str] = mapped_column(String(32))
    condition: Mapped[str] = mapped_column(String(16))
    at: Mapped[int]
    known_at: Mapped[int]
    reasons: Mapped[list[Any]] = mapped_column(default=list)
    why: Mapped[dict[str, Any] | None]


class Correction(Base):
    """What a device turned out to have been, while we did not know: lies over `unknown` and `silent` time only.
    Rows of one device never overlap."""

    __tablename__ = "corrections"
    __table_args__ = (Index("ix_corrections_device", "device_id", "from_at"),)
    id: Mapped[int] = mapped_column(ID, primary_key=True, autoincrement=True)
    device_id: Mapped[int] = mapped_column(ForeignKey("devices.id"))
    from_at: Mapped[int]
    to_at: Mapped[int]
    condition: Mapped[str] = mapped_column(String(16))
    known_at: Mapped[int]


class Incident(Base):
    __tablename__ = "incidents"
    __table_args__ = (Index("ix_incidents_open", "closed_at", "severity"),)
    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    cause: Mapped[str] = mapped_column(String(32))
    severity: Mapped[str] = mapped_column(String(16))
    region: Mapped[str] = mapped_column(String(32), default="")
    township: Mapped[str] = mapped_column(String(32), default="", index=True)
    centre: Mapped[str] = mapped_column(String(32), default="", index=True)
    device: Mapped[str] = mapped_column(String(32), default="")
    device_id: Mapped[int | None]
    scope: Mapped[str] = mapped_column(default="")  # what an area outage names: `township:…`, `carrier:…`, `sim_pool:…`
    reasons: Mapped[list[Any]] = mapped_column(default=list)
    since: Mapped[int]  # when it was last good
    opened_at: Mapped[int]  # at its limit
    tell_at: Mapped[int | None]  # planned; NULL once told or closed
    told_at: Mapped[int | None]
    closed_at: Mapped[int | None]
    closed_as: Mapped[str] = mapped_column(String(32), default="")  # recovered, merged, by_hand, retired
    outcome: Mapped[str] = mapped_column(Text, default="")  # what the person who closed it said
    merged_into: Mapped[str | None] = mapped_column(String(36))
    unseen: Mapped[bool] = mapped_column(default=False)  # last known out, now not seen
    flapping: Mapped[bool] = mapped_column(default=False)
    acknowledged_at: Mapped[int | None]
    acknowledged_by: Mapped[str] = mapped_column(default="")
    devices_unwatched: Mapped[int] = mapped_column(default=0)
    terminals_unwatched: Mapped[int] = mapped_column(default=0)
    members: Mapped[list[Any]] = mapped_column(default=list)  # names of centres, or `centre/device`
    state: Mapped[bytes] = mapped_column(default=b"")  # what collector.incidents keeps, as it restores it


class TimelineEntry(Base):
    """What happened to an incident, in words and for a program."""

    __tablename__ = "timeline"
    id: Mapped[int] = mapped_column(ID, primary_key=True, autoincrement=True)
    incident_id: Mapped[str] = mapped_column(ForeignKey("incidents.id"), index=True)
    at: Mapped[int]
    what: Mapped[str] = mapped_column(String(32))  # opened, probed, grew, merged, unseen, told, acknowledged, note, …
    who: Mapped[str] = mapped_column(default="")
    text: Mapped[str] = mapped_column(Text, default="")
    detail: Mapped[dict[str, Any]] = mapped_column(default=dict)


class Notification(Base):
    """Owed until a provider has accepted it. `id` is the `webhook-id` of every try."""

    __tablename__ = "notifications"
    __table_args__ = (Index("ix_notifications_owed", "accepted_at", "next_try_at"),)
    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    incident_id: Mapped[str] = mapped_column(ForeignKey("incidents.id"), index=True)
    type: Mapped[str] = mapped_column(String(16))
    severity: Mapped[str] = mapped_column(String(16))
    owed_at: Mapped[int]
    body: Mapped[dict[str, Any]]  # the incident as REST gives it, as it was when owed; text in both languages
    tries: Mapped[int] = mapped_column(Integer, default=0)
    next_try_at: Mapped[int]
    accepted_at: Mapped[int | None]
    accepted_by: Mapped[str] = mapped_column(String(32), default="")


class Try(Base):
    """One attempt to deliver a notification."""

    __tablename__ = "tries"
    id: Mapped[int] = mapped_column(ID, primary_key=True, autoincrement=True)
    notification_id: Mapped[str] = mapped_column(ForeignKey("notifications.id"), index=True)
    provider: Mapped[str] = mapped_column(String(32))
    at: Mapped[int]
    took_ms: Mapped[int] = mapped_column(Integer, default=0)
    accepted: Mapped[bool]
    answer: Mapped[str] = mapped_column(Text, default="")


class Change(Base):
    """What the event stream carries, in order; pruned after two days."""

    __tablename__ = "changes"
    __table_args__ = ({"sqlite_autoincrement": True},)  # an id is never given twice
    id: Mapped[int] = mapped_column(ID, primary_key=True, autoincrement=True)
    at: Mapped[int] = mapped_column(index=True)
    what: Mapped[str] = mapped_column(String(16))  # condition, path, incident, fleet, deaf
    centre: Mapped[str] = mapped_column(String(32), default="")
    device: Mapped[str] = mapped_column(String(32), default="")
    township: Mapped[str] = mapped_column(String(32), default="")
    incident_id: Mapped[str | None] = mapped_column(String(36))


class DeviceEvent(Base):
    """What a device said by itself: a help call, a test call, … Known by the id that the agent gave it."""

    __tablename__ = "events"
    __table_args__ = (Index("ix_events_device", "device_id", "known_at"),)
    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    device_id: Mapped[int | None] = mapped_column(ForeignKey("devices.id"))
    path: Mapped[str] = mapped_column(String(32))
    name: Mapped[str] = mapped_column(String(65))  # as sent
    event: Mapped[str] = mapped_column(String(32))
    at: Mapped[int | None]  # NULL: its age is not known
    known_at: Mapped[int]
    detail: Mapped[dict[str, Any]] = mapped_column(default=dict)


class AsideCount(Base):
    """What was set aside, counted by where it came from and why, with the latest sample."""

    __tablename__ = "asides"
    id: Mapped[int] = mapped_column(ID, primary_key=True, autoincrement=True)
    __table_args__ = (UniqueConstraint("path", "device", "kind", "reason"),)
    path: Mapped[str] = mapped_column(String(32))
    device: Mapped[str] = mapped_column(String(65), default="")
    kind: Mapped[str] = mapped_column(String(32), default="")
    reason: Mapped[str] = mapped_column(String(32))
    count: Mapped[int]
    first_at: Mapped[int]
    last_at: Mapped[int]
    detail: Mapped[str] = mapped_column(Text, default="")
    text: Mapped[str] = mapped_column(Text, default="")


class Snapshot(Base):
    """What the watch remembers of one path, as of a journal position."""

    __tablename__ = "snapshots"
    path: Mapped[str] = mapped_column(String(32), primary_key=True)
    position: Mapped[int]
    body: Mapped[bytes]


# --- what people did -------------------------------------------------------------------------------------------------


class Deed(Base):
    """Something a person asked of the collector; carried out in order of `id`, each once."""

    __tablename__ = "deeds"
    __table_args__ = (Index("ix_deeds_open", "done_at"),)
    id: Mapped[int] = mapped_column(ID, primary_key=True, autoincrement=True)
    at: Mapped[int]
    who: Mapped[str]
    what: Mapped[str] = mapped_column(String(16))  # acknowledge, note, close, probe
    incident_id: Mapped[str | None] = mapped_column(String(36))
    centre: Mapped[str] = mapped_column(String(32), default="")
    device: Mapped[str] = mapped_column(String(32), default="")
    note: Mapped[str] = mapped_column(Text, default="")
    done_at: Mapped[int | None]
    ok: Mapped[bool | None]
    answer: Mapped[dict[str, Any]] = mapped_column(default=dict)  # a probe's reading, or the reason it failed


class Maintenance(Base):
    """A window in which a scope is worked on: conditions stay visible, notifications wait."""

    __tablename__ = "maintenance"
    id: Mapped[int] = mapped_column(ID, primary_key=True, autoincrement=True)
    township: Mapped[str] = mapped_column(String(32), default="")  # the narrowest that is given holds
    centre: Mapped[str] = mapped_column(String(32), default="", index=True)
    device: Mapped[str] = mapped_column(String(32), default="")
    kind: Mapped[str] = mapped_column(String(32), default="")
    from_at: Mapped[int]
    to_at: Mapped[int]
    reason: Mapped[str] = mapped_column(Text, default="")
    who: Mapped[str]
    ended_at: Mapped[int | None]


class User(Base):
    __tablename__ = "users"
    id: Mapped[int] = mapped_column(ID, primary_key=True, autoincrement=True)
    name: Mapped[str] = mapped_column(String(64), unique=True)
    role: Mapped[str] = mapped_column(String(16))
    townships: Mapped[list[Any]] = mapped_column(default=list)  # empty: all
    language: Mapped[str] = mapped_column(String(8), default="zh")
    created_at: Mapped[int]
    ended_at: Mapped[int | None]


class Credential(Base):
    """A secret of which only the SHA-256 is kept (each has at least 128 random bits): API token, sign-in link, session,
    MQTT password of a centre's agent."""

    __tablename__ = "credentials"
    id: Mapped[int] = mapped_column(ID, primary_key=True, autoincrement=True)
    what: Mapped[str] = mapped_column(String(16))  # token, link, session, mqtt, enrol
    hash: Mapped[str] = mapped_column(String(128), unique=True)
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    role: Mapped[str] = mapped_column(String(16), default="")  # of a token without a user
    townships: Mapped[list[Any]] = mapped_column(default=list)
    centre: Mapped[str] = mapped_column(String(32), default="")  # of an agent
    name: Mapped[str] = mapped_column(default="")
    created_at: Mapped[int]
    used_at: Mapped[int | None]
    expires_at: Mapped[int | None]
    ended_at: Mapped[int | None]


class Bundle(Base):
    """A bundle of the agent that may be offered; the file itself lies in the state directory of the API."""

    __tablename__ = "bundles"
    sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    version: Mapped[str] = mapped_column(String(64), index=True)
    architecture: Mapped[str] = mapped_column(String(16))
    size: Mapped[int]
    manifest: Mapped[str] = mapped_column(Text)  # as it was signed, to the byte
    signature: Mapped[str] = mapped_column(String(128))
    added_at: Mapped[int]
    ended_at: Mapped[int | None]


class Rollout(Base):
    """A version offered to a part of the agents: those named, and so many per cent of all."""

    __tablename__ = "rollouts"
    id: Mapped[int] = mapped_column(ID, primary_key=True, autoincrement=True)
    version: Mapped[str] = mapped_column(String(64))
    percent: Mapped[int]
    paths: Mapped[list[Any]] = mapped_column(default=list)
    who: Mapped[str]
    began_at: Mapped[int]
    ended_at: Mapped[int | None]
    ended_as: Mapped[str] = mapped_column(String(16), default="")  # replaced, by_hand, rolled_back
    ended_by: Mapped[str] = mapped_column(default="")  # the person, or the agent that rolled back


class AgentUpgrade(Base):
    """What an agent that can be upgraded last said of itself, and what became of what it was offered."""

    __tablename__ = "agent_upgrades"
    path: Mapped[str] = mapped_column(String(32), primary_key=True)
    asked_at: Mapped[int]
    version: Mapped[str] = mapped_column(String(64))
    architecture: Mapped[str] = mapped_column(String(16))
    rollout_id: Mapped[int | None]
    offered: Mapped[str] = mapped_column(String(64), default="")  # the bundle
    offered_at: Mapped[int | None]
    tried: Mapped[str] = mapped_column(String(64), default="")  # the bundle of which it last told an outcome
    tried_version: Mapped[str] = mapped_column(String(64), default="")
    tried_at: Mapped[int | None]
    reason: Mapped[str] = mapped_column(Text, default="")  # why it was given up; empty: it stays


class Viewing(Base):
    """Who looked at personal data, or was refused something, and when."""

    __tablename__ = "viewings"
    id: Mapped[int] = mapped_column(ID, primary_key=True, autoincrement=True)
    at: Mapped[int]
    who: Mapped[str]
    what: Mapped[str]
    centre: Mapped[str] = mapped_column(String(32), default="")
    device: Mapped[str] = mapped_column(String(32), default="")
    allowed: Mapped[bool]
