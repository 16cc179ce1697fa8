"""How like a look is to the reference: tile by tile, whatever the light, and as a whole behind a blur."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from edge.picture.measuring import COLUMNS, ROWS, Grey, tiles_of

_RIM = 6
_PATCH_STRUCTURE = 2.0
_PATCHES_NEEDED = 10
_PATCH_KEPT = 0.95


def tile_likeness(now: Grey, then: Grey) -> Grey:
    """Correlation of each tile (4, 8) of two block images (36, 64), the best of shifts by one block, for a mast that
    sways; 1 is alike, 0 is not. Brightness and contrast do not matter."""
    return _best_likeness(now, then, tiles_of)


def kept_share(now: Grey, then: Grey) -> float:
    """The share of small patches (3 by 4 blocks) of `then` that stand in `now` just as they were. Between blots of
    paint some of the view is left; of a view that was turned away, or is out of focus, nothing is."""
    telling = patches_of(then).std((2, 3)) > _PATCH_STRUCTURE
    if telling.sum() < _PATCHES_NEEDED:
        return 0.0
    return float((_best_likeness(now, then, patches_of)[telling] > _PATCH_KEPT).mean())


def patches_of(blocks: Grey) -> Grey:
    """(36, 64) as (8, 16, 3, 4), the rim left out."""
    patches: Grey = blocks[_RIM:-_RIM].reshape(8, 3, 16, 4).swapaxes(1, 2)
    return patches


def _best_likeness(now: Grey, then: Grey, cut: Callable[[Grey], Grey]) -> Grey:
    mine = _centred(cut(now))
    best = np.full(mine.shape[:2], -1.0, np.float32)
    padded = np.pad(then, 1, mode="edge")
    for down in (0, 1, 2):
        for right in (0, 1, 2):
            theirs = _centred(cut(padded[down : down + ROWS, right : right + COLUMNS]))
            both = np.sqrt((mine**2).sum((2, 3)) * (theirs**2).sum((2, 3))) + 1e-3
            np.maximum(best, (mine * theirs).sum((2, 3)) / both, out=best)
    return best


def likeness_behind_blur(now: Grey, then: Grey) -> float:
    """Correlation of two block images as a whole, both made soft first: high for the same view out of focus."""
    a, b = (soft(each)[_RIM:-_RIM] for each in (now, then))
    a, b = a - a.mean(), b - b.mean()
    return float((a * b).sum() / (np.sqrt((a * a).sum() * (b * b).sum()) + 1e-3))


def soft(blocks: Grey, width: int = 2) -> Grey:
    """Box mean over `2 * width + 1` blocks each way."""
    padded = np.pad(blocks, width, mode="edge")
    total = np.zeros_like(blocks)
    for down in range(2 * width + 1):
        for right in range(2 * width + 1):
            total += padded[down : down + ROWS, right : right + COLUMNS]
    made: Grey = total / np.float32((2 * width + 1) ** 2)
    return made


def _centred(tiles: Grey) -> Grey:
    centred: Grey = tiles - tiles.mean((2, 3), keepdims=True)
    return centred
