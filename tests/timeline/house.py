"""The house of a timeline: a state directory, a fleet, the real collector as a process, and eyes on its ledger."""

import asyncio
import json
import os
import sqlite3
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

from sqlalchemy import insert, select, text

from collector.packing import unpack
from collector.recorder.file import read_state
from shouwang.clock import wall_ms
from shouwang.ledger.engine import open_engine
from shouwang.ledger.migrate import upgrade
from shouwang.ledger.tables import Centre, Deed, Device, Feed, Incident, Meta
from tests.servers.process import ServerProcess

REGION = "150525"
CENTRE = "150525100201"


class CollectorProcess(ServerProcess):
    """`shouwang collector --only watch` with the settings of a test. Ready when it hears."""

    only = "watch"

    def __init__(self, directory: Path, environment: dict[str, str]) -> None:
        super().__init__(directory)
        self.environment = environment
        self.log = directory / f"{self.only}.log"
        self._from = 0
        self._need_not_hear = False

    def command(self) -> Sequence[str | Path]:
        self._from = self.log.stat().st_size if self.log.exists() else 0
        settings = [f"{key}={value}" for key, value in self.environment.items()]
        return ["/usr/bin/env", *settings, sys.executable, "-m", "shouwang", "collector", "--only", self.only]

    def ready(self) -> bool:
        return self._need_not_hear or b"event=hearing" in self.log.read_bytes()[self._from :]

    def start(self, *, ready: bool = True) -> Self:
        """`ready` False: it need not come to hear."""
        self._need_not_hear = not ready
        return super().start()

    def said(self, words: str) -> int:
        """How often its log says something."""
        return self.log.read_text(errors="replace").count(words)


class RecorderProcess(CollectorProcess):
    """`shouwang collector --only recorder`; it says in `recorder.db` how it stands."""

    only = "recorder"

    def ready(self) -> bool:
        return read_state(self.directory) is not None


class House:
    """`limits` are of call terminals, in seconds: they report each second, are silent after 2 and told 1 later."""

    def __init__(self, directory: Path, broker_url: str, hook_url: str = "", ledger_url: str = "", **more: str) -> None:
        self.state = directory
        self.broker = broker_url
        self.engine = open_engine(ledger_url or f"sqlite:///{directory / 'ledger.db'}")
        upgrade(self.engine)
        environment = {
            "SHOUWANG_STATE": str(directory),
            "SHOUWANG_BROKER__URL": broker_url,
            "PYTHONPATH": str(Path.cwd()),
        }
        if hook_url:
            environment |= {
                "SHOUWANG_NOTIFY__WEBHOOK__URL": hook_url,
                "SHOUWANG_NOTIFY__WEBHOOK__ALLOW_PRIVATE": "true",
                "SHOUWANG_NOTIFY__WEBHOOK__SECRET": "whsec_c2hvdXdhbmctdGVzdC1zZWNyZXQtMDAwMQ==",
            }
        if ledger_url:
            environment["SHOUWANG_LEDGER__URL"] = ledger_url
        self.collector = CollectorProcess(directory, environment | more)
        self.recorder = RecorderProcess(directory, self.collector.environment)

    def fleet(
        self, *centres: str, terminals: int = 2, feed: str = "", centre_silent_after_s: float = 3, **of_device: Any
    ) -> None:
        """Centres (or devices through a feed), each with so many call terminals; a village's code names its
        township."""
        limits = {"report_every_s": 1, "silent_after_s": 2, "notify_after_s": 1} | of_device
        with self.engine.execution_options(writes=True).begin() as connection:
            if feed:
                connection.execute(insert(Feed), [{"feed": feed, "region": REGION, "silent_after_s": 3}])
            for centre in centres or (CENTRE,):
                row = {
                    "centre": centre,
                    "region": REGION,
                    "township": centre[:9],
                    "silent_after_s": centre_silent_after_s,
                }
                connection.execute(insert(Centre), [row | {"notify_after_s": 1, "name": "北老柜村"}])
                device = {"centre": centre, "kind": "call_terminal", "path": feed or centre, "target": "10.0.0.1"}
                connection.execute(
                    insert(Device), [device | limits | {"device": f"call-{n + 1:02d}"} for n in range(terminals)]
                )
            connection.execute(text("delete from meta where key = 'fleet_revision'"))
            connection.execute(insert(Meta), [{"key": "fleet_revision", "value": str(os.urandom(4).hex())}])

    def device(self, device: str, kind: str, centre: str = CENTRE, **of_device: Any) -> None:
        """One more device of a centre, after `fleet`."""
        row = {"centre": centre, "device": device, "kind": kind, "path": centre, "target": "10.0.0.1"}
        limits = {"report_every_s": 1, "silent_after_s": 5, "notify_after_s": 1}
        with self.engine.execution_options(writes=True).begin() as connection:
            connection.execute(insert(Device), [row | limits | of_device])

    def asides(self, reason: str) -> list[tuple[str, str, str, int]]:
        """(path, device, kind, how often) of what was set aside for a reason."""
        return [
            (path, device, kind, count)
            for path, device, kind, why, count in self.query("select path, device, kind, reason, count from asides")
            if why == reason
        ]

    def collector_settings(self, **environment: str) -> None:
        """Before it is started."""
        self.collector.environment |= environment

    def journal(self) -> list[tuple[str, int]]:
        """(boot, seq) of every row in the journal; the recorder must not have pruned it."""
        with sqlite3.connect(self.state / "journal.db") as db:
            payloads = [json.loads(unpack(payload)) for (payload,) in db.execute("select payload from journal")]
        return [(said["boot"], said["seq"]) for said in payloads if "seq" in said]  # a reply has none

    def incidents(self, **where: Any) -> list[Any]:
        """Rows of the ledger, oldest first."""
        statement = select(Incident.__table__).order_by(Incident.opened_at, Incident.id)
        for column, value in where.items():
            statement = statement.where(getattr(Incident, column) == value)
        with self.engine.connect() as connection:
            return list(connection.execute(statement))

    def deed(self, what: str, incident_id: str, note: str = "") -> None:
        """What a person does on a page."""
        row = {"at": wall_ms(), "who": "Ailin", "what": what, "incident_id": incident_id, "note": note}
        with self.engine.execution_options(writes=True).begin() as connection:
            connection.execute(insert(Deed), [row])

    def query(self, sql: str) -> list[Any]:
        with self.engine.connect() as connection:
            return [tuple(row) for row in connection.execute(text(sql))]

    async def until(self, holds: Any, within_s: float = 15, why: str = "") -> Any:
        """Waits until `holds()` gives something; that is the result."""
        found: Any = None
        try:
            async with asyncio.timeout(within_s):
                while not (found := holds()):  # noqa: ASYNC110  (what holds is in another process)
                    await asyncio.sleep(0.05)
        except TimeoutError:
            log = self.collector.log.read_text(errors="replace")[-3000:] if self.collector.log.exists() else ""
            raise AssertionError(
                f"{why or 'did not come true'} within {within_s} s; incidents: "
                f"{[(i.cause, i.device, i.closed_as) for i in self.incidents()]}\n{log}"
            ) from None
        return found

    def close(self) -> None:
        self.recorder.stop()
        self.collector.stop()
        self.engine.dispose()
