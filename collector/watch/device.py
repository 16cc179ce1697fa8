"""What a reading does to its device, once it is more than "the same again".

A device's own condition is a function of the readings known of it: of the newest by the time it was taken, and of the
counted failures since the last reading that was none. So neither doubling nor order of delivery makes a difference.
"""

from __future__ import annotations

from bisect import insort
from typing import Any

from collector.facts import Evidence, Outcome, Transition
from collector.watch.attentive import AttentiveClock
from collector.watch.hours import open_for_ms
from collector.watch.state import NEVER, DeviceWatch, Moment, begin, end, overlaps
from shouwang.kinds import OK, Verdict
from shouwang.reasons import Reason
from shouwang.vocabulary import Condition

_DEVICE_SPANS_KEPT = 8
_IMPOSSIBLE_MS = 5_000
"""A stamp so far ahead of the present was made before the wall clock was set back and we were started anew."""


def weigh(
    clock: AttentiveClock,
    device: DeviceWatch,
    reading: Any,
    verdict: Verdict,
    moment: Moment,
    outcome: Outcome,
    *,
    decided: bool,
) -> None:
    """Takes a reading whose age is known into account. `decided`: only what is remembered changes."""
    rules = device.rules
    taken = moment.sent_ms - reading.age_ms
    heard = taken - (reading.last_heard_age_ms or 0) if rules.passes_on else taken
    device.settle()
    _correct_impossible(device, moment.now_ms)
    testified = not decided and _testify(clock, device, verdict, taken, heard, outcome)
    if clock.ago(taken, moment.now_ms) + rules.silent_ms <= moment.now_att:
        return  # history
    device.heard_att = max(device.heard_att, clock.ago(heard, moment.now_ms))
    if verdict.condition is Condition.DOWN:
        if rules.hours is not None and open_for_ms(rules.hours, clock.wall(taken)) is None:
            return  # asleep in its drawer
    elif heard > device.good_ms:
        device.good_ms = heard
    _count(device, verdict, taken)
    if taken > device.taken_ms:
        device.taken_ms = taken
        device.newest = verdict
    if not decided:
        _conclude(clock, device, moment, outcome, reading.why if taken == device.taken_ms else None)
        if testified and _is_plain_beginning(device, verdict, taken):
            outcome.evidence.pop()


def silence(clock: AttentiveClock, device: DeviceWatch, overdue_ms: int, now_ms: int, outcome: Outcome) -> None:
    """Its limit ran out `overdue_ms` ago while its path was heard."""
    at = max(now_ms - overdue_ms, device.since_ms)
    device.settle()
    device.spans = begin([] if device.spans is None else device.spans, at, _DEVICE_SPANS_KEPT)
    _turn(clock, device, Condition.SILENT, (), None, at, clock.wall(now_ms), outcome)


def _conclude(clock: AttentiveClock, device: DeviceWatch, moment: Moment, outcome: Outcome, why: Reason | None) -> None:
    verdict = device.newest
    if verdict is None:
        return
    settled = verdict
    if verdict.counted and len(device.failed or ()) < device.rules.probes:
        settled = verdict.otherwise or OK
        if device.condition is Condition.SILENT and device.good_ms <= device.since_ms:
            return  # a probe that failed once is no recovery
        if device.condition is None and device.good_ms == NEVER:
            return
    condition, reasons = settled.condition, settled.reasons
    if condition is Condition.DOWN:
        if device.condition is None:
            return  # it never answered yet: not connected, rather than broken
    elif device.heard_att + device.rules.silent_ms <= moment.now_att:
        # reported afresh, but by somebody who has not heard it either
        if device.condition is not Condition.DOWN:
            return  # silent, never connected, or about to be due
        silence(clock, device, 0, moment.now_ms, outcome)
        return
    if device.first_ms is None:
        device.first_ms = device.taken_ms
        outcome.first_heard.append((device.facts, clock.wall(device.taken_ms)))
    if condition is not device.condition or reasons != device.reasons:
        at = max(device.taken_ms, device.since_ms)
        if device.spans is not None:
            end(device.spans, at)
        _turn(clock, device, condition, reasons, settled, at, moment.wall_ms, outcome, why if reasons else None)
    if settled is verdict and condition is not Condition.DOWN and not device.failed and not verdict.counted:
        device.verdict = verdict


def _is_plain_beginning(device: DeviceWatch, verdict: Verdict, taken: int) -> bool:
    """Whether its first transition, which has just been made, says all that the reading proves: its path was known by
    then. A region that starts has very many of these."""
    said = device.since_ms == device.first_ms == taken and device.condition is verdict.condition
    return said and device.path.since_ms <= taken and bool(device.path.online)


def _turn(
    clock: AttentiveClock,
    device: DeviceWatch,
    condition: Condition,
    reasons: tuple[str, ...],
    verdict: Verdict | None,
    at: int,
    known_at_ms: int,
    outcome: Outcome,
    why: Reason | None = None,
) -> None:
    device.condition, device.reasons, device.since_ms = condition, reasons, at
    outcome.transitions.append(
        Transition(
            path=device.path.facts.path,
            device=device.facts,
            condition=condition,
            at_ms=min(clock.wall(at), known_at_ms),
            known_at_ms=known_at_ms,
            reasons=reasons,
            good_at_ms=None if device.good_ms == NEVER else clock.wall(device.good_ms),
            severity=None if verdict is None else verdict.severity,
            why=why,
        )
    )


def _count(device: DeviceWatch, verdict: Verdict, taken: int) -> None:
    """Keeps the run of counted failures, by when they were taken; the same one twice is one."""
    failed = device.failed
    if not verdict.counted:
        if taken > device.cleared_ms:
            device.cleared_ms = taken
            if failed is not None:
                device.failed = [each for each in failed if each > taken] or None
    elif taken > device.cleared_ms:
        if failed is None:
            device.failed = [taken]
        elif taken not in failed:
            insort(failed, taken)
            del failed[: -device.rules.probes]


def _testify(
    clock: AttentiveClock, device: DeviceWatch, verdict: Verdict, taken: int, heard: int, outcome: Outcome
) -> bool:
    """What the reading proves of a time in which the device's condition was not known. Whether it proves anything."""
    rules = device.rules
    if verdict.condition is Condition.OK:
        until = heard + rules.silent_ms
    else:
        until = taken + rules.every_ms
        if verdict.condition is not Condition.DOWN and heard + rules.silent_ms <= taken:
            return False
    if until <= taken:
        return False
    unknown = (
        device.first_ms is None
        or taken < device.first_ms
        or overlaps(device.path.spans, taken, until)
        or (device.spans is not None and overlaps(device.spans, taken, until))
    )
    if unknown:
        outcome.evidence.append(Evidence(device.facts, verdict.condition, clock.wall(taken), clock.wall(until)))
    return unknown


def _correct_impossible(device: DeviceWatch, now_ms: int) -> None:
    if device.taken_ms > now_ms + _IMPOSSIBLE_MS:
        device.taken_ms = now_ms - 1
        device.cleared_ms = min(device.cleared_ms, now_ms - 1)
        device.good_ms = min(device.good_ms, now_ms - 1)
        device.since_ms = min(device.since_ms, now_ms - 1)
        device.failed = None
