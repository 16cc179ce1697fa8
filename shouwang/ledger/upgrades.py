"""Upgrades of agents: which bundles there are, to whom a version is offered, and what became of it.

Written by the API alone. Functions that write expect a connection of an engine with `execution_options(writes=True)`;
`now_ms` is Unix epoch milliseconds.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, func, insert, literal, select, update

from shouwang.bundles import Manifest, Signed
from shouwang.clock import rfc3339
from shouwang.ledger.tables import AgentUpgrade, Bundle, Centre, Feed, Path, Rollout

PATHS_MAX = 2_000
CONFIRMED_WITHIN_MS = 3_600_000
"""An agent that was offered a bundle and has not said within this what became of it is shown as overdue."""


class UpgradeError(ValueError):
    """What was asked cannot be done; `where` names the field."""

    def __init__(self, where: str, text: str) -> None:
        super().__init__(text)
        self.where = where


@dataclass(frozen=True, slots=True)
class Said:
    """What an agent says when it asks: what it runs, and, once, what became of the bundle that it tried."""

    version: str
    architecture: str
    sha256: str = ""
    tried: str = ""
    tried_version: str = ""
    reason: str = ""


def add_bundle(connection: Connection, manifest: Manifest, signed: Signed, now_ms: int) -> bool:
    """Takes a bundle in; another of the same version and architecture is no longer offered. False: it is known."""
    known = connection.execute(select(Bundle.ended_at).where(Bundle.sha256 == manifest.sha256)).first()
    same = (Bundle.version == manifest.version, Bundle.architecture == manifest.architecture)
    connection.execute(
        update(Bundle).where(*same, Bundle.sha256 != manifest.sha256, Bundle.ended_at.is_(None)).values(ended_at=now_ms)
    )
    if known is not None:
        connection.execute(
            update(Bundle)
            .where(Bundle.sha256 == manifest.sha256)
            .values(ended_at=None, manifest=signed.manifest, signature=signed.signature)
        )
        return False
    connection.execute(
        insert(Bundle),
        {
            "sha256": manifest.sha256,
            "version": manifest.version,
            "architecture": manifest.architecture,
            "size": manifest.size,
            "manifest": signed.manifest,
            "signature": signed.signature,
            "added_at": now_ms,
        },
    )
    return True


def bundles(connection: Connection) -> list[dict[str, Any]]:
    """Bundles that may be offered, the newest first."""
    rows = connection.execute(
        select(Bundle.sha256, Bundle.version, Bundle.architecture, Bundle.size, Bundle.added_at)
        .where(Bundle.ended_at.is_(None))
        .order_by(Bundle.added_at.desc(), Bundle.architecture)
    )
    return [{**row._mapping, "added_at": rfc3339(row.added_at)} for row in rows]


def newest_bundle(connection: Connection, architecture: str) -> str | None:
    """What a new box of that architecture is installed from: the bundle added last."""
    return connection.scalar(
        select(Bundle.sha256)
        .where(Bundle.architecture == architecture, Bundle.ended_at.is_(None))
        .order_by(Bundle.added_at.desc())
        .limit(1)
    )


def begin(connection: Connection, version: str, percent: int, paths: Iterable[str], who: str, now_ms: int) -> int:
    """Offers a version to so many per cent of all agents, and to those named; what was offered before ends. Gives its
    id. Raises UpgradeError."""
    named = list(dict.fromkeys(paths))
    if connection.scalar(select(Bundle.sha256).where(Bundle.version == version, Bundle.ended_at.is_(None))) is None:
        raise UpgradeError("version", f"there is no bundle of version {version!r}; `shouwang bundle add` takes one in")
    _check(connection, percent, named)
    _end(connection, now_ms, "replaced", who)
    row = {"version": version, "percent": percent, "paths": named, "who": who, "began_at": now_ms}
    row |= {"ended_as": "", "ended_by": ""}
    return int(connection.execute(insert(Rollout).returning(Rollout.id), row).scalar_one())


def widen(connection: Connection, rollout_id: int, percent: int, paths: Iterable[str]) -> bool:
    """Offers it to more agents, never to fewer; False where it has ended, or never was. Raises UpgradeError."""
    row = connection.execute(select(Rollout).where(Rollout.id == rollout_id, Rollout.ended_at.is_(None))).first()
    if row is None:
        return False
    named = list(dict.fromkeys([*row.paths, *paths]))
    _check(connection, percent, named)
    if percent < row.percent:
        raise UpgradeError("percent", f"it is offered to {row.percent} % already; end it to offer it to nobody more")
    connection.execute(update(Rollout).where(Rollout.id == rollout_id).values(percent=percent, paths=named))
    return True


def end(connection: Connection, rollout_id: int, who: str, now_ms: int) -> bool:
    """Offers it to nobody more; who has it keeps it."""
    return _end(connection, now_ms, "by_hand", who, Rollout.id == rollout_id) > 0


def asked(connection: Connection, path: str, said: Said, now_ms: int) -> Signed | None:
    """Keeps what an agent says of itself, and gives what it is offered. One that gave its bundle up ends the rollout
    that offered it, for all."""
    before = connection.execute(select(AgentUpgrade).where(AgentUpgrade.path == path)).first()
    row: dict[str, Any] = {"asked_at": now_ms, "version": said.version, "architecture": said.architecture}
    if said.tried:
        row |= {"tried": said.tried, "tried_version": said.tried_version, "tried_at": now_ms, "reason": said.reason}
        if said.reason:
            _end(connection, now_ms, "rolled_back", path, Rollout.version == said.tried_version)
    offer = _offer(connection, path, said)
    if offer is not None and (before is None or before.offered != offer.sha256):
        row |= {"rollout_id": offer.rollout_id, "offered": offer.sha256, "offered_at": now_ms}
    if before is None:
        connection.execute(
            insert(AgentUpgrade), {"offered": "", "tried": "", "tried_version": "", "reason": ""} | row | {"path": path}
        )
    else:
        connection.execute(update(AgentUpgrade).where(AgentUpgrade.path == path).values(**row))
    return None if offer is None else Signed(offer.manifest, offer.signature)


def is_chosen(path: str, rollout_id: int, percent: int, paths: Iterable[str]) -> bool:
    """Whether a rollout of so many per cent reaches an agent: who is reached stays so while it widens, and each rollout
    begins with others."""
    if path in paths:
        return True
    drawn = int.from_bytes(hashlib.blake2b(f"{rollout_id}:{path}".encode(), digest_size=8).digest())
    return drawn % 10_000 < percent * 100


def rollouts(connection: Connection, limit: int = 20) -> list[dict[str, Any]]:
    """The newest rollouts: how many agents each reached, and how it went with them. `failed` names some."""
    rows = connection.execute(select(Rollout).order_by(Rollout.id.desc()).limit(limit))
    return [_described(connection, row) for row in rows]


def rollout(connection: Connection, rollout_id: int) -> dict[str, Any] | None:
    """One of them; None where there is none."""
    row = connection.execute(select(Rollout).where(Rollout.id == rollout_id)).first()
    return None if row is None else _described(connection, row)


def _described(connection: Connection, row: Any) -> dict[str, Any]:
    offered = list(connection.execute(select(AgentUpgrade).where(AgentUpgrade.rollout_id == row.id)))
    done = [each for each in offered if each.version == row.version]
    failed = [each for each in offered if each.reason and each.tried == each.offered and each.version != row.version]
    return {
        "id": row.id,
        "version": row.version,
        "percent": row.percent,
        "paths": row.paths,
        "who": row.who,
        "began_at": rfc3339(row.began_at),
        "ended_at": rfc3339(row.ended_at),
        "ended_as": row.ended_as,
        "ended_by": row.ended_by,
        "offered": len(offered),
        "done": len(done),
        "failed": len(failed),
        "pending": len(offered) - len(done) - len(failed),
        "failures": [
            {"path": each.path, "at": rfc3339(each.tried_at), "reason": each.reason}
            for each in sorted(failed, key=lambda each: -(each.tried_at or 0))[:20]
        ],
    }


def reach(connection: Connection) -> dict[str, int]:
    """How many agents there are, and how many of them can be upgraded from here: those that ask."""
    agents = connection.scalar(select(func.count()).select_from(Path)) or 0
    return {"agents": agents, "asking": connection.scalar(select(func.count()).select_from(AgentUpgrade)) or 0}


def _offer(connection: Connection, path: str, said: Said) -> Any:
    rollout = connection.execute(
        select(Rollout).where(Rollout.ended_at.is_(None)).order_by(Rollout.id.desc()).limit(1)
    ).first()
    if rollout is None or said.version == rollout.version:
        return None
    if not is_chosen(path, rollout.id, rollout.percent, rollout.paths):
        return None
    return connection.execute(
        select(Bundle.sha256, Bundle.manifest, Bundle.signature, literal(rollout.id).label("rollout_id"))
        .where(
            Bundle.version == rollout.version,
            Bundle.architecture == said.architecture,
            Bundle.ended_at.is_(None),
        )
        .limit(1)
    ).first()


def _check(connection: Connection, percent: int, paths: list[str]) -> None:
    if not 0 <= percent <= 100:
        raise UpgradeError("percent", f"{percent} is not between 0 and 100")
    if len(paths) > PATHS_MAX:
        raise UpgradeError("paths", f"{len(paths)} agents are named, at most {PATHS_MAX}")
    if not percent and not paths:
        raise UpgradeError("percent", "nobody would be offered it: name agents, or a per cent of them")
    known = set(connection.scalars(select(Centre.centre).where(Centre.centre.in_(paths))))
    known |= set(connection.scalars(select(Feed.feed).where(Feed.feed.in_(paths))))
    if missing := [each for each in paths if each not in known]:
        raise UpgradeError("paths", f"there is no centre or feed {', '.join(missing[:5])} in the fleet")


def _end(connection: Connection, now_ms: int, how: str, who: str, *conditions: Any) -> int:
    statement = update(Rollout).where(Rollout.ended_at.is_(None), *conditions)
    return connection.execute(statement.values(ended_at=now_ms, ended_as=how, ended_by=who)).rowcount
