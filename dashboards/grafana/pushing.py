"""Looking at all that ought to stand in a Grafana, and making it so: done twice, the second time changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from dashboards.grafana.calling import Grafana
from dashboards.grafana.differing import Found, State
from dashboards.grafana.things import Sort, Thing

WITH_SECRETS = (Sort.SOURCE, Sort.CONTACT)


def look(grafana: Grafana, things: Iterable[Thing]) -> list[Found]:
    """Everything beside what stands there; nothing is changed. Raises Trouble."""
    return [Found(thing, grafana.read(thing)) for thing in things]


def push(grafana: Grafana, found: Iterable[Found], *, secrets: bool, done: Callable[[Found], None]) -> None:
    """Makes what is missing, changes what differs. `secrets`: what holds one is written in any case, since Grafana does
    not tell whether it is still the same. `done` is told of each thing that was written. Raises Trouble."""
    for each in found:
        if each.state is State.SAME and not (secrets and each.thing.sort in WITH_SECRETS):
            continue
        grafana.write(each.thing, each.present)
        done(each)
