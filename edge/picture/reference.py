"""What a camera looked at when all was well: a 64×36 grey image and its edges by tiles, by day and by night."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from edge.picture.measuring import COLUMNS, ROWS, Grey, Measured

LOOKS = 3
"""A reference is the median of so many looks: who passes through one of them leaves no trace."""
_TILES = (4, 8)


@dataclass(frozen=True, slots=True)
class Reference:
    """Blocks (36, 64) of grey; structure, contrast and sharpness of tiles (4, 8). `at_s`: when it was taken or last
    moved, seconds of whatever clock the caller uses."""

    blocks: Grey
    structure: Grey
    contrast: Grey
    sharpness: Grey
    at_s: float

    @classmethod
    def of(cls, looks: Sequence[Measured], at_s: float) -> Reference:
        """The median of looks, at least one."""

        def middle(values: list[Grey]) -> Grey:
            return np.median(np.stack(values), axis=0).astype(np.float32)

        return cls(
            blocks=np.round(middle([look.blocks for look in looks])),
            structure=middle([look.structure for look in looks]),
            contrast=middle([look.contrast for look in looks]),
            sharpness=middle([look.sharpness for look in looks]),
            at_s=at_s,
        )

    def moved(self, look: Measured, share: float, at_s: float) -> Reference:
        """A little nearer to a good look: seasons, snow and furniture change a view that is still the same."""

        def nearer(ours: Grey, theirs: Grey) -> Grey:
            return ours + np.float32(share) * (theirs - ours)

        return replace(
            self,
            blocks=nearer(self.blocks, look.blocks),
            structure=nearer(self.structure, look.structure),
            contrast=nearer(self.contrast, look.contrast),
            sharpness=nearer(self.sharpness, look.sharpness),
            at_s=at_s,
        )

    def as_json(self) -> dict[str, Any]:
        """For the agent's state: 2,304 bytes of grey and three times 32 numbers."""
        tiles = {name: [round(float(v), 3) for v in getattr(self, name).ravel()] for name in _TILED}
        grey = np.clip(np.round(self.blocks), 0, 255).astype(np.uint8)
        return {"grey": base64.b64encode(grey.tobytes()).decode("ascii"), "at_s": self.at_s, **tiles}

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> Reference:
        """What `as_json` gave. Raises ValueError for anything else."""
        try:
            grey = np.frombuffer(base64.b64decode(kept["grey"], validate=True), np.uint8).reshape(ROWS, COLUMNS)
            tiles = {name: np.array(kept[name], np.float32).reshape(_TILES) for name in _TILED}
            return cls(blocks=grey.astype(np.float32), at_s=float(kept["at_s"]), **tiles)
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"no reference: {error}") from error


_TILED = ("structure", "contrast", "sharpness")
