"""How like a look is to the reference: tile by tile, whatever the light, and as a whole behind a blur."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.picture.measuring import COLUMNS, ROWS, Grey, tiles_of

Blocks = NDArray[np.bool_]

_RIM = 6
_PATCH_STRUCTURE = 2.0
_PATCHES_NEEDED = 10
_PATCH_KEPT = 0.95
_PATCH_ENERGY = 48.0  # of 12 blocks: 2 grey levels each
_PATCH_USABLE = 0.9
_PATCH_SEEN = 0.6  # likeness
_PATCHES_SEEN = 6
_PATCH_USUAL = 0.8  # of the patches that are seen, a fifth stands stronger
_PATCH_NOISE = 0.1
_PATCH_GONE = 0.3
_PATCH_STANDS, _PATCH_STANDS_ALIKE = 0.6, 0.8


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


@dataclass(frozen=True, slots=True)
class Left:
    """Of the small patches of a reference that tell anything, the share that is `gone`, and that stands as it did."""

    gone: float
    standing: float


def what_is_left(now: Grey, then: Grey, usable: Blocks, noise: float) -> Left | None:
    """How much of the structure of `then` (its patches, 3 by 4 blocks) is left in `now`: what is before the lens takes
    it away, whatever else it brings, while the light of the day and the glare of lamps leave it. `usable`: blocks that
    are not dazzled; `noise`: deviation of a block's grey by the sensor's noise. None where too little can be told.

    How strongly a patch stands is measured against those that stand well, so that dusk takes nothing away."""
    strength, alike, energy = _standing(now, then)
    telling = (energy > _PATCH_ENERGY) & (patches_of(usable.astype(np.float32)).mean((2, 3)) > _PATCH_USABLE)
    seen = telling & (alike > _PATCH_SEEN)
    if seen.sum() < _PATCHES_SEEN:
        return None
    usual = float(np.quantile(strength[seen], _PATCH_USUAL))
    telling &= noise < _PATCH_NOISE * usual * np.sqrt(energy)
    if telling.sum() < _PATCHES_NEEDED:
        return None
    stands = (strength > _PATCH_STANDS * usual) & (alike > _PATCH_STANDS_ALIKE)
    gone = strength < _PATCH_GONE * usual
    return Left(float(gone[telling].mean()), float(stands[telling].mean()))


def _standing(now: Grey, then: Grey) -> tuple[Grey, Grey, Grey]:
    """Of each patch (8, 16), at the shift at which it is most alike: how strongly the structure of `then` stands in
    `now` (1: just as it did), how alike they are, and the energy of that structure."""
    mine = _centred(patches_of(now))
    own = (mine**2).sum((2, 3))
    strength, energy = np.zeros_like(own), np.zeros_like(own)
    alike = np.full_like(own, -1.0)
    padded = np.pad(then, 1, mode="edge")
    for down in (0, 1, 2):
        for right in (0, 1, 2):
            theirs = _centred(patches_of(padded[down : down + ROWS, right : right + COLUMNS]))
            both, here_energy = (mine * theirs).sum((2, 3)), (theirs**2).sum((2, 3))
            here = both / (np.sqrt(own * here_energy) + 1e-3)
            better = here > alike
            alike[better], energy[better] = here[better], here_energy[better]
            strength[better] = both[better] / (here_energy[better] + 1e-3)
    return strength, alike, energy


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
