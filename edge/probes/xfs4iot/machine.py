"""One cash machine: the services that its publisher names, connections to them that stay, and what they last said."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from edge.allowed import NotAllowedError
from edge.probes.xfs4iot import meaning
from edge.probes.xfs4iot.talking import RefusedError, Talk, split
from edge.probing import Around, ProbeConfigError
from shouwang.reasons import Reason

_log = logging.getLogger("edge.xfs4iot")

SERVICES_MAX = 16
_PUBLISHER = "ServicePublisher.GetServices"


class Xfs4IotSettings(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """`publisher` False: the target is one service, not the publisher of all. `trust` False: a certificate that nobody
    signed is fine. `ca_file`: authorities of one's own."""

    publisher: bool = True
    trust: bool = True
    ca_file: str = ""


@dataclass(slots=True)
class _Service:
    uri: str
    talk: Talk
    status: dict[str, Any] = field(default_factory=dict)
    has_storage: bool = True


class Machine:
    """Shared by the probe, which asks, and the listener, which hears of changes (`changed`) while it is connected."""

    def __init__(self, target: str, settings: Xfs4IotSettings, around: Around) -> None:
        self._target, self._settings, self._around = target, settings, around
        self._services: list[_Service] = []
        self._units: dict[str, Any] = {}
        self._asking = asyncio.Lock()
        self.changed: Callable[[dict[str, Any]], None] | None = None

    async def ask(self, timeout_s: float) -> dict[str, Any]:
        """Fields as of now, from every service. Raises what `Talk` raises, and TimeoutError."""
        async with asyncio.timeout(timeout_s), self._asking:
            had = bool(self._services)
            try:
                await self._ask(timeout_s)
            except ConnectionError:
                if not had:
                    raise
                await self._ask(timeout_s)  # the connection had gone since: that alone says nothing of the machine
        return self.fields()

    async def _ask(self, timeout_s: float) -> None:
        try:
            if not self._services or not all(service.talk.open_still for service in self._services):
                self.close()
                await self._connect(timeout_s)
            await asyncio.gather(*(self._refresh(service, timeout_s) for service in self._services))
        except BaseException:
            self.close()  # begun anew the next time: half a machine is not believed
            raise

    def fields(self) -> dict[str, Any]:
        return meaning.fields([service.status for service in self._services], self._units)

    def close(self) -> None:
        for service in self._services:
            service.talk.close()
        self._services.clear()
        self._units.clear()

    async def _connect(self, timeout_s: float) -> None:
        if not self._settings.publisher:
            await self._add(self._target)
            return
        publisher = await self._open(self._target, lambda name, payload: None)
        try:
            told = await publisher.command(_PUBLISHER, timeout_s)
        finally:
            publisher.close()
        found = told["services"] if isinstance(told.get("services"), list) else []
        each = [service.get("serviceURI") for service in found if isinstance(service, dict)]
        uris = list(dict.fromkeys(uri for uri in each if isinstance(uri, str)))[:SERVICES_MAX]
        if not uris:
            raise RefusedError(Reason("answered", {"text": f"{_PUBLISHER}: no services"}))
        for uri in uris:
            try:
                split(uri)
                await self._add(uri)
            except (ProbeConfigError, NotAllowedError) as error:
                raise RefusedError(Reason("answered", {"text": f"service {uri[:60]}: {error}"[:190]})) from error

    async def _add(self, uri: str) -> None:
        service: _Service | None = None

        def event(name: str, payload: Mapping[str, Any]) -> None:
            if service is not None:
                self._heard(service, name, payload)

        service = _Service(uri, await self._open(uri, event))
        self._services.append(service)

    async def _open(self, uri: str, event: Callable[[str, Mapping[str, Any]], None]) -> Talk:
        said = self._settings
        return await Talk.open(uri, self._around, event, trust=said.trust, ca_file=said.ca_file)

    async def _refresh(self, service: _Service, timeout_s: float) -> None:
        service.status = await service.talk.command("Common.Status", timeout_s)
        if not service.has_storage or not ("cashManagement" in service.status or "cashDispenser" in service.status):
            return
        try:
            told = await service.talk.command("Storage.GetStorage", timeout_s)
        except RefusedError as error:
            service.has_storage = False
            _log.info("no storage uri=%s reason=%r", service.uri, str(error))
            return
        found = told.get("storage")
        if isinstance(found, dict):
            self._units = dict(list(found.items())[: meaning.UNITS_MAX])

    def _heard(self, service: _Service, name: str, payload: Mapping[str, Any]) -> None:
        match name:
            case "Common.StatusChangedEvent":
                service.status = meaning.merged(service.status, payload)
            case "Storage.StorageChangedEvent" | "Storage.StorageThresholdEvent" | "Storage.CountsChangedEvent":
                inner = payload.get("storage")  # 2021; later the units stand in the payload itself
                change = inner if isinstance(inner, Mapping) else payload
                known = {name: unit for name, unit in change.items() if name in self._units}
                self._units = meaning.merged(self._units, known)
            case "Printer.PaperThresholdEvent":
                source, word = payload.get("paperSource"), payload.get("threshold")
                if isinstance(source, str) and isinstance(word, str):
                    service.status = meaning.merged(service.status, {"printer": {"paper": {source: word}}})
            case "CashManagement.SafeDoorOpenEvent" | "CashManagement.SafeDoorClosedEvent":
                door = "doorOpen" if "Open" in name else "doorClosed"
                service.status = meaning.merged(service.status, {"cashManagement": {"safeDoor": door}})
            case _:
                return
        if self.changed is not None:
            self.changed(self.fields())


class Machines:
    """All machines of an agent, by target: `Around.shared` holds it."""

    def __init__(self, around: Around) -> None:
        self._around = around
        self._known: dict[str, Machine] = {}

    def at(self, target: str, settings: Xfs4IotSettings) -> Machine:
        key = f"{target} {settings!r}"
        return self._known.setdefault(key, Machine(target, settings, self._around))

    def keep(self, wanted: set[int]) -> None:
        """Ends connections to machines that nobody asks for any more."""
        for key, machine in list(self._known.items()):
            if id(machine) not in wanted:
                machine.close()
                del self._known[key]

    def close(self) -> None:
        for machine in self._known.values():
            machine.close()
        self._known.clear()


def machines_of(around: Around) -> Machines:
    found = around.shared.get("xfs4iot")
    if found is None:
        found = around.shared["xfs4iot"] = Machines(around)
    assert isinstance(found, Machines)
    return found
