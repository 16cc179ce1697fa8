"""Frames through a real encoder and back: what a camera's low bit rate leaves of a picture, and streams to serve."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.codeccontext import VideoCodecContext
from numpy.typing import NDArray

from simulators.devices.rtp import EncodedStream

CODECS = {"h264": "libx264", "h265": "libx265"}
_QUIET = {
    "h264": ("x264-params", "threads=1:scenecut=0"),
    "h265": ("x265-params", "log-level=none:pools=none:frame-threads=1:scenecut=0"),
}
_START = b"\x00\x00\x01"


def encoder(codec: str, height: int, width: int, fps: int, *, quality: int, group: int) -> VideoCodecContext:
    """An encoder without B-frames, as cameras have: `quality` as its CRF, an intra frame each `group` frames."""
    made = av.CodecContext.create(CODECS[codec], "w")
    assert isinstance(made, VideoCodecContext)
    made.width, made.height, made.pix_fmt = width, height, "yuv420p"
    made.time_base, made.framerate = Fraction(1, fps), Fraction(fps)
    made.gop_size = group
    name, value = _QUIET[codec]
    made.options = {
        "preset": "ultrafast",
        "tune": "zerolatency",
        "crf": str(quality),
        name: f"{value}:keyint={group}:min-keyint={group}:repeat-headers=1",
    }
    made.thread_count = 1
    return made


def frame_of(grey: NDArray[np.uint8], tint: tuple[int, int] = (128, 128)) -> av.VideoFrame:
    """A grey picture (rows by columns, 0 to 255) as YUV 4:2:0, its colours all `tint`."""
    rows, columns = grey.shape
    limited = (16 + grey.astype(np.uint16) * 219 // 255).astype(np.uint8)
    planes = np.empty((rows * 3 // 2, columns), np.uint8)
    planes[:rows] = limited
    flat = planes[rows:].reshape(-1)
    flat[: flat.size // 2], flat[flat.size // 2 :] = tint
    return av.VideoFrame.from_ndarray(planes, format="yuv420p")


def through(
    frames: Iterable[NDArray[np.uint8]], codec: str, quality: int, height: int, width: int
) -> list[NDArray[np.uint8]]:
    """Encoded and decoded again, then brought to `height` by `width` as the agent does."""
    frames = list(frames)
    coder = encoder(codec, frames[0].shape[0], frames[0].shape[1], 5, quality=quality, group=50)
    decoder = av.CodecContext.create("h264" if codec == "h264" else "hevc", "r")
    assert isinstance(decoder, VideoCodecContext)
    decoder.thread_count = 1
    out: list[av.VideoFrame] = []
    for number, grey in enumerate(frames):
        frame = frame_of(grey)
        frame.pts = number
        for packet in coder.encode(frame):
            out += decoder.decode(packet)
    for packet in coder.encode(None):
        out += decoder.decode(packet)
    out += decoder.decode(None)
    return [each.reformat(width, height, format="gray").to_ndarray().astype(np.uint8, copy=False) for each in out]


def encoded_stream(
    name: str,
    frames: Iterable[NDArray[np.uint8]],
    codec: str,
    fps: int,
    cache: Path,
    *,
    quality: int = 30,
    group: int = 10,
) -> EncodedStream:
    """The frames encoded, from `cache` where they were encoded before under this `name`."""
    key = hashlib.sha256(f"{name}|{codec}|{fps}|{quality}|{group}|1".encode()).hexdigest()[:20]
    path = cache / f"{key}.json"
    if path.exists():
        kept = json.loads(path.read_text("ascii"))
        units = tuple(tuple(bytes.fromhex(nal) for nal in unit) for unit in kept)
    else:
        units = tuple(_encode(frames, codec, fps, quality, group))
        cache.mkdir(parents=True, exist_ok=True)
        new = path.with_suffix(".new")
        new.write_text(json.dumps([[nal.hex() for nal in unit] for unit in units]), "ascii")
        new.replace(path)
    parameters = tuple(nal for nal in units[0] if _is_parameter(nal, codec))
    return EncodedStream(codec, fps, units, parameters)


def _encode(
    frames: Iterable[NDArray[np.uint8]], codec: str, fps: int, quality: int, group: int
) -> Iterable[tuple[bytes, ...]]:
    coder: VideoCodecContext | None = None
    for number, grey in enumerate(frames):
        coder = coder or encoder(codec, grey.shape[0], grey.shape[1], fps, quality=quality, group=group)
        frame = frame_of(grey, (120, 134))
        frame.pts = number
        for packet in coder.encode(frame):
            yield _nals(bytes(packet))
    assert coder is not None
    for packet in coder.encode(None):
        yield _nals(bytes(packet))


def _nals(stream: bytes) -> tuple[bytes, ...]:
    """The NAL units of an access unit as the encoder gives it (Annex B)."""
    return tuple(part for part in (part.rstrip(b"\x00") for part in stream.split(_START)) if part)


def _is_parameter(nal: bytes, codec: str) -> bool:
    return nal[0] & 31 in (7, 8) if codec == "h264" else (nal[0] >> 1) & 63 in (32, 33, 34)
