"""What a lens and its surroundings do to a picture: out of focus, covered, sprayed, rain, snow, dust, glare."""

from __future__ import annotations

import numpy as np

from simulators.pictures.scene import Field, texture


def defocused(field: Field, radius: float) -> Field:
    """As a lens out of focus by `radius` pixels: three box means, close to a Gaussian of that deviation."""
    width = max(1, round(radius))
    for _ in range(3):
        for axis in (0, 1):
            field = _box_mean(field, width, axis)
    return field


def _box_mean(field: Field, width: int, axis: int) -> Field:
    """Mean of `2 * width + 1` neighbours along an axis; the border is repeated."""
    pad = [(width + 1, width) if each == axis else (0, 0) for each in (0, 1)]
    sums = np.cumsum(np.pad(field, pad, mode="edge"), axis=axis, dtype=np.float64)
    span = 2 * width + 1
    ahead = np.take(sums, range(span, sums.shape[axis]), axis)
    behind = np.take(sums, range(sums.shape[axis] - span), axis)
    mean: Field = ((ahead - behind) / span).astype(np.float32)
    return mean


def cover(rng: np.random.Generator, rows: int, columns: int) -> tuple[Field, Field]:
    """Something close before the lens, thus unsharp: its grey (0 to 1) and how much of the view it takes, pixel by
    pixel (0 to 1). A bag, tape, a hand or a board over (nearly) all, or from one side over at least half."""
    grey = np.full((rows, columns), rng.uniform(0.12, 0.75), np.float32)
    grey += rng.uniform(0.01, 0.05) * texture(rng, rows, columns, coarse=int(rng.integers(1, 4)))
    grey += np.linspace(0, rng.uniform(-0.1, 0.1), columns, dtype=np.float32)
    taken = np.ones((rows, columns), np.float32)
    if rng.random() < 0.5:
        share = rng.uniform(0.5, 0.9)
        edge = 1 / (1 + np.exp(-(np.linspace(0, 1, columns, dtype=np.float32) - share) * -columns / 12))
        edge_down = 1 / (1 + np.exp(-(np.linspace(0, 1, rows, dtype=np.float32) - share) * -rows / 12))
        side = int(rng.integers(0, 4))
        ways = (edge[None, :], edge[None, ::-1], edge_down[:, None], edge_down[::-1, None])
        taken = np.broadcast_to(ways[side], (rows, columns)).astype(np.float32)
    return np.clip(grey, 0.05, 0.95), taken


def spray(rng: np.random.Generator, rows: int, columns: int) -> tuple[Field, Field]:
    """Paint on the glass: unsharp blots that take at least half of the view; as `cover`."""
    grey = np.full((rows, columns), rng.uniform(0.1, 0.9), np.float32)
    grey += 0.03 * texture(rng, rows, columns, coarse=3)
    blots = texture(rng, rows, columns, coarse=int(rng.integers(3, 7)))
    share = rng.uniform(0.55, 0.9)
    level = np.quantile(blots, 1 - share)
    taken = (1 / (1 + np.exp(-(blots - level) * 9))).astype(np.float32)
    return np.clip(grey, 0.05, 0.95), taken


class Rain:
    """Streaks that are elsewhere in each frame, and a wet veil."""

    def __init__(self, rng: np.random.Generator, strength: float) -> None:
        self._rng, self._strength = rng, strength

    def on(self, field: Field) -> Field:
        rows, columns = field.shape
        out = field * (1 - 0.12 * self._strength) + 0.06 * self._strength
        long = max(4, rows // 18)
        drops = int(self._strength * rows * columns / 700)
        y, x = self._rng.integers(0, rows - long, drops), self._rng.integers(0, columns - long, drops)
        for step in range(long):
            out[y + step, x + step // 4] += 0.12
        return out


class Snow:
    """Flakes that are elsewhere in each frame, some near and large."""

    def __init__(self, rng: np.random.Generator, strength: float) -> None:
        self._rng, self._strength = rng, strength

    def on(self, field: Field) -> Field:
        rows, columns = field.shape
        out = field * (1 - 0.15 * self._strength) + 0.13 * self._strength
        for size, part in ((1, 1.0), (2, 0.3), (4, 0.03)):
            size = max(1, size * rows // 180)
            flakes = int(self._strength * part * rows * columns / 500)
            y, x = self._rng.integers(0, rows - size, flakes), self._rng.integers(0, columns - size, flakes)
            for down in range(size):
                for right in range(size):
                    out[y + down, x + right] += 0.3
        return out


def glare(rows: int, columns: int, y: float, x: float, size: float, strength: float) -> Field:
    """The light of a lamp straight into the lens, at `y`, `x` (0 to 1): a core, and a veil around it."""
    down = (np.linspace(0, 1, rows, dtype=np.float32) - y)[:, None] * rows / columns
    right = np.linspace(0, 1, columns, dtype=np.float32) - x
    far = down * down + right * right
    light = strength * (1.2 * np.exp(-far / (size * size)) + 0.25 * np.exp(-far / (36 * size * size)))
    return light.astype(np.float32)
