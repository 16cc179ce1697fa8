"""Asks an SNMP device for what its mapping files name, and says it in a reading's fields."""

from __future__ import annotations

import asyncio
from typing import Any

from edge.probes.snmp.asking import Asker, NonsenseError, RefusedError
from edge.probes.snmp.mapping import MappingError, Value, load_mapping
from edge.probes.snmp.reading import Reader
from edge.probes.snmp.settings import SnmpSettings, check
from edge.probing import Answer, Around, Probe, ProbeConfigError, host_and_port
from edge.steps import ASK, NAME, step
from shouwang.reasons import Reason, reason_of
from shouwang.vocabulary import Driver

_ALIVE = "1.3.6.1.2.1.1.3.0"  # sysUpTime: every agent has it (RFC 3418)


class SnmpProbe(Probe):
    """Target: `host[:port]`, port 161."""

    driver = Driver.SNMP
    Settings = SnmpSettings

    def __init__(self, target: str, settings: Any, around: Around) -> None:
        super().__init__(target, settings, around)
        self._host, self._port = host_and_port(target, 161)
        check(settings)
        self._reader = make_reader(settings, around)
        self._asker = Asker(settings, around)

    async def ask(self, timeout_s: float) -> Answer:
        """`reachable`: it answers us; `latency_ms` is that of its first answer."""
        try:
            async with asyncio.timeout(timeout_s):
                return await self._ask(timeout_s)
        except TimeoutError:
            code = "snmp3_silent" if self.settings.version == "3" else "snmp_silent"
            return Answer(False, reason=Reason(code, {"s": timeout_s, "port": self._port}))
        except RefusedError as error:
            return Answer(True, reason=error.reason)
        except NonsenseError as error:
            return Answer(False, reason=Reason("answer_unreadable", {"text": str(error)}))
        except OSError as error:
            return Answer(False, reason=reason_of(error))

    async def _ask(self, timeout_s: float) -> Answer:
        clock = self.around.clock
        with step(NAME):
            address = await self.around.allowed.resolve(self._host, self._port)
        began_s = clock.now().mono_s
        told: dict[str, Value] = {}
        first_s = None
        async with self._asker.session(address, self._port, timeout_s) as session:
            for column in self._reader.columns():
                with step("table"):
                    told |= await session.column(column)
                first_s = first_s or clock.now().mono_s
            with step(ASK):
                told |= await session.objects(self._reader.objects(told) or [_ALIVE])
            at_s = clock.now().mono_s
        latency_ms = ((first_s or at_s) - began_s) * 1000
        fields = self._reader.read(told, at_s)
        if not fields and self._reader.fields:
            return Answer(
                True, latency_ms, reason=Reason("snmp_nothing", {"mapping": ", ".join(self.settings.mapping)})
            )
        return Answer(True, latency_ms, fields)


def make_reader(settings: SnmpSettings, around: Around) -> Reader:
    """The device's mapping files, read. Raises ProbeConfigError."""
    try:
        return Reader([load_mapping(name, around.state_directory) for name in settings.mapping], settings.values)
    except MappingError as error:
        raise ProbeConfigError(str(error)) from error
