"""Ranges against a plain set."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from shouwang.ranges import Ranges

_pairs = st.lists(st.tuples(st.integers(1, 60), st.integers(0, 6)), max_size=40)


@given(_pairs, st.integers(1, 70))
def test_holds_what_a_set_holds(pairs: list[tuple[int, int]], floor: int) -> None:
    ranges = Ranges()
    plain: set[int] = set()
    for start, length in pairs:
        new = set(range(start, start + length + 1)) - plain
        assert ranges.add(start, start + length) is bool(new)
        plain |= new
    assert [n for n in range(80) if n in ranges] == sorted(plain)
    assert len(ranges) == len(plain)
    listed = ranges.pairs()
    assert all(before[1] + 1 < after[0] for before, after in itertools.pairwise(listed))
    missing = {n for low, high in ranges.gaps(1) for n in range(low, high + 1)}
    assert missing == set(range(1, max(plain, default=0) + 1)) - plain
    ranges.drop_below(floor)
    assert [n for n in range(80) if n in ranges] == sorted(n for n in plain if n >= floor)
