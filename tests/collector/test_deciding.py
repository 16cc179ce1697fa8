"""What goes to the ledger when very many devices are heard for the first time at once."""

from collector.deciding import FIRST_HEARD_AT_ONCE, SNAPSHOTS_AT_ONCE, Deciding
from collector.facts import Transition
from collector.incidents import Incidents
from collector.roster import Fleet
from collector.watch import Watch
from shouwang.kinds import Kinds
from tests.collector.village import centres


def _deciding(count: int) -> tuple[Deciding, Fleet]:
    kinds = Kinds()
    fleet = centres(1, count)
    deciding = Deciding(fleet, Watch(kinds, fleet), Incidents(fleet, kinds, lambda: "one"), position=7)
    devices = list(fleet.by_id.values())
    deciding.pending.first_heard = [(each.id, 1) for each in devices]
    deciding.pending.transitions = [Transition(each.path, each, "ok", 1, 1) for each in devices]
    return deciding, fleet


def test_a_few_go_at_once() -> None:
    deciding, _ = _deciding(10)
    taken = deciding.take_pending(40)
    assert (len(taken.transitions), taken.position, taken.partial) == (10, 40, False)


def test_very_many_go_in_parts_and_the_position_goes_with_the_last() -> None:
    deciding, fleet = _deciding(2 * FIRST_HEARD_AT_ONCE + 10)
    last = fleet.by_id[max(fleet.by_id)]
    deciding.pending.transitions.append(Transition(last.path, last, "silent", 2, 2))
    deciding.snapshot(last.path, 40)
    parts = [deciding.take_pending(40) for _ in range(3)]
    assert [(part.partial, part.position) for part in parts] == [(True, 7), (True, 7), (False, 40)]
    assert [bool(part.snapshots) for part in parts] == [False, False, True], "no snapshot ahead of what it knows"
    of_last = [turn.condition for turn in parts[0].transitions if turn.device == last]
    assert of_last == ["ok", "silent"], "what is more than a first hearing does not wait, and stays in order"
    written = [turn.device.id for part in parts for turn in part.transitions if turn.device and turn.condition == "ok"]
    assert sorted(written) == sorted(fleet.by_id)
    heard = [id_ for part in parts for id_, _ in part.first_heard]
    assert sorted(heard) == sorted(fleet.by_id)


def test_very_many_snapshots_go_in_parts_none_ahead_of_the_position() -> None:
    kinds = Kinds()
    fleet = centres(SNAPSHOTS_AT_ONCE + 3, 1)
    deciding = Deciding(fleet, Watch(kinds, fleet), Incidents(fleet, kinds, lambda: "one"), position=7)
    for path in fleet.paths:
        deciding.snapshot(path, 40)
    first, second = deciding.take_pending(40), deciding.take_pending(40)
    assert [(part.partial, part.position) for part in (first, second)] == [(True, 40), (False, 40)]
    assert [len(first.snapshots), len(second.snapshots)] == [SNAPSHOTS_AT_ONCE, 3]
    assert {*first.snapshots, *second.snapshots} == set(fleet.paths)
