"""The writing that a camera lays over its picture: its name, the date and the clock."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_GLYPHS = {
    "0": "01110100011001110101110011000101110",
    "1": "00100011000010000100001000010001110",
    "2": "01110100010000100010001000100011111",
    "3": "11111000100010000010000011000101110",
    "4": "00010001100101010010111110001000010",
    "5": "11111100001111000001000011000101110",
    "6": "00110010001000011110100011000101110",
    "7": "11111000010001000100010000100001000",
    "8": "01110100011000101110100011000101110",
    "9": "01110100011000101111000010001001100",
    "-": "00000000000000011111000000000000000",
    ":": "00000011000110000000011000110000000",
    " ": "0" * 35,
    "C": "01110100011000010000100001000101110",
    "A": "01110100011000111111100011000110001",
    "M": "10001110111010110101100011000110001",
    "H": "10001100011000111111100011000110001",
    "L": "10000100001000010000100001000011111",
}
_BITS = {letter: np.array([bit == "1" for bit in bits], bool).reshape(7, 5) for letter, bits in _GLYPHS.items()}


def write(frame: NDArray[np.uint8], text: str, *, top: bool, left: bool, scale: int) -> None:
    """Writes `text` into a corner of a grey frame, white with a dark edge."""
    columns = np.concatenate([np.pad(_BITS[letter], ((0, 0), (0, 1))) for letter in text], axis=1)
    ink = np.pad(np.repeat(np.repeat(columns, scale, 0), scale, 1), scale)
    edge = ink.copy()
    for shift in (-scale, scale):
        edge |= np.roll(ink, shift, 0) | np.roll(ink, shift, 1)
    rows, wide = ink.shape
    away = 3 * scale
    y = away if top else frame.shape[0] - rows - away
    x = away if left else frame.shape[1] - wide - away
    part = frame[y : y + rows, x : x + wide]
    part[edge] = 16
    part[ink] = 235


def clock_text(at_s: float) -> str:
    """As cameras write an instant: `2026-11-24 15:20:31`; seconds of one day are enough here."""
    second = int(at_s) % 86_400
    return f"2026-11-24 {second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}"
