"""What is left of a view, and what follows from it: each rule on a view drawn for it."""

import numpy as np
import pytest

from edge.picture.likeness import Blocks, Left, soft, what_is_left
from edge.picture.measuring import COLUMNS, ROWS, Grey
from edge.picture.verdict import Picture, word_for
from shouwang import kinds

_LIMITS = kinds.load()["camera"].picture
assert _LIMITS is not None
LIMITS = _LIMITS
NOISE = 0.3
ALL = np.ones((ROWS, COLUMNS), bool)


@pytest.fixture
def view() -> Grey:
    """A view full of things, in blocks."""
    return np.random.default_rng(7).uniform(20, 220, (ROWS, COLUMNS)).astype(np.float32)


def left_of(now: Grey, then: Grey, usable: Blocks = ALL, noise: float = NOISE) -> Left:
    fine_now, fine_then = (each - soft(each) for each in (now, then))
    left = what_is_left(fine_now, fine_then, usable, noise)
    assert left is not None
    return left


def noisy(blocks: Grey, noise: float = NOISE) -> Grey:
    made: Grey = blocks + np.random.default_rng(3).normal(0, noise, blocks.shape).astype(np.float32)
    return made


def test_of_the_same_view_nothing_is_gone(view: Grey) -> None:
    left = left_of(noisy(view), view)
    assert left == Left(gone=0.0, standing=1.0)


def test_dusk_takes_nothing_away_and_neither_does_a_mast_that_sways(view: Grey) -> None:
    assert left_of(noisy(view * 0.1), view).gone == 0.0
    swayed = left_of(noisy(np.roll(view, (1, 1), (0, 1))), view)
    assert swayed.gone < 0.15  # the rim comes anew


def test_the_halo_of_a_lamp_takes_nothing_away(view: Grey) -> None:
    down, right = np.mgrid[:ROWS, :COLUMNS]
    halo = 180 * np.exp(-((down - 18) ** 2 + (right - 30) ** 2) / 200)
    assert left_of(noisy(view + halo.astype(np.float32)), view).gone < 0.05


def test_a_hand_over_half_of_it_takes_half_away_even_where_it_lets_some_light_through(view: Grey) -> None:
    covered = view.copy()
    covered[:, 32:] = 90 + 0.04 * view[:, 32:]
    left = left_of(noisy(covered), view)
    assert left.gone == pytest.approx(0.5, abs=0.08)
    assert left.standing == pytest.approx(0.5, abs=0.08)


def test_paint_that_brings_edges_of_its_own_takes_away_what_it_covers(view: Grey) -> None:
    painted = view.copy()
    blots = np.kron(np.random.default_rng(5).uniform(0, 1, (4, 4)) < 0.6, np.ones((9, 16), bool))
    painted[blots] = 240
    assert left_of(noisy(painted), view).gone > LIMITS.occluded_gone_above


def test_what_is_dazzled_is_not_asked(view: Grey) -> None:
    dazzled = view.copy()
    dazzled[:, :16] = 255
    assert left_of(noisy(dazzled), view, dazzled < 246).gone == 0.0
    assert left_of(noisy(dazzled), view).gone > 0.2


def test_where_nothing_stands_or_noise_hides_it_nothing_is_told(view: Grey) -> None:
    flat = noisy(np.full_like(view, 40.0))
    assert what_is_left(flat - soft(flat), view - soft(view), ALL, NOISE) is None
    dark = noisy(view * 0.1, 6.0)
    assert what_is_left(dark - soft(dark), view - soft(view), ALL, 6.0) is None


GOOD = {
    "bright": 190.0,
    "lit": 185.0,
    "structure": 24.0,
    "noise": 2.0,
    "changed": 0.98,
    "tiles": 30.0,
    "same": 0.97,
    "plain": 0.97,
    "kept": 0.7,
    "emptied": 0.0,
    "contrast": 0.0,
    "likeness": 0.9,
    "gone": 0.02,
    "standing": 0.9,
    "sharpness": 1.0,
}
GONE = {"same": 0.1, "plain": 0.2, "kept": 0.0, "emptied": 0.9, "contrast": -2.4, "gone": 0.95, "standing": 0.0}


@pytest.mark.parametrize(
    ("changed", "word"),
    [
        ({}, Picture.OK),
        # Dark and flat: black by its light alone, however strong the noise that lifts the brightest percent.
        ({"bright": 22.0, "lit": 10.0, "structure": 0.5} | GONE, Picture.BLACK),
        ({"bright": 22.0, "lit": 18.0, "structure": 0.5} | GONE, Picture.OCCLUDED),
        ({"changed": 0.3}, Picture.FROZEN),
        # A hand through an encoder is nearly as still as a frozen picture.
        ({"changed": 0.3} | GONE, Picture.OCCLUDED),
        ({"changed": 0.02} | GONE, Picture.FROZEN),
        # A third of the view is gone: in glare that is asked for more.
        ({"gone": 0.35}, Picture.OCCLUDED),
        ({"gone": 0.35, "bright": 255.0}, Picture.OK),
        ({"gone": 0.55, "bright": 255.0}, Picture.OCCLUDED),
        # Soft edges of the same view; those of a lamp's halo are soft, too.
        ({"sharpness": 0.6, "contrast": -0.8, "kept": 0.03}, Picture.BLURRED),
        ({"sharpness": 0.6, "contrast": -0.8, "kept": 0.03, "bright": 255.0}, Picture.OK),
        ({"sharpness": 0.4, "contrast": -0.8, "kept": 0.0, "bright": 255.0}, Picture.BLURRED),
        # What has hardly any contrast left is not out of focus: something is before it.
        ({"sharpness": 0.6, "likeness": 0.9} | GONE, Picture.OCCLUDED),
        # Another view, or a view that still stands between blots of paint.
        ({"same": 0.1, "plain": 0.2, "kept": 0.0, "gone": 0.6, "standing": 0.03}, Picture.TURNED),
        ({"same": 0.25, "plain": 0.2, "kept": 0.0, "gone": 0.6, "standing": 0.2}, Picture.OCCLUDED),
    ],
)
def test_the_word_that_figures_mean(changed: dict[str, float], word: Picture) -> None:
    assert word_for(GOOD | changed, LIMITS) is word


def test_where_nothing_stands_empty_tiles_are_enough() -> None:
    hidden = GOOD | GONE | {"sharpness": 0.9, "structure": 1.5}
    del hidden["gone"], hidden["standing"]
    assert word_for(hidden, LIMITS) is Picture.OCCLUDED
