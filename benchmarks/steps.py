"""The cost of each step that a reading takes through the collector, one step after the other in one process."""

from __future__ import annotations

import gc
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Engine, func, select

from benchmarks.figures import Figures, heading
from benchmarks.fleet import codes, fill
from benchmarks.reports import VARIANTS, Source, variants
from collector.deciding import Deciding
from collector.fleet import load_fleet
from collector.incidents import Incidents
from collector.intake import Intake, Taken
from collector.journal import Journal, Row
from collector.record import Record
from collector.recorder.journal import JournalRow
from collector.recorder.names import Names
from collector.recorder.sorting import sort_out
from collector.watch import Watch
from shouwang.clock import Now, SystemClock
from shouwang.kinds import Kinds
from shouwang.ledger.engine import open_engine, sqlite_url
from shouwang.ledger.migrate import upgrade
from shouwang.ledger.tables import Centre
from shouwang.messages import Codec, Report
from shouwang.mqtt import Message
from shouwang.readings import open_store
from shouwang.topics import MESSAGE_EXPIRY_S, Channel, topic
from simulators.fleet import REGION_OF_BANNERS, region

BATCH = 400
_OF_COLLECTOR = ("decode", "journal", "watch", "ledger")
_Result = TypeVar("_Result")


def measure(figures: Figures, *, centres: int, rounds: int, readings_a_report: int = 50) -> None:
    """Each centre sends `rounds` reports; the figures are CPU-seconds of this process for a million readings."""
    heading(f"Cost of each step: {centres} centres, {rounds} reports each of up to {readings_a_report} readings")
    kinds = Kinds()
    with tempfile.TemporaryDirectory(prefix="shouwang-bench-") as folder:
        state = Path(folder)
        engine = open_engine(sqlite_url(state / "ledger.db"))
        upgrade(engine)
        fill(engine, centres)
        memory(figures, engine, kinds)
        with engine.connect() as connection:
            fleet = load_fleet(connection, kinds, {})
        deciding = Deciding(fleet, Watch(kinds, fleet), Incidents(fleet, kinds, lambda: "incident"))
        deciding.watch.hearken(SystemClock().now())
        journal, intake = Journal(state / "journal.db"), Intake(kinds)
        record = Record(engine, "http://127.0.0.1:8420", lambda path: "", kinds)
        messages = _messages(centres, rounds, readings_a_report)
        spent: dict[str, float] = {}
        first: tuple[int, float] | tuple[()] = ()

        def step(name: str, work: Callable[[], _Result]) -> _Result:
            began_s = time.process_time()
            result = work()
            spent[name] = spent.get(name, 0.0) + time.process_time() - began_s
            return result

        readings = 0
        gc.collect()
        first_round = len(messages) // rounds
        for at in range(0, len(messages), BATCH):
            if at >= first_round and not first:
                first, readings, spent = (readings, sum(spent[each] for each in _OF_COLLECTOR)), 0, {}
            batch = messages[at : at + BATCH]
            now = SystemClock().now()
            taken = step("decode", lambda batch=batch, now=now: _decode(intake, batch, now))  # type: ignore[misc]
            readings += sum(len(each.body.readings) for each in taken if isinstance(each.body, Report))
            rows = [Row("report", t.region, t.path, now.wall_ms, 0, 0, t.payload) for t in taken]
            step("journal", lambda rows=rows: journal.append(rows))  # type: ignore[misc]
            step("watch", lambda taken=taken, now=now: _decide(deciding, taken, now))  # type: ignore[misc]
            step("ledger", lambda: record.write(deciding.take_pending(journal.last), now.wall_ms))  # noqa: B023
        _store(state, journal, engine, kinds, step)
        if first:
            figures.add("first hearing of a device", first[1] / first[0] * 1e6, "µs/device", f"{first[0]} devices")
        note = f"{readings} readings of devices heard before"
        for name in _OF_COLLECTOR:
            figures.add(f"step: {name}", spent[name] / readings * 1e6, "CPU-s/1M", note)
        for name in ("sort out for the store", "embedded store"):
            all_of_them = readings + (first[0] if first else 0)
            figures.add(f"step: {name}", spent[name] / all_of_them * 1e6, "CPU-s/1M", f"{all_of_them} readings")
        together = sum(spent[name] for name in _OF_COLLECTOR)
        figures.add("steps of the collector together", together / readings * 1e6, "CPU-s/1M", "limit 8")
        journal.close()
        engine.dispose()


def memory(figures: Figures, engine: Engine, kinds: Kinds) -> None:
    """What a device takes, as Python counts it: in the fleet, in watch and incidents, and once it was heard."""
    with engine.connect() as connection:
        load_fleet(connection, kinds, {})  # what the first time alone leaves behind is no device's
        centres = connection.scalar(select(func.count()).select_from(Centre)) or 0
        messages, intake = _messages(centres, 2, 50), Intake(kinds)
        gc.collect()
        tracemalloc.start()
        try:
            fleet = load_fleet(connection, kinds, {})
            parts = {"fleet": tracemalloc.get_traced_memory()[0]}
            deciding = Deciding(fleet, Watch(kinds, fleet), Incidents(fleet, kinds, lambda: "incident"))
            deciding.watch.hearken(SystemClock().now())
            parts["fleet, watch and incidents"] = tracemalloc.get_traced_memory()[0]
            for at in range(0, len(messages), BATCH):
                now = SystemClock().now()
                _decide(deciding, _decode(intake, messages[at : at + BATCH], now), now)
                deciding.take_pending(0)
            while deciding.anything:
                deciding.take_pending(0)
            gc.collect()
            parts["fleet, watch and incidents, all heard"] = tracemalloc.get_traced_memory()[0]
        finally:
            tracemalloc.stop()
    for name, size in parts.items():
        figures.add(f"memory a device: {name}", size / len(fleet.by_id), "B", f"{len(fleet.by_id)} devices")


def _messages(centres: int, rounds: int, readings_a_report: int) -> list[Message]:
    made = variants(next(region(1)), readings_a_report)
    sources = [Source(REGION_OF_BANNERS, code, number) for number, code in enumerate(codes(centres))]
    now_ms = SystemClock().now().wall_ms
    messages: list[Message] = []
    for round_ in range(rounds):
        for source in sources:
            variant = made[(round_ + source.offset) % VARIANTS]
            for piece in variant:
                where = topic(source.region, source.centre, Channel.REPORT)
                messages.append(Message(where, source.payload(piece, now_ms), 1, False, 1, 1, MESSAGE_EXPIRY_S))
    return messages


def _decode(intake: Intake, batch: list[Message], now: Now) -> list[Taken]:
    taken = [intake.take(message, now) for message in batch]
    assert all(isinstance(each, Taken) and not each.asides for each in taken)
    return taken  # type: ignore[return-value]


def _decide(deciding: Deciding, taken: list[Taken], now: Now) -> None:
    for each in taken:
        deciding.held(each, stored=True)
        deciding.decide(each, now)
    deciding.tick(now)


def _store(
    state: Path, journal: Journal, engine: object, kinds: Kinds, step: Callable[[str, Callable[[], object]], object]
) -> None:
    names = Names(engine)  # type: ignore[arg-type]
    names.refresh()
    codec = Codec(kinds)
    store = open_store(None, state, kinds, writable=True)
    position = 0
    while rows := journal.read(position, 250):
        position = rows[-1].position
        taken = [JournalRow(r.position, r.channel, r.path, r.received_ms, r.held_ms, r.payload) for r in rows]
        turn = step("sort out for the store", lambda taken=taken: sort_out(taken, position, codec, names, kinds.types))  # type: ignore[misc]  # noqa: B023
        step("embedded store", lambda turn=turn: store.write(turn.batch, turn.through))  # type: ignore[misc]
    step("embedded store", store.settle)
    store.close()
