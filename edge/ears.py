"""The listeners of an agent: begun when a device needs one, begun again when that failed, each with its devices.

What a device says goes on as a reading, and an event at once. A device that talks or presses without end is bounded,
and no listener that fails holds up another.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from edge.hearing import Heard, Listened, Listener, Say, load_listener
from edge.listen_file import load_listen_file
from edge.probing import Around
from shouwang.reasons import reason_of

_log = logging.getLogger("edge.ears")

_AGAIN_FIRST_S, _AGAIN_LONGEST_S = 1.0, 60.0
_EVENTS_AT_ONCE = 60.0
_EVENT_EACH_S = 1.0
"""Of one device: of calls for help so many, and of all else: a lid that rattles hides no call. Somebody who presses
more often has been heard."""
_HELP_CALL = "help_call"
_COMPLAIN_EACH_S = 60.0
_READINGS_AT_ONCE = 20.0
_READING_EACH_S = 2.0
"""Of one device. What it says between is told by its newest, when its turn comes."""
_LOOK_S = 15.0


class Ears:
    """`file`: listen.toml. `hear` gets what any device says, on the loop. Raises ListenFileError."""

    def __init__(self, file: Path, around: Around, hear: Say) -> None:
        self._options = load_listen_file(file)
        self._around, self._hear = around, hear
        self._wanted: Mapping[str, Sequence[Listened]] = {}
        self._names: frozenset[str] = frozenset()
        self._listening: dict[str, _Ear] = {}
        self._speakers: dict[str, _Speaker] = {}
        self._running = False

    async def run(self) -> None:
        """Until cancelled; then every listener has ended."""
        self._running = True
        self.watch(self._wanted)
        try:
            await asyncio.Event().wait()
        finally:
            self._running = False
            for speaker in self._speakers.values():
                speaker.forget()
            ears, self._listening = list(self._listening.values()), {}
            await asyncio.gather(*(ear.end() for ear in ears), return_exceptions=True)

    def watch(self, devices: Mapping[str, Sequence[Listened]]) -> None:
        """From now on these, by driver, in place of those before."""
        self._wanted = devices
        self._names = frozenset(each.device for some in devices.values() for each in some)
        for name in self._speakers.keys() - self._names:
            self._speakers.pop(name).forget()
        if not self._running:
            return
        for driver in self._listening.keys() - devices.keys():
            self._listening.pop(driver).end()
        for driver, some in devices.items():
            try:
                if driver not in self._listening:
                    self._listening[driver] = _Ear(driver, self._make(driver))
            except Exception:
                _log.exception("a listener could not be made driver=%s; others go on", driver)
                continue
            self._listening[driver].watch(some)

    def _make(self, driver: str) -> Listener:
        listener = load_listener(driver)
        assert listener is not None
        return listener(self._options.get(driver) or listener.Options(), self._around, self._said)

    def out(self) -> dict[str, str]:
        """By driver, why nobody is heard: its port is taken, or the broker is gone."""
        troubles = {driver: ear.trouble for driver, ear in self._listening.items()}
        return {driver: trouble for driver, trouble in sorted(troubles.items()) if trouble}

    def facts(self) -> dict[str, Any]:
        """Of a `site` reading; nothing where nobody is listened for."""
        if not self._listening:
            return {}
        out = self.out()
        facts: dict[str, Any] = {"listeners_out": len(out)}
        if out:
            facts["listeners_out_names"] = "; ".join(f"{driver}: {why}" for driver, why in out.items())[:256]
        return facts

    def last(self, device: str) -> Heard | None:
        """What the device last said of itself."""
        speaker = self._speakers.get(device)
        return None if speaker is None else speaker.last

    def _said(self, heard: Heard) -> Awaitable[bool] | None:
        if heard.device not in self._names:
            return None  # taken off the list meanwhile
        speaker = self._speakers.get(heard.device)
        if speaker is None:
            speaker = self._speakers[heard.device] = _Speaker(heard.device, self._hear)
        return speaker.said(heard)


@dataclass(slots=True)
class _Allowance:
    """So much at once, and one more each so many seconds."""

    most: float
    each_s: float
    left: float
    at_s: float

    def take(self, now_s: float) -> float:
        """0 where one may pass; else for how many seconds none may."""
        self.left = min(self.most, self.left + max(0.0, now_s - self.at_s) / self.each_s)
        self.at_s = now_s
        if self.left < 1:
            return (1 - self.left) * self.each_s
        self.left -= 1
        return 0.0


class _Speaker:
    """What one device says, bounded: its newest reading always comes through, if late; its first events do."""

    def __init__(self, device: str, hear: Say) -> None:
        self._device, self._hear = device, hear
        self.last: Heard | None = None
        self._calls = _Allowance(_EVENTS_AT_ONCE, _EVENT_EACH_S, _EVENTS_AT_ONCE, 0.0)
        self._others = _Allowance(_EVENTS_AT_ONCE, _EVENT_EACH_S, _EVENTS_AT_ONCE, 0.0)
        self._readings = _Allowance(_READINGS_AT_ONCE, _READING_EACH_S, _READINGS_AT_ONCE, 0.0)
        self._later: asyncio.TimerHandle | None = None
        self._complained_s = float("-inf")

    def said(self, heard: Heard) -> Awaitable[bool] | None:
        if heard.fields:
            self.last = heard
        event = heard.event if heard.event and self._may_tell(heard) else ""
        fields = heard.fields if heard.fields and self._may_read(heard.at_s) else {}
        if not event and not fields:
            return None
        return self._hear(replace(heard, fields=fields, event=event, detail=heard.detail if event else {}))

    def forget(self) -> None:
        if self._later is not None:
            self._later.cancel()
            self._later = None

    def _may_tell(self, heard: Heard) -> bool:
        allowance = self._calls if heard.event == _HELP_CALL else self._others
        refused = allowance.take(heard.at_s) > 0
        if refused and heard.at_s - self._complained_s >= _COMPLAIN_EACH_S:
            self._complained_s = heard.at_s
            _log.warning(
                "device=%s event=%s without end: more than one a second is left out", self._device, heard.event
            )
        return not refused

    def _may_read(self, at_s: float) -> bool:
        if self._later is not None:
            return False
        wait_s = self._readings.take(at_s)
        if wait_s > 0:
            self._later = asyncio.get_running_loop().call_later(wait_s, self._newest)
        return wait_s == 0

    def _newest(self) -> None:
        self._later = None
        if self.last is not None:
            self._hear(Heard(self._device, self.last.at_s, self.last.fields))


class _Ear:
    """One listener, kept up."""

    def __init__(self, driver: str, listener: Listener) -> None:
        self._driver, self._listener = driver, listener
        self._trouble = ""
        self._task = asyncio.get_running_loop().create_task(self._keep_up(), name=f"listener {driver}")

    def watch(self, devices: Sequence[Listened]) -> None:
        try:
            self._listener.watch(devices)
        except Exception:
            _log.exception("a listener failed driver=%s; others go on", self._driver)

    def end(self) -> asyncio.Task[None]:
        self._task.cancel()
        return self._task

    @property
    def trouble(self) -> str:
        """Why nobody is heard; empty when all is well, or nothing is known yet."""
        return self._trouble or self._listener.trouble()

    async def _keep_up(self) -> None:
        try:
            while True:
                await self._begin()
                _log.info("listening driver=%s", self._driver)
                await self._moved()
                _log.info("this machine has other addresses by now: it listens anew driver=%s", self._driver)
                await self._stop()
        finally:
            await self._stop()

    async def _moved(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_S)
            if self._listener.places.moved():
                return

    async def _begin(self) -> None:
        again_s = _AGAIN_FIRST_S
        while (trouble := await self._try()) is not None:
            if trouble != self._trouble:
                _log.error("cannot listen driver=%s reason=%r; tried again and again", self._driver, trouble)
            self._trouble = trouble
            await asyncio.sleep(again_s)
            again_s = min(again_s * 2, _AGAIN_LONGEST_S)
        self._trouble = ""

    async def _try(self) -> str | None:
        """None when it listens; else why not."""
        try:
            await self._listener.start()
        except Exception as error:
            if not isinstance(error, OSError):
                _log.exception("a listener failed driver=%s", self._driver)
            await self._stop()  # what it had opened until then
            return _in_words(error, self._listener.options)
        return None

    async def _stop(self) -> None:
        try:
            await self._listener.stop()
        except Exception:
            _log.exception("a listener could not be ended driver=%s", self._driver)


def _in_words(error: Exception, options: Any) -> str:
    if isinstance(error, OSError) and error.errno is not None and hasattr(options, "port"):
        return f"port {options.port}: {reason_of(OSError(error.errno, os.strerror(error.errno)))}"
    return str(error) or type(error).__name__
