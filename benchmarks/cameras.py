"""What twelve cameras cost an agent that looks at each once a minute: processor and memory of the agent and its child.

python -m benchmarks.cameras [SECONDS]

Cameras are simulated in a process of their own (1920×1080 at 25 frames a second, a key frame every two seconds).
"""

from __future__ import annotations

import asyncio
import multiprocessing
import multiprocessing.synchronize
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.figures import Figures, heading
from edge.allowed import Allowed, AllowedFile
from edge.probes.rtsp.picture import Pictures
from edge.probing import Around, Probe, make_probe
from shouwang.clock import mono_s
from simulators.devices.films import cache_directory
from simulators.devices.rtsp import cameras
from simulators.pictures import Camera, clip_of, encoded_stream

CAMERAS = 12
EVERY_S = 60.0
_ROWS, _COLUMNS, _FPS, _SECONDS = 1080, 1920, 25, 7
_TICKS = os.sysconf("SC_CLK_TCK")
_PORT = 18_554


def _film(seed: int) -> Iterator[NDArray[np.uint8]]:
    return Camera(clip_of(seed, "", "people", ""), _ROWS, _COLUMNS).film("", _FPS, _SECONDS)


def _serve(ready: multiprocessing.synchronize.Event) -> None:
    async def run() -> None:
        cache = cache_directory()
        films = [
            encoded_stream(f"bench|{codec}|{_ROWS}|{_SECONDS}", _film(1), codec, _FPS, cache, quality=28, group=50)
            for codec in ("h264", "h265")
        ]
        await cameras([films[number % 2] for number in range(CAMERAS)], network="127.4", port=_PORT)
        ready.set()
        await asyncio.Event().wait()

    asyncio.run(run())


def cpu_s(pid: int) -> float:
    """User and system time of a process and of its threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def memory_mib(pid: int) -> tuple[float, float]:
    """Proportional and highest resident memory."""
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    status = Path(f"/proc/{pid}/status").read_text().splitlines()
    pss = next(int(line.split()[1]) for line in rollup if line.startswith("Pss:"))
    peak = next(int(line.split()[1]) for line in status if line.startswith("VmHWM:"))
    return pss / 1024, peak / 1024


async def _watch(seconds: float, figures: Figures) -> None:
    with tempfile.TemporaryDirectory(prefix="shouwang-bench-") as folder:
        around = Around(allowed=Allowed(AllowedFile(loopback=True)), state_directory=Path(folder))
        probes = [
            make_probe("rtsp", f"rtsp://127.4.0.{number + 1}:{_PORT}/live/1", {"picture_every_s": 60.0}, around)
            for number in range(CAMERAS)
        ]
        pictures = Pictures.of(around)
        began_s = mono_s()
        words: list[str] = []

        async def each(probe: Probe, number: int) -> None:
            await asyncio.sleep(EVERY_S * number / CAMERAS)
            while mono_s() - began_s < seconds:
                due_s = mono_s() + EVERY_S
                answer = await probe.ask(15.0)
                words.append(str(answer.fields.get("picture", answer.reason)))
                await asyncio.sleep(max(0.0, due_s - mono_s()))

        asked = [asyncio.create_task(each(probe, number)) for number, probe in enumerate(probes)]
        await asyncio.sleep(EVERY_S / CAMERAS)  # the child has started
        child = pictures.asker.pid
        assert child is not None
        before = cpu_s(os.getpid()), cpu_s(child)
        since_s = mono_s()
        await asyncio.sleep(seconds)
        lasted_s = mono_s() - since_s
        spent = [cpu_s(pid) - was for pid, was in zip((os.getpid(), child), before, strict=True)]
        note = f"{len(words)} looks, {words.count('ok')} ok, 1920×1080 at 25/s, H.264 and H.265"
        figures.add("12 cameras each minute: agent and child", 100 * sum(spent) / lasted_s, "% of a core", note)
        figures.add("of it the child", 100 * spent[1] / lasted_s, "% of a core", "limit of both 10")
        own, peak = memory_mib(os.getpid()), memory_mib(child)
        figures.add("memory of both, now", own[0] + peak[0], "MiB", "proportional; limit 150")
        figures.add("highest memory of the child", peak[1], "MiB", "resident")
        for task in asked:
            task.cancel()
        await asyncio.gather(*asked, return_exceptions=True)
        around.close()


def measure(figures: Figures, seconds: float = 180.0) -> None:
    """Measures for so long; three rounds of looks in three minutes."""
    heading(f"{CAMERAS} cameras looked at each minute, for {seconds:g} s")
    ready = multiprocessing.get_context("spawn").Event()
    server = multiprocessing.get_context("spawn").Process(target=_serve, args=(ready,), daemon=True)
    server.start()
    try:
        if not ready.wait(300):
            raise TimeoutError("the simulated cameras did not start within 300 s")
        asyncio.run(_watch(seconds, figures))
    finally:
        server.kill()


if __name__ == "__main__":
    measure(Figures(), float(sys.argv[1]) if len(sys.argv) > 1 else 180.0)
