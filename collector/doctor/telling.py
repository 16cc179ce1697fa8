"""Looks at how people are told: by whom, whether that way may be gone, and what it said of late."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from sqlalchemy import Connection, select
from sqlalchemy.exc import SQLAlchemyError

from collector.doctor.around import Around
from collector.doctor.finding import At, Finding, found
from collector.notify import Provider, configured
from collector.notify.addresses import Forbidden, allowed_addresses
from shouwang.ledger.engine import open_engine
from shouwang.ledger.migrate import current, head
from shouwang.ledger.tables import Try
from shouwang.settings import Loaded, SettingsError

REFUSALS = 3
"""So many in a row are more than an accident."""


def ways(loaded: Loaded, _around: Around) -> Iterator[Finding]:
    """Every way that is configured."""
    try:
        made = configured(loaded.settings.notify, loaded.sources)
    except SettingsError as error:
        yield from (found("notify_wrong", said=line) for line in str(error).splitlines())
        return
    if not made:
        yield found("notify_nobody")
        return
    wrong = asyncio.run(_where(made)) + _of_late(loaded, list(made))
    yield from wrong
    if not wrong:
        yield found("notify_good", ways=", ".join(made))


async def _where(made: dict[str, Provider]) -> list[Finding]:
    """Addresses that nothing is sent to."""
    wrong = []
    for way, provider in made.items():
        place = provider.destination
        try:
            if place is not None:
                await allowed_addresses(place.host, place.port, place.allow_private)
        except Forbidden as error:
            wrong.append(found("notify_private", way=way, said=error))
        except OSError as error:
            wrong.append(found("notify_nameless", way=way, said=error))
        finally:
            await provider.close()
    return wrong


def _of_late(loaded: Loaded, named: list[str]) -> list[Finding]:
    """Ways whose last tries were all refused."""
    if loaded.settings.ledger.url is None and not (loaded.settings.state / "ledger.db").exists():
        return []
    engine = open_engine(loaded.settings.ledger_url)
    try:
        if current(engine) != head():
            return []
        with engine.connect() as connection:
            return [finding for way in named if (finding := _refused(connection, way)) is not None]
    except SQLAlchemyError:
        return []  # the look at the ledger says so
    finally:
        engine.dispose()


def _refused(connection: Connection, way: str) -> Finding | None:
    latest = select(Try.accepted, Try.at, Try.answer).where(Try.provider == way).order_by(Try.id.desc()).limit(REFUSALS)
    tries = connection.execute(latest).all()
    if len(tries) < REFUSALS or any(each.accepted for each in tries):
        return None
    return found("notify_refused", way=way, count=len(tries), at=At(tries[0].at), said=tries[0].answer)


def heartbeat(loaded: Loaded, _around: Around) -> Iterator[Finding]:
    """Whether somebody outside notices when this machine is gone."""
    said = loaded.settings.heartbeat
    yield found("heartbeat_none") if said.url is None else found("heartbeat_good", every_s=f"{said.every_s:g}")
