"""What is remembered of one camera from look to look: references, the looks before, what waits to be confirmed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from edge.picture.measuring import Grey, Measured
from edge.picture.reference import LOOKS, Reference
from edge.picture.verdict import Picture, Said, judge
from shouwang.kinds.pictures import PictureLimits

_BEFORE = 4
_HOUR_S = 3600.0
_APART_S = 20.0  # looks that follow each other faster (somebody probes by hand) tell nothing about "frozen"


@dataclass(slots=True)
class Watched:
    """One camera. `revision` is the setting that asks for a new reference when it changes."""

    revision: str = ""
    references: dict[str, Reference] = field(default_factory=dict)  # by "day" and "night"
    said: Picture = Picture.OK
    _before: list[tuple[float, Grey]] = field(default_factory=list)
    _faulty: list[Picture] = field(default_factory=list)  # what the looks since the last good one said
    _candidates: dict[str, list[Measured]] = field(default_factory=dict)

    def see(self, look: Measured, at_s: float, limits: PictureLimits) -> Said:
        """What is to be said now, after a look at `at_s` (seconds that only grow). Anything but ok only once so many
        looks in a row (`confirm_looks`) have said it; until then what was said before stays."""
        when = "night" if look.chroma < limits.night_chroma_below else "day"
        before = [blocks for seen_s, blocks in self._before if at_s - seen_s >= _APART_S]
        found = judge(look, self.references.get(when), before, limits)
        if not self._before or at_s - self._before[-1][0] >= _APART_S:
            self._before = [*self._before, (at_s, look.first)][-_BEFORE:]
        self._confirm(found.picture, limits)
        if found.picture is Picture.OK:
            self._learn(when, look, at_s, limits)
        else:
            self._candidates.pop(when, None)
        return Said(self.said, found.figures | {"looked_like_" + found.picture: 1.0})

    def forget_references(self, revision: str) -> None:
        """From now on another reference: it is taken of the next good looks."""
        self.revision = revision
        self.references.clear()
        self._candidates.clear()
        self._faulty.clear()

    def _confirm(self, found: Picture, limits: PictureLimits) -> None:
        if found is Picture.OK:
            self._faulty.clear()
            self.said = found
            return
        self._faulty = [*self._faulty, found][-_BEFORE:]
        if len(self._faulty) >= limits.confirm_looks:
            # What most of them said; of several, what was said last.
            self.said = max(reversed(self._faulty), key=self._faulty.count)

    def _learn(self, when: str, look: Measured, at_s: float, limits: PictureLimits) -> None:
        known = self.references.get(when)
        if known is None:
            gathered = [*self._candidates.get(when, []), look]
            self._candidates[when] = gathered
            if len(gathered) >= LOOKS:
                self.references[when] = Reference.of(gathered, at_s)
                del self._candidates[when]
        elif at_s - known.at_s >= _HOUR_S or at_s < known.at_s:  # the clock began anew with the machine
            self.references[when] = known.moved(look, limits.reference_hourly_share, at_s)

    def as_json(self) -> dict[str, Any]:
        """What outlives a restart: the references."""
        return {
            "revision": self.revision,
            "references": {when: each.as_json() for when, each in self.references.items()},
        }

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> Watched:
        """What `as_json` gave. Raises ValueError for anything else."""
        try:
            references = {when: Reference.from_json(each) for when, each in dict(kept["references"]).items()}
            return cls(
                str(kept["revision"]), {when: references[when] for when in ("day", "night") if when in references}
            )
        except (KeyError, TypeError) as error:
            raise ValueError(f"nothing remembered of a camera: {error}") from error
