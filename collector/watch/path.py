"""A path's coming and going, and the presence of its agent: which of its connections is the latest, and whether two
agents bear one name."""

from __future__ import annotations

from enum import Enum

from collector.facts import Outcome, Transition
from collector.watch.attentive import AttentiveClock
from collector.watch.state import NEVER, Moment, PathWatch, begin, end
from shouwang.messages import Presence

LEAVING_MS = 2_000
"""What was on its way when an agent said goodbye does not bring it back."""
REPLACED_KEPT = 32
CONTEST_OVER_AFTER = 15
"""So many times the path's own limit without a sign of a second agent end a conflict (15 min at 60 s)."""


class News(Enum):
    """What a presence message is to what was known."""

    OLD = "old"  # a late or doubled one: the older boot or connection
    NEW = "new"
    CONFLICT = "conflict"  # a boot that another had followed is alive
    CONTESTED = "contested"  # one of two that are alive side by side: its coming and going says nothing of the path


def sort(path: PathWatch, presence: Presence, now_att: int) -> News:
    """Places a presence message, and remembers it.

    Within a boot the higher connection is the later, and its will follows it. A boot that was never heard of follows
    the one before. A boot that was followed and yet opens a further connection is a second agent.
    """
    boot, connection, ended = presence.boot, presence.connection, not presence.online
    if boot in path.contested:
        if presence.online:
            path.contested[boot] = now_att
        return News.CONTESTED
    if boot == path.boot:
        if (connection, ended) <= (path.connection, path.ended):
            return News.OLD
        path.connection, path.ended = connection, ended
        return News.NEW
    highest = path.replaced.get(boot)
    if highest is not None:
        if ended or connection <= highest:
            return News.OLD
        path.replaced[boot] = connection
        path.contested.update({path.boot: now_att, boot: now_att})
        return News.CONFLICT
    if path.boot:
        path.replaced[path.boot] = path.connection
        if len(path.replaced) > REPLACED_KEPT:
            del path.replaced[next(iter(path.replaced))]
        if path.contested:
            path.contested[boot] = now_att
            if len(path.contested) > REPLACED_KEPT:
                del path.contested[min(path.contested, key=path.contested.__getitem__)]
    path.boot, path.connection, path.ended = boot, connection, ended
    return News.NEW


def contest_over(path: PathWatch, now_att: int) -> bool:
    """Whether for long only one of the contested boots was alive; the contest is then forgotten."""
    signs = sorted(path.contested.values())
    if len(signs) < 2 or now_att - signs[-2] < CONTEST_OVER_AFTER * path.silent_ms:
        return False
    latest = max(path.contested, key=path.contested.__getitem__)
    for boot in path.contested:
        if boot != latest:
            path.replaced[boot] = max(path.replaced.get(boot, 0), path.connection if boot == path.boot else 0)
    if latest != path.boot:
        path.connection = path.replaced.pop(latest, 1)
        path.boot, path.ended = latest, False
    path.contested.clear()
    return True


def go_online(clock: AttentiveClock, path: PathWatch, moment: Moment, outcome: Outcome) -> None:
    """It was heard. Its devices have their whole limit from now on."""
    at = max(moment.sent_ms, path.since_ms)
    if path.first_ms is None:
        path.first_ms = at
    end(path.spans, at)
    path.online, path.since_ms, path.back_att = True, at, moment.sent_att
    _say(clock, path, "online", at, moment.wall_ms, "", outcome)


def go_offline(
    clock: AttentiveClock, path: PathWatch, reason: str, at: int, known_at_ms: int, outcome: Outcome
) -> None:
    """It said goodbye (`stopped`), the broker said so for it (`lost`), or nothing was heard of it (`silent`)."""
    at = max(at, path.since_ms)
    path.online, path.since_ms = False, at
    path.offline_ms = max(path.offline_ms, at if reason != "silent" else path.heard_ms)
    begin(path.spans, at)
    path.waiting.clear()
    _say(clock, path, "offline", at, known_at_ms, reason, outcome)


def _say(
    clock: AttentiveClock, path: PathWatch, condition: str, at: int, known_at_ms: int, reason: str, outcome: Outcome
) -> None:
    outcome.transitions.append(
        Transition(
            path=path.facts.path,
            device=None,
            condition=condition,
            at_ms=min(clock.wall(at), known_at_ms),
            known_at_ms=known_at_ms,
            good_at_ms=None if path.heard_ms == NEVER else clock.wall(path.heard_ms),
            reason=reason,
        )
    )
