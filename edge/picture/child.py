"""The process that decodes and judges pictures, for all cameras of an agent: asked by lines of JSON, answering so.

python -m edge.picture.child DIRECTORY

It may die at any time: what it must remember (references) lies in DIRECTORY, a file a camera. It ends with its input.
"""

from __future__ import annotations

import os
import resource
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import av
import msgspec

from edge.picture.looking import Look, NoStreamError, look_at
from edge.picture.measuring import measure
from edge.picture.messages import Asked, Told
from edge.picture.watching import Watched
from shouwang import kinds
from shouwang.clock import mono_s

_AT_ONCE = 3
_MEMORY_BYTES = 1_500_000_000  # of address space; a mangled stream cannot take the machine's
_CAMERAS_MAX = 64
_REFERENCE_BYTES_MAX = 65_536


class Child:
    """Answers what is asked; one look at a time for each camera, three at once in all."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        limits = kinds.load()["camera"].picture
        assert limits is not None, "camera.toml says nothing of pictures"
        self._limits = limits
        self._watched: dict[str, Watched] = {}
        self._lock = threading.Lock()

    def answer(self, asked: Asked) -> Told:
        """One look, and what it says."""
        try:
            look = look_at(asked, mono_s)
        except NoStreamError as error:
            return Told(asked.id, reason=str(error))
        told = Told(
            asked.id,
            fps=round(look.fps, 1),
            bitrate_kbps=round(look.bitrate_kbps, 1),
            fps_expected=look.fps_expected and round(look.fps_expected, 2),
            codec=look.codec,
        )
        if len(look.frames):
            with self._lock:
                self._judge(asked, look, told)
        return told

    def _judge(self, asked: Asked, look: Look, told: Told) -> None:
        watched = self._watched_of(asked)
        before = dict(watched.references)
        said = watched.see(measure(look.frames, look.chroma), mono_s(), self._limits)
        told.picture = said.picture.value
        told.figures = {name: round(value, 3) for name, value in said.figures.items()}
        told.references = sorted(watched.references)
        if watched.references != before:
            self._keep(asked.camera, watched)

    def _watched_of(self, asked: Asked) -> Watched:
        watched = self._watched.get(asked.camera)
        if watched is None:
            while len(self._watched) >= _CAMERAS_MAX:
                self._watched.pop(next(iter(self._watched)))
            watched = self._watched[asked.camera] = self._load(asked.camera, asked.revision)
        if watched.revision != asked.revision:
            watched.forget_references(asked.revision)
        return watched

    def _load(self, camera: str, revision: str) -> Watched:
        try:
            with self._path(camera).open("rb") as file:
                return Watched.from_json(msgspec.json.decode(file.read(_REFERENCE_BYTES_MAX), type=dict[str, Any]))
        except (OSError, ValueError, msgspec.MsgspecError):
            return Watched(revision)

    def _keep(self, camera: str, watched: Watched) -> None:
        new = self._path(camera).with_suffix(".new")
        try:
            self._directory.mkdir(parents=True, exist_ok=True)
            new.write_bytes(msgspec.json.encode(watched.as_json()))
            new.replace(self._path(camera))
        except OSError as error:  # a full or read-only disk: the reference holds until this process ends
            print(f"reference of a camera not kept: {error.strerror}", file=sys.stderr)  # noqa: T201

    def _path(self, camera: str) -> Path:
        return self._directory / f"{camera}.json"


def serve(directory: Path) -> None:
    """Until the input ends."""
    av.logging.set_level(None)
    child, out, decoder = Child(directory), threading.Lock(), msgspec.json.Decoder(Asked)

    def work(asked: Asked) -> None:
        try:
            told = child.answer(asked)
        except Exception as error:  # whatever a stream does, the others are looked at
            told = Told(asked.id, reason=f"it could not be judged: {type(error).__name__}")
        line = msgspec.json.encode(told) + b"\n"
        with out:
            sys.stdout.buffer.write(line)
            sys.stdout.buffer.flush()

    with ThreadPoolExecutor(_AT_ONCE, "look") as pool:
        for line in sys.stdin.buffer:
            pool.submit(work, decoder.decode(line))
        os._exit(0)  # the agent is gone: what is under way interests nobody


if __name__ == "__main__":
    os.nice(10)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
    serve(Path(sys.argv[1]))
