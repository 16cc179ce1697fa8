"""A site that is several devices: UPS, router, meter, clock, each asked by its own driver, told in one reading."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import msgspec

from edge.allowed import NotAllowedError
from edge.probing import Answer, Around, NoDriverError, Probe, ProbeConfigError, make_probe
from edge.steps import step
from shouwang.vocabulary import Driver

PARTS_MAX = 8


class Part(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """One of them, as a device of its own would be configured. `only`: the fields that are taken from it; left out,
    all."""

    driver: str
    target: str
    settings: dict[str, Any] = {}
    only: list[str] = []

    @property
    def name(self) -> str:
        return f"{self.driver} {self.target}"


class Parts:
    """All parts of one site. What one of them says wrongly or not at all costs the others nothing."""

    def __init__(self, parts: Sequence[Part], around: Around) -> None:
        """Raises ProbeConfigError, naming the part; a network that is not allowed is found out when it is asked."""
        if len(parts) > PARTS_MAX:
            raise ProbeConfigError(f"also: {len(parts)} parts, at most {PARTS_MAX}")
        self._parts: list[tuple[Part, Probe]] = []
        for part in parts:
            if part.driver == Driver.HOST:
                raise ProbeConfigError("also: a part cannot be another host")
            try:
                self._parts.append((part, make_probe(part.driver, part.target, part.settings, around)))
            except (ProbeConfigError, NoDriverError, NotAllowedError, OSError, ImportError) as error:
                raise ProbeConfigError(f"also: {part.name}: {error}") from error

    async def ask(self, timeout_s: float) -> tuple[dict[str, Any], str]:
        """Fields of all that answered (of one told by two, the later part's), and in words who did not and why."""
        if not self._parts:
            return {}, ""
        answers = await asyncio.gather(*(_ask(part.name, probe, timeout_s) for part, probe in self._parts))
        fields: dict[str, Any] = {}
        out: list[str] = []
        said: list[str] = []
        for (part, _), answer in zip(self._parts, answers, strict=True):
            if answer.reachable:
                taken = answer.fields
                fields |= {name: taken[name] for name in part.only if name in taken} if part.only else taken
            else:
                out.append(part.name)
            if answer.reason:
                said.append(f"{part.name}: {answer.reason}")
        fields["parts_out"] = len(out)
        if out:
            fields["parts_out_names"] = ", ".join(out)[:256]
        return fields, "; ".join(said)


async def _ask(name: str, probe: Probe, timeout_s: float) -> Answer:
    try:
        async with asyncio.timeout(timeout_s + 0.2):
            with step(name):
                return await probe.ask(timeout_s)
    except TimeoutError:
        return Answer(False, reason=f"no answer within {timeout_s:g} s")
    except (NotAllowedError, OSError) as error:
        return Answer(False, reason=str(error))
