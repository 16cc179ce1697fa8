"""Asks once what is in no configuration yet: the command `try`, before a device is added or changed.

What this machine allows holds for it as for any device: `make_probe` checks the driver, probes check each address.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from edge.probing import Answer, Around, NoDriverError, ProbeConfigError, make_probe
from edge.schedule import CannotAskError
from shouwang.kinds import Kind
from shouwang.messages import Command

WITHIN_S = 5.0
_GRACE_S = 1.0


async def try_once(command: Command, kinds: Mapping[str, Kind], around: Around) -> Answer:
    """What the device answers. Raises CannotAskError with what to change, NotAllowedError, or TimeoutError."""
    if command.kind not in kinds:
        raise CannotAskError(f"this agent does not know the kind {command.kind!r}; a newer one may")
    driver = command.driver or str(kinds[command.kind].driver)
    try:
        probe = make_probe(driver, command.target, command.settings, around)
        async with asyncio.timeout(WITHIN_S + _GRACE_S):
            return await probe.ask(WITHIN_S)
    except (NoDriverError, ProbeConfigError, OSError, ImportError) as error:
        raise CannotAskError(str(error)) from error
