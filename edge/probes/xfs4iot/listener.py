"""Changes that a cash machine tells of by itself: heard on the connections that the probe keeps open."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

from edge.hearing import Heard, Listened, Listener
from edge.probes.xfs4iot.machine import Xfs4IotSettings, machines_of
from shouwang.vocabulary import Driver


class Xfs4IotListener(Listener):
    """It opens nothing: XFS4IoT tells of changes to whoever is connected, and the probe is."""

    driver = Driver.XFS4IOT
    Settings = Xfs4IotSettings

    async def start(self) -> None:
        """Nothing to open."""

    def watch(self, devices: Sequence[Listened]) -> None:
        """From now on these."""
        machines = machines_of(self.around)
        wanted = set()
        for device in devices:
            machine = machines.at(device.target, device.settings)
            machine.changed = functools.partial(self._changed, device.device)
            wanted.add(id(machine))
        machines.keep(wanted)

    async def stop(self) -> None:
        self.watch([])

    def _changed(self, device: str, fields: dict[str, Any]) -> None:
        self.say(Heard(device, self.around.clock.now().mono_s, {"reachable": True} | fields))
