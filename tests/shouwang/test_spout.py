"""Lines that nobody reads make nobody wait."""

import os
import time

from shouwang.spout import Spout


def test_what_is_put_is_written_in_order() -> None:
    reading, writing = os.pipe()
    spout = Spout(writing)
    for n in range(100):
        spout.put(f"line {n} 守望")
    spout.close()
    os.close(writing)
    with os.fdopen(reading, encoding="utf-8") as file:
        assert file.read().splitlines() == [f"line {n} 守望" for n in range(100)]


def test_a_reader_that_stands_still_stops_nobody_and_is_told_what_it_missed() -> None:
    reading, writing = os.pipe()
    spout = Spout(writing, lines_max=50)
    began = time.monotonic()
    for n in range(20_000):
        spout.put("x" * 1_000 + str(n))
    assert time.monotonic() - began < 5
    with os.fdopen(reading, encoding="utf-8") as file:
        seen = [file.readline() for _ in range(100)]
        spout.put("last")
        while not seen[-1].startswith("last"):
            seen.append(file.readline())
        assert any("lines were not written" in line for line in seen)
    spout.close()
    os.close(writing)


def test_a_reader_that_went_away_ends_nobody() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    spout = Spout(writing)
    for _ in range(10):
        spout.put("nobody hears this")
    spout.close()
    os.close(writing)
