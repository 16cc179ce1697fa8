"""The journal: on disk when it says so, in order, bounded, pruned only behind every reader."""

import contextlib
import os
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from collector.journal import Journal, JournalFull, Row
from collector.packing import pack
from collector.recorder.journal import JournalSource


def row(payload: bytes = b"x", channel: str = "report") -> Row:
    return Row(channel, "150525", "150525100201", 1_700_000_000_000, 5, 0, payload)


def fill(journal: Journal, channel: str) -> None:
    with contextlib.suppress(JournalFull):
        for _ in range(100):
            journal.append([row(os.urandom(8_000), channel)])  # cannot be packed


def test_rows_come_back_in_order_with_their_positions(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.db")
    assert journal.append([row(b"a"), row(b"b")]) == 2
    assert journal.append([row(b"c")]) == 3
    assert [(r.position, r.payload) for r in journal.read(1)] == [(2, b"b"), (3, b"c")]


def test_what_is_long_lies_packed_and_rows_of_before_are_read_as_they_are(tmp_path: Path) -> None:
    readings = b'{"readings":[' + b",".join(b'{"device":"call-%02d","reachable":true}' % n for n in range(50)) + b"]}"
    journal = Journal(tmp_path / "journal.db")
    looks_packed = pack(readings)[:40]
    payloads = [b"", b"{}", readings, looks_packed, os.urandom(3_000), b"\x00lz4"]
    journal.append([row(payload) for payload in payloads])
    source = JournalSource(tmp_path / "journal.db")
    assert [r.payload for r in journal.read(0)] == payloads
    assert [r.payload for r in source.read(0, 100)[0]] == payloads
    with sqlite3.connect(tmp_path / "journal.db") as db:
        (lies,) = db.execute("select payload from journal where position = 3").fetchone()
        assert len(lies) * 3 < len(readings)
        for position, payload in ((4, readings), (5, looks_packed)):
            db.execute("update journal set payload = ? where position = ?", (payload, position))
    assert [r.payload for r in journal.read(3)][:2] == [readings, looks_packed], "written by an earlier version"
    source.close()


def test_what_was_written_survives_kill_9(tmp_path: Path) -> None:  # fault 2
    program = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from collector.journal import Journal, Row\n"
        "journal = Journal(Path(sys.argv[1]))\n"
        "row = Row('event', '150525', 'c', 1, 1, 0, b'help')\n"
        "print(journal.append([row] * 7), flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", program, tmp_path / "j.db"], capture_output=True, timeout=30)
    assert done.stdout == b"7\n"
    assert len(Journal(tmp_path / "j.db").read(0)) == 7


def test_it_prunes_only_what_every_reader_has_passed(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.db")
    journal.append([row()] * 10)
    assert journal.prune(10) == 0, "the recorder has not said where it stands"
    other = sqlite3.connect(tmp_path / "journal.db")
    with other:
        other.execute("insert into cursors values('recorder', 4)")
    assert journal.prune(10) == 4
    assert journal.prune(2) == 0
    assert [r.position for r in journal.read(0)] == [5, 6, 7, 8, 9, 10]
    assert journal.cursor("watch") == 2


def test_positions_are_never_used_again(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.db")
    journal.append([row()] * 3)
    with sqlite3.connect(tmp_path / "journal.db") as other:
        other.execute("insert into cursors values('recorder', 3)")
    journal.prune(3)
    journal.close()
    assert Journal(tmp_path / "journal.db").append([row()]) == 4


def test_at_its_limit_reports_are_refused_and_events_find_room(tmp_path: Path) -> None:  # fault 28
    journal = Journal(tmp_path / "journal.db", limit_bytes=400_000)
    fill(journal, "report")
    with pytest.raises(JournalFull, match="at its limit"):
        journal.append([row(b"r")])
    before = journal.last
    assert journal.append([row(b"help", "event")]) == before + 1
    fill(journal, "event")
    with pytest.raises(JournalFull):
        journal.append([row(b"e", "event")])


def test_appending_and_pruning_at_once_are_one_transaction_after_the_other(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.db")
    journal._db.execute("insert into cursors values('readings', 1000000)")
    with ThreadPoolExecutor(2) as threads:
        appending = threads.submit(lambda: [journal.append([row()] * 20) for _ in range(100)])
        pruning = threads.submit(lambda: [journal.prune(journal.last) for _ in range(100)])
        appending.result()
        deleted = sum(pruning.result()) + journal.prune(journal.last)
    assert journal.last == deleted == 2000
    journal.close()
