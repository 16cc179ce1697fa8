"""Backups of a state that is being written to, and bringing them back (fault 45)."""

import io
import json
import shutil
import sqlite3
import subprocess
import sys
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, insert, select, update

from collector.journal import Journal, Row
from shouwang.kinds import Kinds
from shouwang.ledger.archive import BackupError
from shouwang.ledger.backup import backup
from shouwang.ledger.engine import open_engine, sqlite_url
from shouwang.ledger.migrate import upgrade
from shouwang.ledger.restore import restore, unfinished
from shouwang.ledger.tables import Centre, Meta
from shouwang.readings import Stored
from shouwang.readings.embedded import EmbeddedStore

KINDS = Kinds()
NOW = 1_790_000_000_000


class House:
    """A state directory, with its ledger on one of the engines, as the collector and the recorder write to it."""

    def __init__(self, state_dir: Path, ledger_url: str) -> None:
        self.dir = state_dir
        self.url = ledger_url
        self.engine: Engine = open_engine(ledger_url)
        upgrade(self.engine)
        with self.engine.begin() as connection:
            if connection.scalar(select(Meta.key)) is None:
                connection.execute(insert(Meta).values(key="journal_position", value="0"))
        self.journal = Journal(state_dir / "journal.db")
        self.store = EmbeddedStore(state_dir / "readings.db", KINDS)

    def hear(self) -> int:
        """A message is journalled, decided, recorded, and what all have passed is pruned."""
        position = self.journal.append([Row("report", "150525", "c1", NOW, 0, 0, b"x" * 500)])
        reading = KINDS.types["camera"](device="cam", fps=25.0)
        self.store.write([Stored("c1", "cam", "camera", NOW + position, reading)], position)
        with self.engine.execution_options(writes=True).begin() as connection:
            connection.execute(update(Meta).where(Meta.key == "journal_position").values(value=str(position)))
        return position

    def prune(self, position: int) -> None:
        db = sqlite3.connect(self.dir / "journal.db", timeout=10)
        db.execute("insert or replace into cursors values('readings', ?)", (position,))
        db.commit()
        db.close()
        self.journal.prune(position)

    def position(self) -> int:
        with self.engine.connect() as connection:
            found = connection.scalar(select(Meta.value).where(Meta.key == "journal_position"))
        return int(found or 0)

    def close(self) -> None:
        self.journal.close()
        self.store.close()
        self.engine.dispose()


@pytest.fixture
def house(tmp_path: Path, ledger_url: str) -> Iterator[House]:
    state = tmp_path / "state"
    state.mkdir()
    url = sqlite_url(state / "ledger.db") if ledger_url.startswith("sqlite") else ledger_url
    made = House(state, url)
    yield made
    made.close()


def save(house: House, target: Path) -> list[str]:
    return backup(house.dir, target, ledger_url=house.url, now_ms=NOW, version="0.1.0").files


@pytest.mark.parametrize("name", ["saved.tar.gz", "saved"])
def test_what_is_saved_comes_back_and_what_stood_there_is_kept(house: House, tmp_path: Path, name: str) -> None:
    # fault 45
    for _ in range(20):
        house.hear()
    house.prune(15)
    target = tmp_path / "backups" / name
    files = save(house, target)
    assert {"journal.db", "readings.db"} <= set(files)
    assert (target if target.is_file() else target / "journal.db").stat().st_mode & 0o077 == 0
    for _ in range(5):
        house.hear()
    house.close()
    done = restore(house.dir, target, ledger_url=house.url, now_ms=NOW)
    assert done.files == files
    assert done.aside is not None
    house.__init__(house.dir, house.url)  # type: ignore[misc]
    assert house.position() == 20
    assert [row.position for row in house.journal.read(0)] == [16, 17, 18, 19, 20]
    assert house.store.position() == 20
    assert len(house.store.points("c1", "cam", "camera", 0, 2 * NOW, 100)) == 20
    with sqlite3.connect(done.aside / "journal.db") as old:
        assert old.execute("select max(position) from journal").fetchone() == (25,)
    old.close()
    assert unfinished(house.dir) == ""
    assert house.hear() == 21


def test_the_moment_is_one_while_everything_is_written_to(house: House, tmp_path: Path) -> None:
    over = threading.Event()
    failures: list[BaseException] = []

    def live() -> None:
        try:
            while not over.is_set():
                position = house.hear()
                if position % 5 == 0:
                    house.prune(position - 2)
        except BaseException as error:
            failures.append(error)

    house.hear()
    thread = threading.Thread(target=live)
    thread.start()
    try:
        saved = []
        for number in range(4):
            target = tmp_path / f"saved-{number}"
            save(house, target)
            saved.append(target)
    finally:
        over.set()
        thread.join()
    assert failures == []
    for target in saved:
        manifest = json.loads((target / "manifest.json").read_text())
        with sqlite3.connect(target / "journal.db") as db:
            first, last = db.execute("select min(position), max(position) from journal").fetchone()
            assert db.execute("pragma integrity_check").fetchone() == ("ok",)
        db.close()
        with sqlite3.connect(target / "readings.db") as db:
            (recorded,) = db.execute("select value from meta where key = 'position'").fetchone()
            assert db.execute("select count(*) from reading_camera").fetchone() == (recorded,)
        db.close()
        decided = manifest["journal_position"]
        assert first <= min(decided, recorded) + 1
        assert last >= max(decided, recorded)
    house.close()
    restore(house.dir, saved[-1], ledger_url=house.url, now_ms=NOW)
    house.__init__(house.dir, house.url)  # type: ignore[misc]
    assert house.position() == json.loads((saved[-1] / "manifest.json").read_text())["journal_position"]


def test_a_running_state_is_not_replaced(house: House, tmp_path: Path) -> None:
    house.hear()
    save(house, tmp_path / "saved.tar.gz")
    with pytest.raises(BackupError, match=r"is in use: stop Shouwang first"):
        restore(house.dir, tmp_path / "saved.tar.gz", ledger_url=house.url, now_ms=NOW)
    assert house.hear() == 2
    house.close()
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import fcntl, sys; f = open(sys.argv[1], 'a'); fcntl.flock(f, fcntl.LOCK_EX); print(1, flush=True);"
            "sys.stdin.read()",
            str(house.dir / "lock"),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"1\n"
    with pytest.raises(BackupError, match="stop Shouwang first"):
        restore(house.dir, tmp_path / "saved.tar.gz", ledger_url=house.url, now_ms=NOW)
    holder.communicate()
    restore(house.dir, tmp_path / "saved.tar.gz", ledger_url=house.url, now_ms=NOW)


def test_a_restore_into_an_empty_directory(house: House, tmp_path: Path) -> None:
    house.hear()
    save(house, tmp_path / "saved.tar.gz")
    house.close()
    on_sqlite = house.url.startswith("sqlite")
    url = sqlite_url(tmp_path / "elsewhere" / "ledger.db") if on_sqlite else house.url
    done = restore(tmp_path / "elsewhere", tmp_path / "saved.tar.gz", ledger_url=url, now_ms=NOW)
    assert (tmp_path / "elsewhere" / "journal.db").exists()
    assert (done.aside is None) == on_sqlite  # PostgreSQL held tables, which are kept


@pytest.fixture
def sqlite_house(tmp_path: Path) -> Iterator[House]:
    state = tmp_path / "state"
    state.mkdir()
    made = House(state, sqlite_url(state / "ledger.db"))
    made.hear()
    yield made
    made.close()


def refusal(house: House, source: Path) -> str:
    """Restoring is refused, and the state is as it was."""
    before = {path.name: path.read_bytes() for path in house.dir.iterdir() if path.suffix == ".db"}
    with pytest.raises(BackupError) as raised:
        restore(house.dir, source, ledger_url=house.url, now_ms=NOW)
    assert {path.name: path.read_bytes() for path in house.dir.iterdir() if path.suffix == ".db"} == before
    assert not list(house.dir.glob(".restoring*"))
    assert not list(house.dir.glob("before-restore*"))
    return str(raised.value)


def test_damaged_and_foreign_backups_change_nothing(sqlite_house: House, tmp_path: Path) -> None:
    house = sqlite_house
    save(house, tmp_path / "good")
    save(house, tmp_path / "good.tar.gz")
    house.close()
    restore(house.dir, tmp_path / "good", ledger_url=house.url, now_ms=NOW)
    shutil.rmtree(next(house.dir.glob("before-restore*")))

    assert "does not exist" in refusal(house, tmp_path / "nothing")
    cut = tmp_path / "cut.tar.gz"
    cut.write_bytes((tmp_path / "good.tar.gz").read_bytes()[:2000])
    assert "cannot be unpacked" in refusal(house, cut)

    bent = tmp_path / "bent"
    shutil.copytree(tmp_path / "good", bent)
    body = bytearray((bent / "journal.db").read_bytes())
    body[-100] ^= 0xFF
    (bent / "journal.db").write_bytes(body)
    assert "its checksum differs" in refusal(house, bent)
    (bent / "journal.db").unlink()
    assert "journal.db is missing" in refusal(house, bent)
    (bent / "manifest.json").write_text("{}")
    assert "is of format None" in refusal(house, bent)

    newer = tmp_path / "newer"
    shutil.copytree(tmp_path / "good", newer)
    manifest = json.loads((newer / "manifest.json").read_text())
    (newer / "manifest.json").write_text(json.dumps({**manifest, "revision": "9999", "version": "9.9"}))
    assert "made by Shouwang 9.9, which is newer" in refusal(house, newer)
    (newer / "manifest.json").write_text(json.dumps({**manifest, "ledger": "postgresql"}))
    assert "set [ledger] url to match" in refusal(house, newer)


def test_an_archive_with_strange_names_is_refused(sqlite_house: House, tmp_path: Path) -> None:
    sqlite_house.close()
    evil = tmp_path / "evil.tar.gz"
    with tarfile.open(evil, "w:gz") as packed:
        member = tarfile.TarInfo("../../evil")
        member.size = 4
        packed.addfile(member, io.BytesIO(b"evil"))
    with pytest.raises(BackupError, match="does not belong into a backup"):
        restore(sqlite_house.dir, evil, ledger_url=sqlite_house.url, now_ms=NOW)
    assert not (tmp_path / "evil").exists()


def test_backups_are_never_written_over_and_nothing_half_is_left(sqlite_house: House, tmp_path: Path) -> None:
    target = tmp_path / "saved.tar.gz"
    save(sqlite_house, target)
    with pytest.raises(BackupError, match="exists already"):
        save(sqlite_house, target)
    with pytest.raises(BackupError, match=r"written as \.tar\.gz"):
        save(sqlite_house, tmp_path / "saved.zip")
    with pytest.raises(BackupError, match="holds no state"):
        backup(tmp_path / "empty", tmp_path / "b", ledger_url=sqlite_house.url, now_ms=NOW, version="1")
    sqlite_house.close()
    (sqlite_house.dir / "readings.db").write_bytes(b"not a database at all, but longer than a header" * 40)
    with pytest.raises(BackupError, match="the backup failed"):
        save(sqlite_house, tmp_path / "again")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["saved.tar.gz", "state"]


def test_a_restore_that_was_cut_short_is_known_and_done_again(sqlite_house: House, tmp_path: Path) -> None:
    house = sqlite_house
    save(house, tmp_path / "saved")
    house.close()
    (house.dir / "RESTORE-UNFINISHED").write_text("before-restore-x")
    assert "run `shouwang restore` again" in unfinished(house.dir)
    with pytest.raises(BackupError, match="was cut short"):
        save(house, tmp_path / "of-half-a-restore")
    restore(house.dir, tmp_path / "saved", ledger_url=house.url, now_ms=NOW)
    assert unfinished(house.dir) == ""


def test_two_restores_at_one_moment_keep_both_old_states(sqlite_house: House, tmp_path: Path) -> None:
    house = sqlite_house
    save(house, tmp_path / "saved")
    house.close()
    first = restore(house.dir, tmp_path / "saved", ledger_url=house.url, now_ms=NOW)
    second = restore(house.dir, tmp_path / "saved", ledger_url=house.url, now_ms=NOW)
    assert first.aside != second.aside
    assert len(list(house.dir.glob("before-restore-20260921T*"))) == 2


def test_the_ledger_of_a_backup_is_usable_after_an_upgrade(sqlite_house: House, tmp_path: Path) -> None:
    with sqlite_house.engine.execution_options(writes=True).begin() as connection:
        connection.execute(insert(Centre).values(centre="c1", region="150525"))
    save(sqlite_house, tmp_path / "saved")
    engine = open_engine(sqlite_url(tmp_path / "saved" / "ledger.db"))
    assert upgrade(engine) is False
    with engine.connect() as connection:
        assert connection.scalars(select(Centre.centre)).all() == ["c1"]
    engine.dispose()
