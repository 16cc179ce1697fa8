"""Takes one look at a camera through PyAV: a few decoded frames, small and grey, and how the stream flows.

Runs in the child alone. Frames never leave this process.
"""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import av
import numpy as np
from av.container import InputContainer
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from edge.picture.measuring import HEIGHT, WIDTH
from edge.picture.messages import Asked
from edge.picture.relay import Relay

FRAMES = 3
"""So many are decoded, from a key frame on; the rest of the look only counts packets."""
_FLOW_S = 2.0
_STOPPED_S = 1.5
_BURST_S = 0.3  # some servers first send what they have kept: it is not counted
_BITRATE_BYTES_MAX = 64_000_000  # of one look; a stream that sends more is cut off
_OPTIONS = {"probesize": "32", "analyzeduration": "0", "max_delay": "200000", "reorder_queue_size": "64"}


class NoStreamError(Exception):
    """A stream that cannot be looked at; the message says why, without its address."""


@dataclass(slots=True)
class Look:
    """`frames` (n, 180, 320) grey, n may be 0; `chroma`: mean distance from grey; rates as they came."""

    frames: NDArray[np.uint8]
    chroma: float
    fps: float
    bitrate_kbps: float
    fps_expected: float | None
    codec: str


@dataclass(slots=True)
class _Flow:
    """Counts what comes after the first burst."""

    began_s: float | None = None
    last_s: float = 0.0
    packets: int = 0
    first_s: float = 0.0
    octets: int = 0
    decoded: list[VideoFrame] = field(default_factory=list)

    def count(self, size: int, now_s: float) -> None:
        if self.began_s is None:
            self.began_s = now_s
        self.last_s = now_s
        if now_s - self.began_s > _BURST_S:
            if not self.packets:
                self.first_s = now_s
            self.packets += 1
            self.octets += size

    def seconds(self, now_s: float) -> float:
        return 0.0 if self.began_s is None else now_s - self.began_s

    def rates(self, now_s: float) -> tuple[float, float]:
        """Frames and kilobits a second: over the time between frames, or up to now where they have stopped coming."""
        until_s = self.last_s if now_s - self.last_s < _STOPPED_S else now_s
        if self.packets < 2 or until_s <= self.first_s:
            return 0.0, 0.0
        fps = (self.packets - 1) / (until_s - self.first_s)
        return fps, fps * self.octets / self.packets * 8 / 1000


def look_at(asked: Asked, mono_s: Callable[[], float]) -> Look:
    """Looks for at most `budget_s` seconds. Raises NoStreamError."""
    until_s = mono_s() + asked.budget_s
    parts = urlsplit(asked.url)
    assert parts.hostname is not None
    tls = _tls(asked) if parts.scheme == "rtsps" else None
    relay = Relay(parts.hostname, parts.port or 554, tls, asked.server_name, min(5.0, asked.budget_s))
    try:
        with relay:
            who, at, _ = parts.netloc.rpartition("@")
            url = parts._replace(scheme="rtsp", netloc=f"{who}{at}{relay.where}").geturl()
            return _look(url, asked, until_s, mono_s)
    except NoStreamError as error:
        raise NoStreamError(relay.trouble or str(error)) from None


def _tls(asked: Asked) -> ssl.SSLContext:
    from edge.probes.tls import client_context  # few cameras want it

    try:
        return client_context(asked.ca_file, trust=asked.trust)
    except OSError as error:
        raise NoStreamError(f"ca_file {asked.ca_file}: {error.strerror}") from None


def _look(url: str, asked: Asked, until_s: float, mono_s: Callable[[], float]) -> Look:
    options = _OPTIONS | {"rtsp_transport": asked.transport}
    try:
        container = av.open(url, options=options, timeout=(min(5.0, asked.budget_s), min(3.0, asked.budget_s)))
    except (av.FFmpegError, OSError, ValueError) as error:
        raise NoStreamError(_in_words(error)) from None
    assert isinstance(container, InputContainer)
    with contextlib.closing(container):
        if not container.streams.video:
            raise NoStreamError("its stream holds no video")
        return _watch(container, until_s, mono_s)


def _watch(container: InputContainer, until_s: float, mono_s: Callable[[], float]) -> Look:
    stream = container.streams.video[0]
    stream.codec_context.thread_count = 1
    flow, seen_key, bytes_left = _Flow(), False, _BITRATE_BYTES_MAX
    try:
        for packet in container.demux(stream):
            now_s = mono_s()
            if not packet.size:
                break
            bytes_left -= packet.size
            flow.count(packet.size, now_s)
            seen_key = seen_key or packet.is_keyframe
            if seen_key and len(flow.decoded) < FRAMES:
                with contextlib.suppress(av.error.InvalidDataError):
                    flow.decoded += stream.codec_context.decode(packet)
            enough = len(flow.decoded) >= FRAMES and flow.seconds(now_s) >= _FLOW_S
            if enough or now_s >= until_s or bytes_left <= 0:
                break
    except (av.FFmpegError, OSError):
        pass  # it broke off or went silent: what came until then is told
    fps, bitrate_kbps = flow.rates(mono_s())
    rate = stream.guessed_rate or stream.average_rate
    frames = flow.decoded[:FRAMES]
    return Look(
        frames=np.stack([_grey(frame) for frame in frames]) if frames else np.empty((0, HEIGHT, WIDTH), np.uint8),
        chroma=_chroma(frames[-1]) if frames else 0.0,
        fps=fps,
        bitrate_kbps=bitrate_kbps,
        fps_expected=float(rate) if rate and 0 < rate <= 120 else None,
        codec=stream.codec_context.name,
    )


def _grey(frame: VideoFrame) -> NDArray[np.uint8]:
    return frame.reformat(WIDTH, HEIGHT, format="gray").to_ndarray().astype(np.uint8, copy=False)


def _chroma(frame: VideoFrame) -> float:
    small = frame.reformat(32, 18, format="yuv444p").to_ndarray()
    return float(np.abs(small[1:].astype(np.int16) - 128).mean())


def _in_words(error: BaseException) -> str:
    """What FFmpeg says, without the address, in which a password stands."""
    if isinstance(error, av.FFmpegError):
        return f"{error.strerror or type(error).__name__}"
    return type(error).__name__
