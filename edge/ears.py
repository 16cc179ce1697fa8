"""The listeners of an agent: begun when a device needs one, begun again when that failed, each with its devices.

What a device says goes on as a reading, and an event at once. A device that presses without end is bounded, and no
listener that fails holds up another.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from edge.hearing import Heard, Listened, Listener, load_listener
from edge.listen_file import load_listen_file
from edge.probing import Around

_log = logging.getLogger("edge.ears")

_AGAIN_FIRST_S, _AGAIN_LONGEST_S = 1.0, 60.0
_EVENTS_A_MINUTE = 60
"""Of one device. Somebody who presses more often has been heard."""


class Ears:
    """`file`: listen.toml. `hear` gets what any device says, on the loop. Raises ListenFileError."""

    def __init__(self, file: Path, around: Around, hear: Callable[[Heard], None]) -> None:
        self._options = load_listen_file(file)
        self._around, self._hear = around, hear
        self._wanted: Mapping[str, Sequence[Listened]] = {}
        self._listening: dict[str, _Ear] = {}
        self._last: dict[str, Heard] = {}
        self._events: dict[str, deque[float]] = {}
        self._too_many: set[str] = set()
        self._running = False

    async def run(self) -> None:
        """Until cancelled; then every listener has ended."""
        self._running = True
        self.watch(self._wanted)
        try:
            await asyncio.Event().wait()
        finally:
            ears, self._listening = list(self._listening.values()), {}
            await asyncio.gather(*(ear.end() for ear in ears), return_exceptions=True)

    def watch(self, devices: Mapping[str, Sequence[Listened]]) -> None:
        """From now on these, by driver, in place of those before."""
        self._wanted = devices
        names = {each.device for some in devices.values() for each in some}
        self._last = {name: heard for name, heard in self._last.items() if name in names}
        self._events = {name: times for name, times in self._events.items() if name in names}
        if not self._running:
            return
        for driver in self._listening.keys() - devices.keys():
            self._listening.pop(driver).end()
        for driver, some in devices.items():
            if driver not in self._listening:
                self._listening[driver] = _Ear(driver, self._make(driver))
            self._listening[driver].watch(some)

    def _make(self, driver: str) -> Listener:
        listener = load_listener(driver)
        assert listener is not None
        return listener(self._options.get(driver) or listener.Options(), self._around, self._said)

    def last(self, device: str) -> Heard | None:
        """What the device last said of itself."""
        return self._last.get(device)

    def _said(self, heard: Heard) -> None:
        if heard.fields:
            self._last[heard.device] = heard
        if heard.event and not self._may_tell(heard):
            if not heard.fields:
                return
            heard = Heard(heard.device, heard.at_s, heard.fields)
        self._hear(heard)

    def _may_tell(self, heard: Heard) -> bool:
        times = self._events.setdefault(heard.device, deque(maxlen=_EVENTS_A_MINUTE))
        if len(times) == _EVENTS_A_MINUTE and heard.at_s - times[0] < 60:
            if heard.device not in self._too_many:
                self._too_many.add(heard.device)
                _log.warning("device=%s tells over %d events a minute: more are left out", heard.device, len(times))
            return False
        self._too_many.discard(heard.device)
        times.append(heard.at_s)
        return True


class _Ear:
    """One listener, kept up."""

    def __init__(self, driver: str, listener: Listener) -> None:
        self._driver, self._listener = driver, listener
        self._task = asyncio.get_running_loop().create_task(self._keep_up(), name=f"listener {driver}")

    def watch(self, devices: Sequence[Listened]) -> None:
        self._listener.watch(devices)

    def end(self) -> asyncio.Task[None]:
        self._task.cancel()
        return self._task

    async def _keep_up(self) -> None:
        again_s, said = _AGAIN_FIRST_S, ""
        try:
            while True:
                try:
                    await self._listener.start()
                except OSError as error:
                    if str(error) != said:
                        said = str(error)
                        _log.error("cannot listen driver=%s reason=%r; tried again and again", self._driver, said)
                    await asyncio.sleep(again_s)
                    again_s = min(again_s * 2, _AGAIN_LONGEST_S)
                    continue
                _log.info("listening driver=%s", self._driver)
                await asyncio.Event().wait()
        finally:
            with contextlib.suppress(OSError):
                await self._listener.stop()
