"""Asks the machine itself: its own files, the agent, the way out, the clock, and the site's other parts at once."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec

from edge.allowed import NotAllowedError
from edge.probes.host.machine import machine_fields
from edge.probes.host.parts import Part, Parts
from edge.probes.host.uplink import Uplink, Ways
from edge.probes.ntp import NtpProbe, NtpSettings
from edge.probing import Answer, Around, Probe
from shouwang.vocabulary import Driver

_UPLINK = "uplink"
_CLOCK_EVERY_S = 64.0  # no time server is to be asked more often (RFC 5905, 7.3: a poll of 6)


class HostSettings(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """`uplink_targets`: two places beyond the router, `host` (ICMP) or `host:port` (TCP), asked each `uplink_every_s`
    seconds and judged over the last `uplink_rounds`. `ntp_server`: whom to ask what time it is (`host[:port]`).
    `box_sensor`: the hwmon chip that measures the box. `also`: the site's other parts, as the UPS."""

    uplink_targets: list[str] = []
    uplink_every_s: float = 5.0
    uplink_rounds: int = 60
    ntp_server: str = ""
    box_sensor: str = ""
    also: list[Part] = []


class HostProbe(Probe):
    """Target: none; it is always this machine."""

    driver = Driver.HOST
    Settings = HostSettings

    def __init__(self, target: str, settings: Any, around: Around) -> None:
        super().__init__(target, settings, around)
        self._ntp = NtpProbe(settings.ntp_server, NtpSettings(), around) if settings.ntp_server else None
        self._clock_told: tuple[dict[str, Any], float] | None = None  # and when
        self._ways = Ways(tuple(settings.uplink_targets), settings.uplink_every_s, settings.uplink_rounds)
        self._parts = Parts(settings.also, around)

    async def ask(self, timeout_s: float) -> Answer:
        """What this machine tells is sent, what it does not is left out. It is reachable whatever its parts are."""
        own = await asyncio.to_thread(machine_fields, self.around.state_directory, box_sensor=self.settings.box_sensor)
        own |= await self.around.agent_facts()
        (parts, part_trouble), (uplink, uplink_trouble), (clock, clock_trouble) = await asyncio.gather(
            self._parts.ask(timeout_s), self._uplink_fields(timeout_s), self._clock_fields(timeout_s)
        )
        reason = "; ".join(filter(None, [uplink_trouble, clock_trouble, part_trouble]))
        return Answer(True, fields=own | uplink | clock | parts, reason=reason)

    async def _uplink_fields(self, timeout_s: float) -> tuple[dict[str, Any], str]:
        if not self._ways.targets:
            return {}, ""
        held = self.around.shared.get(_UPLINK)
        if not isinstance(held, Uplink) or held.ways != self._ways:
            if isinstance(held, Uplink):
                held.close()
            held = self.around.shared[_UPLINK] = Uplink(self._ways, self.around)
        return await held.fields(timeout_s)

    async def _clock_fields(self, timeout_s: float) -> tuple[dict[str, Any], str]:
        if self._ntp is None:
            return {}, ""
        now_s = self.around.clock.now().mono_s
        if self._clock_told is not None and now_s - self._clock_told[1] < _CLOCK_EVERY_S:
            return self._clock_told[0], ""
        try:
            answer = await self._ntp.ask(min(timeout_s, 2.0))
        except NotAllowedError as error:
            return {}, f"clock: {error}"
        self._clock_told = (answer.fields, now_s) if "clock_offset_ms" in answer.fields else None
        return answer.fields, f"clock: {answer.reason}" if answer.reason else ""
