"""What simulated cameras show: films drawn once, encoded and kept, for each place, fault and codec."""

from __future__ import annotations

import os
from pathlib import Path

from simulators.devices.rtp import EncodedStream
from simulators.pictures import Camera, clip_of, encoded_stream

FPS = 5
SECONDS = 137
"""A film begins anew after so long. Cameras are looked at each minute: the same picture comes back after hours only, or
an honest camera would seem frozen."""
_HEIGHT, _WIDTH = 180, 320


def cache_directory() -> Path:
    """Where films are kept: outside of the clone."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "shouwang" / "films"


def film(
    seed: int,
    fault: str = "",
    codec: str = "h264",
    *,
    seconds: int = SECONDS,
    fps: int = FPS,
    cache: Path | None = None,
) -> EncodedStream:
    """The stream of a camera in the street or square of `seed`, with a fault of `simulators.pictures.FAULTS`. Takes
    seconds when it is drawn for the first time."""
    camera = Camera(clip_of(seed, fault, "people", ""), _HEIGHT, _WIDTH)
    name = f"{seed}|{fault}|{seconds}|{_HEIGHT}"
    return encoded_stream(name, camera.film(fault, fps, seconds), codec, fps, cache or cache_directory())
