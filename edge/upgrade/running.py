"""An installed agent's care for its own version: confirms a trial, asks for upgrades, and steps aside for one."""

from __future__ import annotations

import asyncio
import logging
import os
import random
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec

from edge.options import AgentOptions, Upgrading
from edge.upgrade import record, store
from edge.upgrade.order import Found, Order
from edge.uplink import Uplink
from shouwang import __version__
from shouwang.clock import Clock

_log = logging.getLogger("edge.upgrade")

FIRST_AFTER_S = 60.0
ASK_AGAIN_S = 600.0
LOOK_EVERY_S = 0.5
FETCH_WITHIN_S = 3600.0
START_WITHIN_S = 180.0
QUIET_S = 30.0
"""An agent that has nothing to watch reports nothing: connected for so long, it is as well as can be seen."""


class Upgrades:
    """Runs beside the agent's other parts. `stop` ends the agent, so that its service begins what is to be tried;
    `watches` tells whether there is anything to report."""

    def __init__(
        self,
        options: AgentOptions,
        upgrading: Upgrading,
        uplink: Uplink,
        clock: Clock,
        *,
        watches: Callable[[], bool],
        stop: Callable[[], None],
    ) -> None:
        self._folder = Path(upgrading.folder)
        self._speed, self._ask_every_s = options.speed, upgrading.ask_every_s
        self._uplink, self._clock = uplink, clock
        self._watches, self._stop = watches, stop
        self._trouble = ""
        self._order = Order(
            server=upgrading.server,
            folder=upgrading.folder,
            public_key=upgrading.public_key,
            username=options.username or options.centre,
            version=__version__,
            architecture=architecture(),
            password_file=options.password_file,
            ca_file=options.ca_file,
        )

    async def run(self) -> None:
        """Until cancelled."""
        if (await asyncio.to_thread(record.load, self._folder)).trial is not None:
            await self._confirm()
        pause_s = self._ask_every_s or FIRST_AFTER_S
        while True:
            await asyncio.sleep(pause_s * random.uniform(0.9, 1.1))  # noqa: S311 - not all at once
            found = await self._fetch()
            pause_s = self._ask_every_s or found.ask_again_s
            if found.trouble != self._trouble:
                self._trouble = found.trouble
                if found.trouble:
                    _log.warning("cannot ask for upgrades reason=%r", found.trouble)
            if found.sha256 and await self._starts(found):
                await self._step_aside(found)

    async def _confirm(self) -> None:
        """Waits until the collector has acknowledged something of this process. The guardian ends us if it does not."""
        await self._heard()
        known = await asyncio.to_thread(
            record.change, self._folder, lambda r: record.confirmed(r, self._clock.now().wall_ms)
        )
        await asyncio.to_thread(store.forget_others, self._folder, {known.chosen})
        _log.info("this version stays version=%s", __version__)

    async def _step_aside(self, found: Found) -> None:
        """Ends this process for what was fetched, at a moment when the collector hears us: else it could not be
        confirmed, whatever it is."""
        await self._heard()
        while self._uplink.unheard or not self._uplink.connected:  # noqa: ASYNC110 - nobody tells when it is well again
            await asyncio.sleep(LOOK_EVERY_S)
        await asyncio.to_thread(record.change, self._folder, lambda r: record.begin(r, found.sha256, found.version))
        _log.info("upgrading from=%s to=%s", __version__, found.version)
        self._stop()
        await asyncio.Event().wait()

    async def _starts(self, found: Found) -> bool:
        """Whether it starts at all on this box and is what it says, before anything is stopped for it; that unpacks it,
        too. Where it does not, the record says why."""
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        child = await asyncio.create_subprocess_exec(
            *(sys.executable, str(store.bundle(self._folder, found.sha256)), "version", "--json"),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=environment,
        )
        try:
            async with asyncio.timeout(START_WITHIN_S):
                out, said = await child.communicate()
        except TimeoutError:
            why = f"does not start here within {START_WITHIN_S:.0f} s"
        else:
            await asyncio.to_thread(os.sync)  # a power cut must not leave half of what it unpacked
            if child.returncode == 0 and out.startswith(msgspec.json.encode({"version": found.version})[:-1]):
                return True
            lines = said.decode("utf-8", "replace").strip().splitlines() or [out.decode("utf-8", "replace")[:100]]
            why = f"does not start here: {lines[-1]}"
        finally:
            await _end(child)
        wall_ms = self._clock.now().wall_ms
        _log.warning("a bundle is refused version=%s: it %s", found.version, why)
        await asyncio.to_thread(
            record.change, self._folder, lambda r: record.refused(r, found.sha256, found.version, why, wall_ms)
        )
        return False

    async def _heard(self) -> None:
        quiet_since_s: float | None = None
        while not self._uplink.dispatch.stored_of_this_boot:
            now_s = self._clock.now().mono_s
            if not self._uplink.connected or self._watches():
                quiet_since_s = None
            elif quiet_since_s is None:
                quiet_since_s = now_s
            elif now_s - quiet_since_s >= QUIET_S / self._speed:
                return
            await asyncio.sleep(LOOK_EVERY_S)

    async def _fetch(self) -> Found:
        """In a process of its own. What is wrong with it is said in what comes back, never raised."""
        child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "edge.upgrade.fetch"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        try:
            async with asyncio.timeout(FETCH_WITHIN_S):
                out, _ = await child.communicate(msgspec.json.encode(self._order))
            return msgspec.json.decode(out, type=Found)
        except (TimeoutError, msgspec.MsgspecError) as error:
            return Found(ASK_AGAIN_S, trouble=f"fetching ended with code {child.returncode}: {error}"[:500])
        finally:
            await _end(child)


async def _end(child: asyncio.subprocess.Process) -> None:
    if child.returncode is None:
        child.kill()
        await child.wait()


def architecture() -> str:
    """What this bundle was made for; empty in a checkout, which takes no bundle."""
    try:
        return (Path(__file__).parent.parent / "bundle" / "architecture").read_text("ascii").strip()
    except OSError:
        return ""
