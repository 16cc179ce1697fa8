"""The fleet of a simulation, and the truth about it: what works, and since when."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

from collector.facts import DeviceFacts, PathFacts
from collector.roster import Fleet
from shouwang.limits import DeviceLimits
from tests.collector.village import device, fleet, path

EVERY_S = 120.0
LIMITS = DeviceLimits(EVERY_S, 390.0, 2, 120.0)
"""As a terminal with its own SIM; so that weeks are quick to run through."""
PATH_SILENT_S = 200.0
FEED = "op"


def make_fleet(random: Random) -> Fleet:
    """Two townships, two carriers, a feed; six to ten centres with three to seven devices each."""
    paths: list[PathFacts] = [path(FEED, is_feed=True, silent_after_s=PATH_SILENT_S + 100)]
    devices: list[DeviceFacts] = []
    for n in range(random.randint(6, 10)):
        centre, township = f"c{n}", f"t{n % 2}"
        paths.append(path(centre, township=township, carrier=f"k{n // 2 % 2}", silent_after_s=PATH_SILENT_S))
        for m in range(random.randint(3, 7)):
            kind = "call_terminal" if m % 2 == 0 else "camera"
            devices.append(device(len(devices) + 1, centre, f"d-{m}", kind, township=township, limits=LIMITS))
        own_sim = device(
            len(devices) + 1, centre, "own-sim", path=FEED, township=township, sim_pool=f"p{n % 2}", limits=LIMITS
        )
        devices.append(own_sim)
    return fleet(paths, devices)


@dataclass
class Truth:
    """What is really so. `broken`: gives no reading at all; `says`: what its readings say otherwise than well."""

    fleet: Fleet
    broken: dict[int, float] = field(default_factory=dict)  # since when
    says: dict[int, dict[str, object]] = field(default_factory=dict)

    def break_down(self, device_id: int, at_s: float) -> None:
        self.broken.setdefault(device_id, at_s)

    def mend(self, device_id: int) -> None:
        self.broken.pop(device_id, None)
        self.says.pop(device_id, None)
