"""A clip: what a camera shows an hour before and in three looks a minute apart, good or with a fault, by its seed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from simulators.pictures.optics import Rain, Snow, cover, defocused, glare, spray
from simulators.pictures.scene import MARGIN, PLACES, Field, draw
from simulators.pictures.stream import through
from simulators.pictures.writing import clock_text, write

GOOD = ("day", "dusk", "infra_red", "rain", "snow", "headlights", "still", "people")
FAULTS = {
    "black": "black",
    "covered": "occluded",
    "sprayed": "occluded",
    "defocused": "blurred",
    "turned": "turned",
    "frozen": "frozen",  # all of it, the clock too
    "frozen_under_clock": "frozen",  # the clock goes on
    "stalled": "stalled",
}
"""Each fault, and the verdict that is true of it."""

HEIGHT, WIDTH = 180, 320
Passing: TypeAlias = tuple[float, float, float, float, float, float]
"""Who passes: down, across (0 to 1), height, grey, speed (views a second), slimness."""
Lamp: TypeAlias = tuple[float, float, float, float]
"""Down, across (0 to 1), size, strength."""
EARLIER = 3
_LOOKS = 3
_LOOK_EVERY_S = 60.0
_PASSAGE_S = 12
_WITHIN_S = (0.0, 0.04, 0.08)  # an intra frame and those after it, as the agent decodes them
_ENCODED_SHARE = 0.35
_FINER_ENCODED = 1.5


@dataclass(frozen=True, slots=True)
class Clip:
    """What a clip shows. `fault` is empty for a good one; `codec` is empty where it passes no encoder."""

    seed: int
    situation: str
    place: str
    fault: str
    codec: str
    quality: int

    @property
    def truth(self) -> str:
        """`ok`, a value of the field `picture`, or `stalled`."""
        return FAULTS[self.fault] if self.fault else "ok"


@dataclass(frozen=True, slots=True)
class Look:
    """What one look at the camera gave: frames (n, 180, 320) grey 0 to 255, their mean distance from grey, and when."""

    frames: NDArray[np.uint8]
    chroma: float
    at_s: float


def clip_of(seed: int, fault: str = "", situation: str = "", codec: str | None = None) -> Clip:
    """The clip of a seed: everything but what is given is drawn from it."""
    rng = np.random.default_rng([seed, 1])
    chosen = situation or str(rng.choice(GOOD))
    places = ("street", "square") if chosen in ("rain", "snow", "headlights") else PLACES
    encoded = rng.random() < _ENCODED_SHARE
    drawn = str(rng.choice(("h264", "h264", "h265"))) if encoded else ""
    if drawn == "h265" and fault == "frozen_under_clock":
        drawn = "h264"  # x265 decides every block anew after a changed clock; the benchmark asks for it on its own
    place, quality = str(rng.choice(places)), int(rng.integers(28, 39))
    return Clip(seed, chosen, place, fault, drawn if codec is None else codec, quality)


def looks(clip: Clip) -> list[Look]:
    """`EARLIER` looks at an earlier hour, when all was well, then those a minute apart, the fault in each of them."""
    finer = _FINER_ENCODED if clip.codec else 1.0
    camera = Camera(clip, int(HEIGHT * finer), int(WIDTH * finer))
    then_s = camera.began_s - 3600.0 * camera.rng.uniform(0.5, 6)
    earlier = [camera.look(then_s + _LOOK_EVERY_S * turn, faulty=False) for turn in range(EARLIER)]
    return [*earlier, *(camera.look(camera.began_s + _LOOK_EVERY_S * turn, faulty=True) for turn in range(_LOOKS))]


class Camera:
    """Everything that a clip's seed decides, and the frames that follow from it."""

    def __init__(self, clip: Clip, rows: int, columns: int) -> None:
        self.clip, self.rows, self.columns = clip, rows, columns
        self.rng = rng = np.random.default_rng([clip.seed, 2])
        self.began_s = float(rng.integers(0, 86_000))
        self._scene = draw(clip.place, rng, rows, columns)
        self._infra_red = clip.situation == "infra_red" or (
            clip.situation in ("headlights", "still") and rng.random() < 0.5
        )
        self._dim = clip.situation == "dusk" or (clip.situation == "headlights" and not self._infra_red)
        self.chroma = float(rng.uniform(0, 0.6)) if self._infra_red else float(rng.uniform(4, 16))
        self._noise = self._noise_of(rng)
        self._bank = rng.standard_normal((rows + 37, columns + 41)).astype(np.float32)
        self._wobble = 1.0 if clip.place != "room" and clip.situation != "still" and rng.random() < 0.3 else 0.0
        self._named, self._clocked = rng.random() < 0.8, rng.random() < 0.95
        self._clock_top, self._clock_left = rng.random() < 0.7, rng.random() < 0.5
        self._weather = self._weather_of(rng)
        self._frozen: NDArray[np.uint8] | None = None
        self._cover = (cover if clip.fault == "covered" else spray)(rng, rows, columns)
        self._radius = rng.uniform(3.5, 9.0) * rows / HEIGHT
        self._turned_scene = self._turn(rng)
        self._hours: dict[bool, tuple[float, tuple[float, float] | None]] = {}
        self._still_level = float(rng.uniform(0.5, 1))
        self._reach = (rng.uniform(0.5, 1.4), rng.uniform(0.05, 0.3), rng.uniform(0.3, 0.8))
        self._black = (float(rng.uniform(0, 14)), float(rng.uniform(0, 2.5)))

    def _noise_of(self, rng: np.random.Generator) -> float:
        if self.clip.situation == "still":
            return float(rng.uniform(0.5, 2.5))
        return float(rng.uniform(2, 7) if self._infra_red or self._dim else rng.uniform(0.7, 3))

    def _weather_of(self, rng: np.random.Generator) -> Callable[[Field], Field]:
        strength = float(rng.uniform(0.2, 1.0))
        if self.clip.situation == "rain":
            return Rain(rng, strength).on
        if self.clip.situation == "snow":
            return Snow(rng, strength).on
        return lambda field: field

    def _turn(self, rng: np.random.Generator) -> Field:
        """The same surroundings, seen after the camera was knocked or turned: shifted, most often tilted too."""
        rows, columns = self.rows, self.columns
        angle = np.deg2rad(rng.uniform(-25, 25)) if rng.random() < 0.6 else 0.0
        across = rng.choice((-1, 1)) * rng.uniform(0.15, 0.3) * columns
        down = rng.uniform(-0.25, 0.25) * rows
        y, x = np.mgrid[-rows / 2 : rows / 2, -columns / 2 : columns / 2].astype(np.float32)
        at_y = np.sin(angle) * x + np.cos(angle) * y + down + self._scene.shape[0] / 2
        at_x = np.cos(angle) * x - np.sin(angle) * y + across + self._scene.shape[1] / 2
        inside_y = np.clip(at_y.astype(int), 0, self._scene.shape[0] - 1)
        inside_x = np.clip(at_x.astype(int), 0, self._scene.shape[1] - 1)
        turned: Field = self._scene[inside_y, inside_x]
        return turned

    def look(self, at_s: float, *, faulty: bool) -> Look:
        """A look that begins at `at_s`."""
        clip = self.clip
        if faulty and clip.fault == "stalled":
            return Look(np.empty((0, HEIGHT, WIDTH), np.uint8), self.chroma, at_s)
        fault = clip.fault if faulty else ""
        passing = self._passing()
        light = self._light(earlier=not faulty)
        shine = self._shine()
        frames = [
            self._frame(at_s + within, within, fault, light, passing, shine)
            for within in (_WITHIN_S if faulty else _WITHIN_S[:2])
        ]
        if clip.codec:
            frames = through(frames, clip.codec, clip.quality, HEIGHT, WIDTH)
        return Look(np.stack(frames), 0.2 if fault == "black" else self.chroma, at_s)

    def film(self, fault: str, fps: int, seconds: int) -> Iterator[NDArray[np.uint8]]:
        """Frame after frame, for a stream to be served: the clock goes on, people come and go."""
        light = self._light(earlier=False)
        passing: list[Passing] = []
        for number in range(fps * seconds):
            within = number / fps
            if number % (_PASSAGE_S * fps) == 0:
                passing = self._passing()
            yield self._frame(self.began_s + within, within % _PASSAGE_S, fault, light, passing, [])

    def _light(self, *, earlier: bool) -> Field | float:
        """What falls on the scene in this look: level, the edge of a shadow, the lamp of an infra-red camera."""
        rng, clip = self.rng, self.clip
        rows, columns = self.rows, self.columns
        if clip.situation == "still":
            drift = float(rng.choice((0.0, 0.002)))
            return self._still_level * (1 + rng.uniform(-drift, drift)) * (self._lamp() if self._infra_red else 1.0)
        if self._infra_red:
            return self._lamp() * float(rng.uniform(0.9, 1.1))
        # Level and shadow change over the hours; within three minutes they hardly do.
        hour = self._hours.get(earlier)
        if hour is None:
            level = float(rng.uniform(0.06, 0.4)) if self._dim and not earlier else float(rng.uniform(0.6, 1.0))
            shadow = (float(rng.uniform(0.2, 0.9)), float(rng.uniform(0.45, 0.8))) if rng.random() < 0.6 else None
            hour = self._hours[earlier] = (level, shadow)
        level = hour[0] * float(rng.uniform(0.97, 1.03))
        if clip.place == "room" or hour[1] is None:
            return level
        at, dark = hour[1]
        across = np.linspace(0, 1, columns, dtype=np.float32) + 0.3 * np.linspace(0, 1, rows, dtype=np.float32)[:, None]
        shaded: Field = np.where(across < at, dark, 1.0).astype(np.float32) * level
        return shaded

    def _lamp(self) -> Field:
        """Of an infra-red camera: the middle is lit, the corners are not."""
        y = np.linspace(-1, 1, self.rows, dtype=np.float32)[:, None]
        x = np.linspace(-1, 1, self.columns, dtype=np.float32)
        reach, least, most = self._reach
        lit: Field = (least + most * np.exp(-(x * x + y * y) / reach)).astype(np.float32)
        return lit

    def _passing(self) -> list[Passing]:
        """People and vehicles of this look: place, size, grey, speed; none in a still scene."""
        rng, clip = self.rng, self.clip
        if clip.situation == "still":
            return []
        many = int(rng.integers(2, 7)) if clip.situation == "people" else int(rng.integers(0, 3))
        return [
            (
                rng.uniform(0.2, 0.8),
                rng.uniform(-0.1, 1),
                rng.uniform(0.08, 0.45 if clip.situation == "people" else 0.25),
                rng.uniform(0.1, 0.9),
                rng.uniform(-0.15, 0.15),
                rng.uniform(0.3, 0.6),
            )
            for _ in range(many)
        ]

    def _shine(self) -> list[Lamp]:
        rng = self.rng
        if self.clip.situation != "headlights" or rng.random() < 0.3:
            return []
        y, x = rng.uniform(0.4, 0.8), rng.uniform(0.1, 0.8)
        size, strength = rng.uniform(0.02, 0.07), rng.uniform(0.6, 1.2)
        return [(y, x, size, strength), (y, x + rng.uniform(0.05, 0.12), size, strength)]

    def _frame(
        self,
        at_s: float,
        within: float,
        fault: str,
        light: Field | float,
        passing: list[Passing],
        shine: list[Lamp],
    ) -> NDArray[np.uint8]:
        if fault.startswith("frozen"):
            if self._frozen is None:
                self._frozen = self._seen(within, "", light, passing, shine)
            frame = self._frozen.copy()
        else:
            frame = self._seen(within, fault, light, passing, shine)
        scale = max(1, round(self.rows / HEIGHT))
        if self._named:
            write(frame, f"CAM {self.clip.seed % 90 + 10} HALL", top=not self._clock_top, left=True, scale=scale)
        if self._clocked:
            shown_s = self.began_s if fault == "frozen" else at_s
            write(frame, clock_text(shown_s), top=self._clock_top, left=self._clock_left, scale=scale)
        return frame

    def _seen(
        self,
        within: float,
        fault: str,
        light: Field | float,
        passing: list[Passing],
        shine: list[Lamp],
    ) -> NDArray[np.uint8]:
        """A frame without its writing."""
        rng, rows, columns = self.rng, self.rows, self.columns
        if fault == "black":
            level, noise = self._black
            return _as_bytes(level + noise * self._grain())
        if fault == "turned":
            field = self._turned_scene.copy()
        else:
            shift = rng.uniform(-self._wobble, self._wobble, 2) * rows / HEIGHT
            top = int(self._scene.shape[0] * (1 - 1 / MARGIN) / 2 + shift[0])
            left = int(self._scene.shape[1] * (1 - 1 / MARGIN) / 2 + shift[1])
            field = self._scene[top : top + rows, left : left + columns].copy()
        for y, x, size, grey, speed, slim in passing:
            high, wide = int(size * rows), int(size * rows * slim)
            down, right = int(y * rows) - high // 2, int((x + speed * within) * columns)
            body = field[max(0, down) : max(0, down + high), max(0, right) : max(0, right + wide)]
            body[:] = grey
            body[: high // 4] = 0.7 * grey + 0.2
        field *= light
        for each in shine:
            field += glare(rows, columns, *each)
        field = self._weather(field)
        if fault in ("covered", "sprayed"):
            grey_field, taken = self._cover
            field = field * (1 - taken) + grey_field * float(np.mean(light)) * taken
        elif fault == "defocused":
            field = defocused(field, self._radius)
        exposed = 255 * np.clip(field, 0, 1) ** 0.8
        exposed += self._noise * self._grain()
        return _as_bytes(exposed)

    def _grain(self) -> Field:
        """Noise of deviation 1, another each time."""
        y, x = self.rng.integers(0, 37), self.rng.integers(0, 41)
        grain: Field = self._bank[y : y + self.rows, x : x + self.columns]
        return grain if self.rng.random() < 0.5 else -grain[::-1]


def _as_bytes(grey: Field) -> NDArray[np.uint8]:
    whole: NDArray[np.uint8] = np.clip(grey, 0, 255).astype(np.uint8)
    return whole
