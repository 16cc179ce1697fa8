"""What is measured of one look at a camera: brightness, structure and sharpness by tiles, and a 64×36 grey image."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Grey = NDArray[np.float32]

HEIGHT, WIDTH = 180, 320
"""Frames are brought to this size before anything is measured."""
BLOCK = 5
ROWS, COLUMNS = HEIGHT // BLOCK, WIDTH // BLOCK
"""The grid of blocks: 36 rows of 64; the reference's size."""
TILE_ROWS, TILE_COLUMNS = 6, 8
"""A tile is 6 by 8 blocks; 4 rows of 8 tiles are looked at, the rim with its writing left out."""
DAZZLING = 246.0
"""Grey from which on a block says nothing of what it shows."""
_BLOCK_NOISE_LEAST = 0.3  # an encoder leaves no noise, and errors of its own
_NOISE_IN_STRONGEST = (
    16.0  # of 4 (two differences each way) times 4.5 (the strongest 3 % of noise alone), a little less
)
_RIM = TILE_ROWS  # rows of blocks above and below the tiles
_FINE, _COARSE = 2, 6  # pixels; sharpness is a gradient over the fine step against one over the coarse


@dataclass(frozen=True, slots=True)
class Measured:
    """One look. Blocks are (36, 64), tiles (4, 8); grey levels 0 to 255."""

    first: Grey  # blocks of the first frame: what is compared with another look to see whether anything lives
    blocks: Grey  # blocks of all frames together
    structure: Grey  # of tiles: deviation of its blocks
    contrast: Grey  # of tiles: the strongest coarse edges
    sharpness: Grey  # of tiles: fine edges against coarse ones; 0 where there is nothing to see
    bright: float  # the brightest percent, rim left out
    dazzled: Grey  # of tiles: the share of blocks that are as bright as can be
    noise: float  # deviation between frames, as of the sensor
    block_noise: float  # what of it is left in `blocks`
    chroma: float  # mean distance of the colours from grey


def measure(frames: NDArray[np.uint8], chroma: float) -> Measured:
    """Measures frames (n, 180, 320), n at least 1, that follow each other."""
    if frames.ndim != 3 or frames.shape[1:] != (HEIGHT, WIDTH) or not len(frames):
        raise ValueError(f"frames of shape {frames.shape}; expected (n, {HEIGHT}, {WIDTH}), n at least 1")
    by_frame = frames.reshape(len(frames), ROWS, BLOCK, COLUMNS, BLOCK).mean((2, 4), dtype=np.float32)
    mean = frames.mean(0, dtype=np.float32)
    blocks = by_frame.mean(0)
    noise = _noise(frames)
    tiles = tiles_of(blocks)
    contrast, sharpness = _edges(mean, noise * noise / len(frames))
    inner = frames[:, _RIM * BLOCK : -_RIM * BLOCK]
    return Measured(
        first=by_frame[0],
        blocks=blocks,
        structure=tiles.std((2, 3)),
        contrast=contrast,
        sharpness=sharpness,
        bright=float(np.percentile(inner[-1], 99)),
        dazzled=(tiles > DAZZLING).mean((2, 3), dtype=np.float32),
        noise=noise,
        block_noise=max(_BLOCK_NOISE_LEAST, noise / (BLOCK * float(np.sqrt(len(frames))))),
        chroma=chroma,
    )


def tiles_of(blocks: Grey) -> Grey:
    """(36, 64) as (4, 8, 6, 8): rows and columns of tiles, rows and columns of blocks in each."""
    inner = blocks[_RIM:-_RIM]
    tiles: Grey = inner.reshape(-1, TILE_ROWS, COLUMNS // TILE_COLUMNS, TILE_COLUMNS).swapaxes(1, 2)
    return tiles


def _noise(frames: NDArray[np.uint8]) -> float:
    """Deviation of the sensor's noise: from pixels of two neighbouring frames, movement left out by the median."""
    if len(frames) < 2:
        return 0.0
    change = np.abs(frames[1].astype(np.int16) - frames[0])
    # The mean of the lower half: the median of small whole numbers knows steps only.
    low = np.sort(change, axis=None)[: change.size // 2]
    return float(low.mean()) / 0.3247 / 1.4142


def _edges(mean: Grey, noise_variance: float) -> tuple[Grey, Grey]:
    """Contrast and sharpness by tiles. A step of the brightness is as high over two pixels as over six where the lens
    is sharp; out of focus it is spread over many. Noise that is left in the frames' mean is taken off."""
    inner = mean[_RIM * BLOCK : -_RIM * BLOCK]
    strongest = _strongest_by_tile(_averaged(inner, _FINE), 0.03)
    contrast = _strongest_by_tile(_averaged(inner, _COARSE), 0.12)
    left = noise_variance / (_FINE * _FINE)
    strongest = np.sqrt(np.maximum(strongest**2 - _NOISE_IN_STRONGEST * left, 0))
    sharpness = np.zeros_like(contrast)
    np.divide(strongest, contrast, out=sharpness, where=contrast > 0.5)
    return contrast, sharpness


def _averaged(image: Grey, step: int) -> Grey:
    rows, columns = image.shape[0] // step, image.shape[1] // step
    averaged: Grey = image[: rows * step, : columns * step].reshape(rows, step, columns, step).mean((1, 3))
    return averaged


def _strongest_by_tile(image: Grey, share: float) -> Grey:
    """(4, 8): the mean of the strongest gradients of each tile. Tiles need not divide the image evenly."""
    gradient = _gradient(image)
    rows = np.linspace(0, image.shape[0], 5).round().astype(int)
    columns = np.linspace(0, image.shape[1], 9).round().astype(int)
    found = np.empty((4, 8), np.float32)
    for row, column in np.ndindex(4, 8):
        part = gradient[rows[row] : rows[row + 1], columns[column] : columns[column + 1]].ravel()
        found[row, column] = _strongest(part, share)
    return found


def _gradient(image: Grey) -> Grey:
    across = np.zeros_like(image)
    down = np.zeros_like(image)
    across[:, 1:] = image[:, 1:] - image[:, :-1]
    down[1:] = image[1:] - image[:-1]
    gradient: Grey = np.sqrt(across * across + down * down)
    return gradient


def _strongest(values: Grey, share: float) -> Grey:
    """The mean of the strongest `share` along the last axis."""
    count = max(1, int(values.shape[-1] * share))
    strongest: Grey = np.partition(values, values.shape[-1] - count, axis=-1)[..., -count:].mean(-1)
    return strongest
