"""What a reading says of its device: a function for each kind, made once from the kind's rules.

The function is generated because it runs for every reading of the fleet; its source holds only names that the
declaration has checked and numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from shouwang.kinds.declaration import FieldType, Kind, Rule, Test
from shouwang.vocabulary import Condition, Severity


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one reading says. `counted`: it makes the device down only after so many in a row; until then
    `otherwise` is what it is."""

    condition: Condition
    reasons: tuple[str, ...]  # codes of the rules that match, gravest first
    counted: bool = False
    severity: Severity | None = None  # where a rule names one of its own
    otherwise: Verdict | None = None


OK = Verdict(Condition.OK, ())

Judge = Callable[[Any], Verdict]


def make_judge(kind: Kind) -> Judge:
    """A function from a reading of this kind (an object with the kind's fields, None where absent) to its Verdict.

    The same Verdict object is returned for the same matching rules, so that `is` tells whether anything changed.
    """
    known: dict[tuple[int, ...], Verdict] = {}

    def verdict(hits: tuple[int, ...]) -> Verdict:
        found = known.get(hits)
        if found is None:
            found = known[hits] = _verdict([kind.rules[hit] for hit in hits])
        return found

    lines = ["def judge(reading):", "    hits = ()"]
    for number, rule in enumerate(kind.rules):
        names: dict[str, str] = {}
        tests = [_source(test, kind, names) for test in rule.when]
        lines += [f"    {local} = reading.{field}" for field, local in names.items()]
        lines.append(f"    if {' and '.join(tests)}:")
        lines.append(f"        hits += ({number},)")
    lines.append("    return OK if not hits else verdict(hits)")
    space: dict[str, Any] = {"OK": OK, "verdict": verdict}
    exec("\n".join(lines), space)  # noqa: S102
    made: Judge = space["judge"]
    return made


def _source(test: Test, kind: Kind, names: dict[str, str]) -> str:
    local = names.setdefault(test.field, f"v_{test.field}")
    if test.item:
        inner = _comparison(test, f"item.{test.item}", kind.fields[test.field].items[test.item].type)
        return f"({local} is not None and any({inner} for item in {local}))"
    return _comparison(test, local, kind.fields[test.field].type)


def _comparison(test: Test, name: str, type_: FieldType) -> str:
    if test.below is not None:
        return f"({name} is not None and {name} < {test.below!r})"
    if test.above is not None:
        return f"({name} is not None and {name} > {test.above!r})"
    if test.in_:
        return f"{name} in {tuple(test.in_)!r}"
    if type_ is FieldType.BOOL:
        return f"{name} is {test.is_!r}"
    return f"{name} == {test.is_!r}"


def _verdict(rules: list[Rule]) -> Verdict:
    down = [rule for rule in rules if rule.condition is Condition.DOWN]
    degraded = [rule for rule in rules if rule.condition is Condition.DEGRADED]
    at_once = [rule for rule in down if not rule.counted]
    if not down:
        counted = [rule for rule in degraded if rule.counted]
        settled = [rule for rule in degraded if not rule.counted]
        if settled or not counted:
            return _made(Condition.DEGRADED, settled or degraded)
        return _made(Condition.DEGRADED, counted, counted=True, otherwise=OK)
    if at_once:
        return _made(Condition.DOWN, at_once + [r for r in down if r.counted] + degraded)
    settled = [rule for rule in degraded if not rule.counted]
    otherwise = _made(Condition.DEGRADED, settled) if settled else OK
    return _made(Condition.DOWN, down + degraded, counted=True, otherwise=otherwise)


def _made(
    condition: Condition, rules: list[Rule], *, counted: bool = False, otherwise: Verdict | None = None
) -> Verdict:
    severities = [rule.severity for rule in rules if rule.severity is not None]
    severity = min(severities, key=lambda each: each.rank) if severities else None
    return Verdict(condition, tuple(rule.code for rule in rules), counted, severity, otherwise)
