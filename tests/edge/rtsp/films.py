"""Short films for the tests, drawn once a run and kept beside the system's temporary files of the run."""

from pathlib import Path

from simulators.devices.films import film
from simulators.devices.rtp import EncodedStream


def short_film(cache: Path, seed: int = 1, fault: str = "", codec: str = "h264") -> EncodedStream:
    """Eight seconds at 5 frames a second, a key frame every other second."""
    return film(seed, fault, codec, seconds=8, cache=cache)
