"""The process of an installed centre's devices: they stand until it is ended, and a short play can be asked for."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from shouwang.clock import mono_s
from shouwang.sd_notify import notify
from simulators.centre.plan import standing
from simulators.centre.running import SimulatedCentre
from simulators.control import ControlServer, Happened
from simulators.demo.tour import INSTALLED_CENTRE, INSTALLED_LASTS_S
from simulators.fleet import SimCentre
from simulators.scenario import Words


@dataclass(frozen=True, slots=True)
class Act:
    """What happens at a moment of the play, in seconds of simulated time."""

    at_s: float
    words: Words
    do: Callable[[SimulatedCentre], object]
    began: bool = True


def acts() -> list[Act]:
    """A button, a plug, a camera, the mains; and all is well again."""
    return [
        Act(0, Words("call-02 按下呼救按钮（GB/T 28181）", "call-02: its button is pressed (GB/T 28181)"),
            lambda centre: centre.call_for_help("call-02")),
        Act(10, Words("call-03 被拔掉", "call-03 is unplugged"), lambda centre: _later(centre.unplug("call-03"))),
        Act(20, Words("cam-02 重置每个连接", "cam-02 resets every connection"),
            lambda centre: centre.trouble("cam-02", "reset")),
        Act(30, Words("录像机一个通道离线", "a channel of the recorder is off"),
            lambda centre: centre.trouble("nvr", "channel")),
        Act(60, Words("市电中断：UPS、电表和终端报告", "the mains go: UPS, meter and terminals say so"),
            lambda centre: centre.mains(False)),
        Act(180, Words("市电恢复", "the mains are back"), lambda centre: centre.mains(True), began=False),
        Act(INSTALLED_LASTS_S, Words("设备全部恢复", "every device is well again"), _mend, began=False),
    ]  # fmt: skip


async def run(centre: SimCentre, network: str, control: Path | None, *, speed: float, seed: int) -> None:
    """Until SIGTERM or SIGINT. Raises OSError where a port is taken."""
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ended.set)
    async with SimulatedCentre(standing(centre, network), speed=speed, seed=seed) as devices:
        play = _Play(devices, speed)
        server = None if control is None else ControlServer(control, play.begin, lambda _: "there is one play alone")
        if server is not None:
            play.tell = server.tell
            await server.start()
        notify("READY=1")
        await ended.wait()
        play.end()
        if server is not None:
            await server.close()


class _Play:
    """One at a time."""

    def __init__(self, devices: SimulatedCentre, speed: float) -> None:
        self._devices, self._speed = devices, speed
        self._began_s = mono_s()
        self._task: asyncio.Task[None] | None = None
        self.tell: Callable[[Happened], None] = lambda happened: None

    def begin(self, name: str) -> str:
        """Why it cannot be played, or an empty text."""
        if name != INSTALLED_CENTRE:
            return f"{name!r} is not played here; {INSTALLED_CENTRE} is"
        if self._task is not None and not self._task.done():
            return "it is being played already"
        self._task = asyncio.get_running_loop().create_task(self._run(acts()))
        return ""

    def end(self) -> None:
        if self._task is not None:
            self._task.cancel()

    async def _run(self, wanted: Sequence[Act]) -> None:
        passed_s = 0.0
        for act in wanted:
            await asyncio.sleep((act.at_s - passed_s) / self._speed)
            passed_s = act.at_s
            done = act.do(self._devices)
            if isinstance(done, asyncio.Task):
                await done
            at_s = (mono_s() - self._began_s) * self._speed
            self.tell(Happened(at_s, INSTALLED_CENTRE, act.began, act.words.zh, act.words.en))


def _later(work: object) -> asyncio.Task[None]:
    return asyncio.get_running_loop().create_task(work)  # type: ignore[arg-type]


def _mend(centre: SimulatedCentre) -> asyncio.Task[None]:
    centre.trouble("cam-02", "")
    centre.trouble("nvr", "")
    return _later(centre.plug("call-03"))
