"""Which registers are asked for, and what they become."""

import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.probes.modbus.registers import (
    BITS_AT_ONCE,
    REGISTERS_AT_ONCE,
    Batch,
    Point,
    RegisterError,
    Table,
    batches,
    parse_point,
    values,
)


@pytest.mark.parametrize(
    ("text", "registers", "value"),
    [
        ("holding 0", [7], 7),
        ("holding 0 s16 *0.1", [0xFFFF - 314], -31.5),
        ("input 0 *0.1 -40", [655], 25.5),
        ("input 0 u32", [1, 2], 65_538),
        ("input 0 u32 cdab", [2, 1], 65_538),
        ("input 0 s32", [0xFFFF, 0xFFFE], -2),
        ("input 0 float", list(struct.unpack(">HH", struct.pack(">f", 229.4))), 229.4),
        ("input 0 float cdab", list(reversed(struct.unpack(">HH", struct.pack(">f", 229.4)))), 229.4),
        ("input 0 float", list(struct.unpack(">HH", struct.pack(">f", float("nan")))), None),
        ("input 0 unknown 65535", [65_535], None),
        ("holding 0 bit 3", [8], True),
        ("holding 0 bit 3 not", [8], False),
        ("coil 0", [1], True),
        ("discrete 0 not", [1], False),
    ],
)
def test_what_registers_become(text: str, registers: list[int], value: Any) -> None:
    point = parse_point(text)
    batch = Batch(point.table, 0, point.size, {"field": point})
    assert values(batch, registers) == ({} if value is None else {"field": value})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "begin with a table"),
        ("register 1", "begin with a table"),
        ("input", "begin with a table"),
        ("input 70000", "not between 0 and 65535"),
        ("input 65535 u32", "ends beyond"),
        ("input 1 u64", "'u64' is not understood"),
        ("input 1 *x", "is not understood"),
        ("input 1 bit", "bit needs a number"),
        ("input 1 bit 16", "bit 0 to 15"),
        ("input 1 float bit 1", "bit 0 to 15"),
        ("input 1 not", "true or false"),
        ("coil 1 *2", "has no type or scale"),
    ],
)
def test_what_is_wrong_with_a_line_is_said(text: str, said: str) -> None:
    with pytest.raises(RegisterError, match=said):
        parse_point(text)


def asked(*texts: str, one_by_one: bool = False) -> list[tuple[str, int, int]]:
    points = {f"f{n}": parse_point(text) for n, text in enumerate(texts)}
    return [(batch.table, batch.address, batch.size) for batch in batches(points, one_by_one=one_by_one)]


def test_neighbours_are_asked_for_at_once() -> None:
    assert asked("input 10", "input 0 float", "input 2 float") == [("input", 0, 11)]
    assert asked("input 0", "input 10") == [("input", 0, 1), ("input", 10, 1)]
    assert asked("input 0", "holding 0", "discrete 5", "discrete 0") == [
        ("discrete", 0, 6),
        ("holding", 0, 1),
        ("input", 0, 1),
    ]
    assert asked("input 0 float", "input 0", "input 1") == [("input", 0, 2)]
    assert len(asked("input 0", "input 1", one_by_one=True)) == 2


@given(
    st.dictionaries(
        st.text(st.characters(codec="ascii"), min_size=1, max_size=8),
        st.builds(
            Point,
            table=st.sampled_from(list(Table)),
            address=st.integers(0, 60_000) | st.integers(0, 40),
            type=st.sampled_from(["u16", "s16"]),
        ),
        min_size=1,
        max_size=64,
    )
)
def test_whatever_is_wanted_is_asked_for_once_and_within_the_limits(points: dict[str, Point]) -> None:
    made = batches(points)
    assert sorted(name for batch in made for name in batch.points) == sorted(points)
    for batch in made:
        assert batch.size <= (BITS_AT_ONCE if batch.table.is_bits else REGISTERS_AT_ONCE)
        for point in batch.points.values():
            assert batch.table == point.table
            assert batch.address <= point.address
            assert point.address + point.size <= batch.address + batch.size
        assert values(batch, [1] * batch.size).keys() == batch.points.keys()
