"""Pictures as cameras at a village centre give them, generated: scenes, light, weather, life, faults, compression.

They are drawn, not filmed: what is judged on them is judged on drawings (docs/picture-health.md says so).
"""

from simulators.pictures.clip import EARLIER, FAULTS, GOOD, Camera, Clip, Look, clip_of, looks
from simulators.pictures.stream import CODECS, encoded_stream

__all__ = [
    "CODECS",
    "EARLIER",
    "FAULTS",
    "GOOD",
    "Camera",
    "Clip",
    "Look",
    "clip_of",
    "encoded_stream",
    "looks",
]
