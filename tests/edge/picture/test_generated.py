"""The picture check on a small seeded set of generated clips; the whole set is `python -m benchmarks.pictures`."""

import pytest

from benchmarks.pictures import confusion, limits, rates, weigh_all
from simulators.pictures import FAULTS, GOOD, clip_of

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

SEED = 5_000_000
GOOD_EACH, FAULTY_EACH = 9, 9


def test_good_pictures_are_left_alone_and_faults_are_seen() -> None:
    clips = [clip_of(SEED + 100 * kind + n, "", each) for kind, each in enumerate(GOOD) for n in range(GOOD_EACH)]
    clips += [
        clip_of(SEED + 10_000 * (kind + 1) + n, fault) for kind, fault in enumerate(FAULTS) for n in range(FAULTY_EACH)
    ]
    table = confusion(weigh_all(clips), limits())
    found = rates(table)
    assert found["good"] == (1.0, 1.0), table["good"]
    for fault in ("black", "frozen", "frozen_under_clock", "stalled"):
        assert found[fault] == (1.0, 1.0), table
    for fault in ("covered", "sprayed", "defocused", "turned"):
        called_so, seen = found[fault]
        assert seen == 1.0, table
        assert called_so >= 0.77, table
