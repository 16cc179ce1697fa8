"""Finds the writing at a picture's rim, where the clock goes on while everything else stands still."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edge.picture.measuring import Grey
from shouwang.kinds.pictures import PictureLimits

Blocks = NDArray[np.bool_]


def writing(changed: Blocks, limits: PictureLimits) -> Blocks:
    """Which of the blocks (36, 64) may be the clock: of the upper and of the lower rim the smallest rectangle that
    holds all its changes, when it is as flat and as narrow as writing is; else nothing."""
    found = np.zeros_like(changed)
    for rim in (slice(0, limits.rim_rows), slice(-limits.rim_rows, None)):
        part = changed[rim]
        rows, columns = np.flatnonzero(part.any(1)), np.flatnonzero(part.any(0))
        if not rows.size:
            continue
        high, wide = rows[-1] - rows[0] + 1, columns[-1] - columns[0] + 1
        if high <= limits.rim_writing_rows and wide <= limits.rim_writing_share * changed.shape[1]:
            found[rim][rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] = True
    return found


def changed_share(now: Grey, before: Grey, limits: PictureLimits) -> float:
    """The share of blocks that differ between two looks, the writing at the rim left out. Of a live picture hardly a
    block is equal after a minute: noise alone moves them."""
    changed = np.abs(now - before) > limits.frozen_block_step
    looked_at = ~writing(changed, limits)
    return float(changed[looked_at].mean())
