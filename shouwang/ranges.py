"""Closed ranges of whole numbers, `[[1, 15], [18, 18]]`: which rows of a boot are stored, and which are gone."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator


class Ranges:
    """A set of whole numbers held as sorted, disjoint, non-adjacent closed ranges. In-order adding is O(1)."""

    __slots__ = ("_ends", "_starts")

    def __init__(self, pairs: Iterable[tuple[int, int] | list[int]] = ()) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []
        for start, end in pairs:
            self.add(start, end)

    def add(self, start: int, end: int | None = None) -> bool:
        """Adds `start` … `end` (or `start` alone). False when all of it was there already."""
        last = start if end is None else end
        if last < start:
            raise ValueError(f"a range ends before it starts: [{start}, {last}]")
        starts, ends = self._starts, self._ends
        if ends and start == ends[-1] + 1:
            ends[-1] = last
            return True
        if not ends or start > ends[-1] + 1:
            starts.append(start)
            ends.append(last)
            return True
        low = bisect_left(ends, start - 1)
        high = bisect_right(starts, last + 1)
        if low < high:
            if starts[low] <= start and last <= ends[low]:
                return False
            start, last = min(start, starts[low]), max(last, ends[high - 1])
        starts[low:high] = [start]
        ends[low:high] = [last]
        return True

    def drop_below(self, floor: int) -> None:
        """Forgets every number under `floor`."""
        keep = bisect_left(self._ends, floor)
        del self._starts[:keep]
        del self._ends[:keep]
        if self._starts and self._starts[0] < floor:
            self._starts[0] = floor

    def gaps(self, floor: int) -> list[tuple[int, int]]:
        """The closed ranges missing between `floor` and the highest number held."""
        missing: list[tuple[int, int]] = []
        expected = floor
        for start, end in self:
            if start > expected:
                missing.append((expected, start - 1))
            expected = max(expected, end + 1)
        return missing

    def pairs(self) -> list[list[int]]:
        """As it stands on the wire."""
        return [[start, end] for start, end in self]

    @property
    def highest(self) -> int | None:
        return self._ends[-1] if self._ends else None

    def __contains__(self, number: int) -> bool:
        at = bisect_left(self._ends, number)
        return at < len(self._starts) and self._starts[at] <= number

    def __iter__(self) -> Iterator[tuple[int, int]]:
        return zip(self._starts, self._ends, strict=True)

    def __len__(self) -> int:
        """How many numbers it holds."""
        return sum(end - start + 1 for start, end in self)

    def __bool__(self) -> bool:
        return bool(self._starts)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Ranges) and self._starts == other._starts and self._ends == other._ends

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Ranges({self.pairs()})"
