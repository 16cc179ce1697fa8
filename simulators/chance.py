"""Faults at random: what goes wrong in a banner by itself, drawn from a seed, without end."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from random import Random

from simulators.faults import FaultKind
from simulators.fleet import FEEDS, SimCentre
from simulators.scenario import Step, Where

MEAN_GAP_S = 300.0
"""Seconds of simulated time between two faults, on average, for a banner of 381 centres."""

# How often each comes beside the others, and its shortest and longest duration in seconds.
_WEIGHTS: dict[FaultKind, tuple[float, float, float]] = {
    FaultKind.TERMINAL_SILENT: (24, 120, 7200),
    FaultKind.NOT_ANSWERING: (20, 60, 3600),
    FaultKind.BATTERY_DRAINING: (6, 1800, 7200),
    FaultKind.CAMERA_FROZEN: (8, 300, 7200),
    FaultKind.PAPER_OUT: (8, 600, 14_400),
    FaultKind.CASH_OUT: (4, 600, 14_400),
    FaultKind.HELP_CALL: (4, 0, 0),
    FaultKind.POWER_CUT: (8, 300, 7200),
    FaultKind.SWITCH_LOST: (2, 300, 3600),
    FaultKind.UPLINK_LOST: (10, 30, 3600),
    FaultKind.CLOCK_WRONG: (2, 600, 7200),
    FaultKind.DELIVERY_DISORDERED: (4, 600, 3600),
    FaultKind.AGENT_RESTARTS: (2, 600, 1800),
    FaultKind.FEED_STOPPED: (0.5, 300, 1800),
    FaultKind.FEED_STALE: (0.5, 300, 1800),
    FaultKind.SIM_CUT: (0.5, 600, 1800),
}


def random_steps(fleet: Sequence[SimCentre], seed: int, from_s: float = 0.0) -> Iterator[tuple[float, Step]]:
    """Moments and steps, later and later, for as long as they are asked for."""
    chance = Random(f"faults/{seed}")
    kinds = list(_WEIGHTS)
    weights = [_WEIGHTS[kind][0] for kind in kinds]
    carriers = sorted({centre.carrier for centre in fleet})
    pools = sorted({d.sim_pool for centre in fleet for d in centre.devices if d.path and d.sim_pool})
    townships = sorted({centre.township for centre in fleet})
    gap_s = MEAN_GAP_S * 381 / len(fleet)
    at_s = from_s
    while True:
        at_s += chance.expovariate(1 / gap_s)
        kind = chance.choices(kinds, weights)[0]
        where = Where(pick=1)
        if kind in (FaultKind.FEED_STOPPED, FaultKind.FEED_STALE):
            where = Where(feed=chance.choice(FEEDS))
        elif kind is FaultKind.SIM_CUT:
            by_carrier = not pools or chance.random() < 0.3
            where = Where(carrier=chance.choice(carriers)) if by_carrier else Where(sim_pool=chance.choice(pools))
        elif kind is FaultKind.POWER_CUT and chance.random() < 0.2:
            where = Where(township=chance.choice(townships))
        _, shortest_s, longest_s = _WEIGHTS[kind]
        for_s = math.exp(chance.uniform(math.log(shortest_s), math.log(longest_s))) if longest_s else None
        yield at_s, Step(kind, where, for_s=for_s)
