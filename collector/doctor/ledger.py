"""Looks at the ledger: its revision, and from what stands in it at the watch, the debts, the agents and the limits."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sqlalchemy import Connection, func, select
from sqlalchemy.exc import SQLAlchemyError

from collector.doctor.around import Around
from collector.doctor.finding import At, Finding, Span, found
from collector.fleet import load_fleet
from collector.service import kinds_of
from shouwang import __version__
from shouwang.ledger.engine import open_engine
from shouwang.ledger.migrate import current, head, knows
from shouwang.ledger.restore import UNFINISHED
from shouwang.ledger.tables import Centre, Device, Feed, Meta, Notification, Path, User
from shouwang.settings import Loaded
from shouwang.vocabulary import CentreStage

HEARD_WITHIN_MS = 60_000
OWED_TOO_LONG_MS = 600_000
BACK_MS = 60_000
NAMES_SHOWN = 5


def ledger(loaded: Loaded, around: Around) -> Iterator[Finding]:
    """Whether it can be used; if so, what it tells."""
    settings = loaded.settings
    mark = settings.state / UNFINISHED
    if mark.exists():
        aside = settings.state / mark.read_text("utf-8")
        yield found("restore_unfinished", state=settings.state, aside=aside, mark=mark)
    if settings.ledger.url is None and not (settings.state / "ledger.db").exists():
        yield found("ledger_new")
        return
    engine = open_engine(settings.ledger_url)
    try:
        revision = current(engine)
        if revision is None:
            yield found("ledger_empty")
        elif not knows(revision):
            yield found("ledger_newer", revision=revision, head=head())
        elif revision != head():
            yield found("ledger_old", revision=revision, head=head())
        else:
            with engine.connect() as connection:
                yield from list(_told(connection, loaded, around, engine.dialect.name))
    except SQLAlchemyError as error:
        yield found("ledger_unreachable", said=str(error).splitlines()[0])
    finally:
        engine.dispose()


def _told(connection: Connection, loaded: Loaded, around: Around, engine: str) -> Iterator[Finding]:
    devices = connection.scalar(select(func.count()).select_from(Device).where(Device.retired_at.is_(None))) or 0
    users = connection.scalar(select(func.count()).select_from(User).where(User.ended_at.is_(None))) or 0
    yield found("ledger_good", engine=engine, devices=devices, users=users)
    if not devices:
        yield found("fleet_empty")
    if not users:
        yield found("users_none")
    yield from _watch(connection, around.now_ms)
    yield from _agents(connection)
    yield from _limits(connection, loaded)


def _watch(connection: Connection, now_ms: int) -> Iterator[Finding]:
    heard = connection.scalar(select(Meta.value).where(Meta.key == "heard_well_at"))
    heard_ms = None if heard is None else int(heard)
    if heard_ms is None:
        yield found("watch_never")
    elif heard_ms - now_ms > BACK_MS:
        yield found("clock_back", at=At(heard_ms), ahead=Span(heard_ms - now_ms))
    elif now_ms - heard_ms > HEARD_WITHIN_MS:
        yield found("watch_deaf", at=At(heard_ms))
    else:
        yield found("watch_hears")
    waiting = select(func.min(Notification.owed_at)).where(Notification.accepted_at.is_(None))
    owed_since = connection.scalar(waiting)
    if owed_since is not None and now_ms - owed_since > OWED_TOO_LONG_MS:
        yield found("owed_long", at=At(owed_since))


def _agents(connection: Connection) -> Iterator[Finding]:
    live = select(Centre.centre).where(Centre.retired_at.is_(None), Centre.stage == CentreStage.LIVE)
    expected = {
        *connection.scalars(live.where(Centre.centre.in_(select(Device.path).where(Device.retired_at.is_(None))))),
        *connection.scalars(select(Feed.feed).where(Feed.retired_at.is_(None))),
    }
    columns = select(Path.path, Path.agent_version).where(Path.first_heard_at.is_not(None))
    heard = {path: version for path, version in connection.execute(columns) if path in expected}
    never = sorted(expected - set(heard))
    old = sorted(path for path, version in heard.items() if version and older(version, __version__))
    if never:
        yield found("agents_never", count=len(never), names=_some(never))
    if old:
        yield found("agents_old", count=len(old), ours=__version__, names=_some([f"{p} ({heard[p]})" for p in old]))
    if heard and not never and not old:
        yield found("agents_good", count=len(heard))


def _limits(connection: Connection, loaded: Loaded) -> Iterator[Finding]:
    fleet = load_fleet(connection, kinds_of(loaded.settings), loaded.settings.limits_said)
    short: list[str] = []
    kinds: list[str] = []
    for device in fleet.by_id.values():
        limits = device.limits
        if limits.silent_after_s <= limits.report_every_s:
            short.append(f"{device.centre}/{device.device} ({limits.silent_after_s:g} ≤ {limits.report_every_s:g} s)")
            kinds.append(device.kind)
    if short:
        yield found("limits_short", count=len(short), names=_some(sorted(short)), kind=min(kinds))


def older(version: str, than: str) -> bool:
    """Whether one release comes before another, by the numbers that both begin with."""
    return _numbers(version) < _numbers(than)


def _numbers(version: str) -> list[int]:
    begin = re.match(r"\d+(\.\d+)*", version)
    return [int(part) for part in begin.group().split(".")] if begin else []


def _some(names: list[str]) -> str:
    return ", ".join(names[:NAMES_SHOWN]) + (" …" if len(names) > NAMES_SHOWN else "")
