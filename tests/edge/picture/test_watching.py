"""What is remembered of a camera: confirmation, references by day and night, the clock that is masked."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.picture.measuring import COLUMNS, HEIGHT, ROWS, WIDTH, Measured, measure
from edge.picture.reference import Reference
from edge.picture.rim import changed_share, writing
from edge.picture.verdict import Picture
from edge.picture.watching import Watched
from shouwang import kinds
from simulators.pictures import Camera, clip_of

_LIMITS = kinds.load()["camera"].picture
assert _LIMITS is not None
LIMITS = _LIMITS


def looked(camera: Camera, fault: str = "", chroma: float = 9.0) -> Measured:
    """Another look at it: noise and passers-by differ."""
    frames = np.stack([frame for _, frame in zip(range(3), camera.film(fault, 25, 1), strict=False)])
    return measure(frames, chroma)


@pytest.fixture
def camera() -> Camera:
    return Camera(clip_of(11, "defocused", "day", ""), HEIGHT, WIDTH)


def seen(watched: Watched, look: Measured, at_s: float) -> Picture:
    return watched.see(look, at_s, LIMITS).picture


def test_a_fault_is_said_after_two_looks_and_taken_back_after_one(camera: Camera) -> None:
    watched, black = Watched(), measure(np.zeros((3, HEIGHT, WIDTH), np.uint8), 0.0)
    said = [seen(watched, looked(camera), 60.0 * n) for n in range(3)]
    said += [seen(watched, black, 60.0 * n) for n in range(3, 5)]
    said += [seen(watched, looked(camera), 300.0)]
    assert said == ["ok", "ok", "ok", "ok", "black", "ok"]


def test_the_reference_is_taken_of_three_good_looks_and_kept(camera: Camera) -> None:
    watched = Watched("1")
    for number in range(2):
        seen(watched, looked(camera), 60.0 * number)
    assert watched.references == {}
    seen(watched, looked(camera), 120.0)
    assert set(watched.references) == {"day"}
    again = Watched.from_json(watched.as_json())
    assert again.revision == "1"
    blurred = [seen(again, looked(camera, "defocused"), 7200.0 + 60 * n) for n in range(2)]
    assert blurred[-1] == "blurred"
    again.forget_references("2")
    assert again.references == {}


def test_night_has_a_reference_of_its_own(camera: Camera) -> None:
    watched = Watched()
    for number in range(6):
        seen(watched, looked(camera, chroma=0.2 if number > 2 else 9.0), 60.0 * number)
    assert set(watched.references) == {"day", "night"}


def test_what_is_kept_of_a_picture_is_64_by_36(camera: Camera) -> None:
    kept = Reference.of([looked(camera)], 0.0).as_json()
    assert len(kept["grey"]) == 4 * -(-ROWS * COLUMNS // 3)
    assert {name: len(value) for name, value in kept.items() if isinstance(value, list)} == {
        "structure": 32,
        "contrast": 32,
        "sharpness": 32,
    }


@given(st.dictionaries(st.text(max_size=12), st.one_of(st.text(max_size=20), st.integers(), st.lists(st.floats()))))
def test_a_torn_state_is_refused_and_no_more(kept: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"camera|reference"):
        Watched.from_json(kept)


def test_looks_that_follow_at_once_say_nothing_of_frozen(camera: Camera) -> None:
    watched, look = Watched(), looked(camera)
    assert [seen(watched, look, 0.1 * number) for number in range(6)] == ["ok"] * 6
    assert [seen(watched, look, 60.0 * number) for number in range(1, 4)] == ["ok", "frozen", "frozen"]


def test_the_clock_is_masked_and_a_walker_is_not() -> None:
    before = np.zeros((ROWS, COLUMNS), np.float32)
    clock = before.copy()
    clock[1:3, 40:60] = 9.0
    assert changed_share(clock, before, LIMITS) == 0.0
    walker = before.copy()
    walker[0:20, 5:9] = 9.0
    assert changed_share(walker, before, LIMITS) > 0.02
    assert writing(np.ones((ROWS, COLUMNS), bool), LIMITS).sum() == 0  # everything at the rim is no writing


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 4), st.integers(0, 255), st.integers(0, 255))
def test_any_frames_have_a_word(count: int, low: int, high: int) -> None:
    rng = np.random.default_rng(low)
    frames = rng.integers(min(low, high), max(low, high) + 1, (count, HEIGHT, WIDTH)).astype(np.uint8)
    assert Watched().see(measure(frames, 0.0), 0.0, LIMITS).picture in set(Picture)


def test_frames_of_another_size_are_refused() -> None:
    with pytest.raises(ValueError, match="expected"):
        measure(np.zeros((1, 10, 10), np.uint8), 0.0)


def test_the_agent_itself_loads_neither_decoder_nor_numpy() -> None:
    agents = [Path("edge/picture/asking.py"), Path("edge/picture/messages.py"), Path("edge/probes/rtsp/picture.py")]
    for path in agents:
        assert not {"import av", "import numpy"} & set(path.read_text("utf-8").splitlines())
