"""What stands before a camera: a room, a street or a square, drawn from a seed as a grey field of reflectances."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Field = NDArray[np.float32]
"""Grey, rows by columns, 0 to 1."""

PLACES = ("room", "street", "square")
MARGIN = 1.6  # the drawn field is that much wider and higher than the view, so that a camera can turn in it
_FINER = 2  # drawn finer, then averaged: edges as a lens gives them


def draw(place: str, rng: np.random.Generator, height: int, width: int) -> Field:
    """A field of `MARGIN` times `height` by `width`."""
    rows, columns = int(height * MARGIN) * _FINER, int(width * MARGIN) * _FINER
    field = _DRAWN[place](rng, rows, columns)
    field += 0.05 * texture(rng, rows, columns, coarse=6) + 0.03 * texture(rng, rows, columns, coarse=90)
    np.clip(field, 0.02, 1.0, out=field)
    small: Field = field.reshape(rows // _FINER, _FINER, columns // _FINER, _FINER).mean((1, 3), dtype=np.float32)
    return small


def texture(rng: np.random.Generator, rows: int, columns: int, coarse: int) -> Field:
    """Smooth noise of mean 0, about 1 high, with `coarse` waves over the height."""
    across = max(2, coarse * columns // rows)
    knots = rng.standard_normal((coarse + 2, across + 2)).astype(np.float32)
    return stretch(knots, rows, columns)


def stretch(knots: Field, rows: int, columns: int) -> Field:
    """`knots` drawn out to `rows` by `columns`, linearly between them."""
    y = np.linspace(0, knots.shape[0] - 1.001, rows, dtype=np.float32)
    x = np.linspace(0, knots.shape[1] - 1.001, columns, dtype=np.float32)
    top, left = y.astype(int), x.astype(int)
    down, right = (y - top)[:, None], x - left
    lines = knots[top] * (1 - down) + knots[top + 1] * down
    stretched: Field = lines[:, left] * (1 - right) + lines[:, left + 1] * right
    return stretched


def _room(rng: np.random.Generator, rows: int, columns: int) -> Field:
    field = np.full((rows, columns), rng.uniform(0.45, 0.8), np.float32)
    floor = int(rows * rng.uniform(0.55, 0.7))
    field[floor:] = rng.uniform(0.25, 0.55)
    for line in range(floor, rows, max(8, rows // int(rng.integers(12, 24)))):
        field[line : line + 2] -= 0.12
    for line in range(0, columns, max(12, columns // int(rng.integers(16, 30)))):
        field[floor:, line : line + 2] -= 0.1
    for _ in range(rng.integers(2, 5)):
        _window(field, rng, 0.05, 0.3, bright=True)
    for _ in range(rng.integers(5, 12)):
        _poster(field, rng, 0.1, 0.5)
    for _ in range(rng.integers(3, 7)):
        _shelf(field, rng, 0.35, 0.75)
    for _ in range(rng.integers(8, 20)):
        _box(field, rng, 0.5, 0.9, 0.02, 0.15)
    return field


def _street(rng: np.random.Generator, rows: int, columns: int) -> Field:
    field = np.empty((rows, columns), np.float32)
    horizon = int(rows * rng.uniform(0.3, 0.45))
    field[:horizon] = np.linspace(0.95, 0.8, horizon, dtype=np.float32)[:, None]
    field[horizon:] = np.linspace(0.35, 0.5, rows - horizon, dtype=np.float32)[:, None]
    at = 0
    while at < columns:
        wide, high = int(columns * rng.uniform(0.08, 0.2)), int(rows * rng.uniform(0.12, 0.4))
        base = horizon + int(rows * rng.uniform(0.02, 0.15))
        house = field[max(0, base - high) : base, at : at + wide]
        house[:] = rng.uniform(0.3, 0.8)
        house[:4] = 0.15
        for y in range(12, high - 20, 40):
            for x in range(12, wide - 20, 36):
                house[y : y + 22, x : x + 16] = rng.uniform(0.08, 0.3)
        at += wide + int(rng.integers(0, columns // 14))
    for line in range(-rows, columns, max(30, columns // 14)):  # marks on the road, slanting away
        for step in range(0, rows - horizon - 40, 3):
            x = line + step // 2
            if 0 <= x < columns - 6 and (step // 36) % 2:
                field[horizon + 40 + step : horizon + 43 + step, x : x + 6] = 0.85
    for _ in range(rng.integers(4, 9)):
        x, top = int(rng.integers(0, columns - 8)), int(rows * rng.uniform(0.05, 0.3))
        field[top : horizon + int(rows * 0.2), x : x + int(rng.integers(3, 8))] = 0.18
    for _ in range(rng.integers(3, 8)):
        _tree(field, rng, 0.25, 0.6)
    for _ in range(rng.integers(6, 14)):
        _box(field, rng, 0.45, 0.9, 0.03, 0.16)
    for _ in range(rng.integers(2, 5)):
        _poster(field, rng, 0.2, 0.6)
    return field


def _square(rng: np.random.Generator, rows: int, columns: int) -> Field:
    field = np.empty((rows, columns), np.float32)
    horizon = int(rows * rng.uniform(0.25, 0.4))
    field[:horizon] = 0.9
    field[horizon:] = rng.uniform(0.45, 0.65)
    house = field[horizon - rows // 6 : horizon + rows // 12, columns // 5 : columns * 4 // 5]
    house[:] = rng.uniform(0.3, 0.7)
    for x in range(10, house.shape[1] - 24, 44):
        house[14:50, x : x + 24] = 0.15
    gap = 10.0
    line = float(horizon + rows // 12)
    while line < rows:
        field[int(line) : int(line) + 2] -= 0.14
        line, gap = line + gap, gap * 1.12
    for x in range(0, columns, max(20, columns // int(rng.integers(14, 30)))):
        field[horizon + rows // 12 :, x : x + 2] -= 0.1
    for _ in range(rng.integers(6, 14)):  # things to exercise on, lamps, a mast
        x, top = int(rng.integers(0, columns - 60)), int(rows * rng.uniform(0.15, 0.6))
        tall = int(rows * rng.uniform(0.1, 0.3))
        field[top : top + tall, x : x + 5] = rng.uniform(0.1, 0.3)
        field[top : top + 5, x : x + int(rng.integers(8, 60))] = rng.uniform(0.1, 0.3)
    for _ in range(rng.integers(3, 8)):
        _tree(field, rng, 0.2, 0.5)
    for _ in range(rng.integers(5, 12)):
        _box(field, rng, 0.5, 0.92, 0.02, 0.12)
    for _ in range(rng.integers(2, 5)):
        _poster(field, rng, 0.2, 0.5)
    return field


_DRAWN: dict[str, Callable[[np.random.Generator, int, int], Field]] = {
    "room": _room,
    "street": _street,
    "square": _square,
}


def _place(field: Field, rng: np.random.Generator, top: float, bottom: float, small: float, large: float) -> Field:
    """A rectangle of the field, as a view."""
    rows, columns = field.shape
    high, wide = int(rows * rng.uniform(small, large)), int(rows * rng.uniform(small, large) * 1.3)
    y, x = int(rows * rng.uniform(top, bottom)), int(rng.integers(0, max(1, columns - wide)))
    return field[y : y + high, x : x + wide]


def _box(field: Field, rng: np.random.Generator, top: float, bottom: float, small: float, large: float) -> None:
    part = _place(field, rng, top, bottom, small, large)
    part[:] = rng.uniform(0.08, 0.9)
    part[:3] *= 0.5
    part[:, -3:] *= 0.6


def _window(field: Field, rng: np.random.Generator, top: float, bottom: float, *, bright: bool) -> None:
    part = _place(field, rng, top, bottom, 0.15, 0.3)
    part[:] = 0.95 if bright else 0.15
    part[:: max(6, part.shape[0] // 2)] = 0.3
    part[:, :: max(6, part.shape[1] // 3)] = 0.3


def _poster(field: Field, rng: np.random.Generator, top: float, bottom: float) -> None:
    part = _place(field, rng, top, bottom, 0.06, 0.2)
    ground = rng.uniform(0.6, 0.95)
    part[:] = ground
    for y in range(6, part.shape[0] - 6, 9):  # lines of writing
        written = rng.random(max(1, part.shape[1] // 4)) < 0.6
        part[y : y + 4] = (
            np.where(np.repeat(written, 4)[: part.shape[1]], 0.15, ground)[: part.shape[1]]
            if (written.size * 4 >= part.shape[1])
            else ground
        )


def _shelf(field: Field, rng: np.random.Generator, top: float, bottom: float) -> None:
    part = _place(field, rng, top, bottom, 0.12, 0.3)
    part[:] = 0.3
    for y in range(4, part.shape[0] - 8, 30):
        for x in range(4, part.shape[1] - 4, 9):
            part[y : y + int(rng.integers(12, 26)), x : x + 7] = rng.uniform(0.1, 0.95)


def _tree(field: Field, rng: np.random.Generator, top: float, bottom: float) -> None:
    part = _place(field, rng, top, bottom, 0.15, 0.35)
    if min(part.shape) < 8:
        return
    y, x = np.mgrid[-1 : 1 : part.shape[0] * 1j, -1 : 1 : part.shape[1] * 1j]
    leaves = rng.random(part.shape).astype(np.float32)
    part[:] = np.where((y * y + x * x < 1) & (leaves > 0.3), 0.1 + 0.35 * leaves, part)
