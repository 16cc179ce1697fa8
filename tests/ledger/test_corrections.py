"""Late readings as spans: the worse holds, in any order, however often."""

import itertools

from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import create_engine, select

from shouwang.ledger.corrections import Span, correct, merge
from shouwang.ledger.tables import Base, Correction
from shouwang.vocabulary import Condition

OK, DEGRADED, DOWN = Condition.OK, Condition.DEGRADED, Condition.DOWN
_RANK = {OK: 0, DEGRADED: 1, DOWN: 2}
_spans = st.lists(
    st.tuples(st.integers(0, 40), st.integers(0, 15), st.sampled_from([OK, DEGRADED, DOWN])).map(
        lambda drawn: (drawn[0], drawn[0] + drawn[1], drawn[2])
    ),
    max_size=12,
)


@given(_spans)
def test_at_each_instant_the_worst_holds(spans: list[Span]) -> None:
    merged = merge(spans)
    for instant in range(60):
        live = [condition for start, end, condition in spans if start <= instant < end]
        said = [condition for start, end, condition in merged if start <= instant < end]
        assert said == ([max(live, key=_RANK.__getitem__)] if live else [])
    assert all(a[1] < b[0] or a[2] is not b[2] for a, b in itertools.pairwise(merged))


@given(st.lists(_spans, max_size=4), st.randoms())
def test_the_ledger_holds_the_same_whatever_the_order(batches: list[list[Span]], order: object) -> None:
    def recorded(listed: list[list[Span]]) -> list[tuple[int, int, str]]:
        engine = create_engine("sqlite://")
        Base.metadata.tables["corrections"].create(engine)
        with engine.begin() as connection:
            for batch in listed:
                correct(connection, [(1, start, end, condition) for start, end, condition in batch], 0)
            found = connection.execute(select(Correction.from_at, Correction.to_at, Correction.condition))
            return sorted((a, b, c) for a, b, c in found)

    shuffled = [list(batch) for batch in batches]
    order.shuffle(shuffled)  # type: ignore[attr-defined]
    everything = sorted(merge([span for batch in batches for span in batch]))
    assert recorded(batches) == recorded(shuffled + batches) == [(a, b, str(c)) for a, b, c in everything]
