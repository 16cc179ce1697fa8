"""A machine and a state on which nothing is wrong, so that a test can make one mistake and see it named."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from sqlalchemy import insert

from collector.doctor import LANGUAGES, Around, Finding, Grade, examine
from shouwang import __version__, clock
from shouwang.ledger.engine import open_engine
from shouwang.ledger.migrate import upgrade
from shouwang.ledger.people import add_user
from shouwang.ledger.tables import Centre, Device, Incident, Meta, Notification, Try
from shouwang.ledger.tables import Path as HeardPath
from shouwang.settings import load
from shouwang.vocabulary import Role
from tests.servers.process import free_port

CENTRE = "150525100201"
DISK = "21 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"
STRONG = "bG9uZy1lbm91Z2gtYW5kLXJhbmRvbS0wMQ"
DAY_MS = 86_400_000
TOLD = {
    "SHOUWANG_NOTIFY__WEBHOOK__URL": "https://127.0.0.1/hook",
    "SHOUWANG_NOTIFY__WEBHOOK__ALLOW_PRIVATE": "true",
    "SHOUWANG_NOTIFY__WEBHOOK__SECRET": "whsec_c2hvdXdhbmctdGVzdC1zZWNyZXQtMDAwMQ==",
}
"""A way to tell people; in no other test, because making one takes its time."""


@dataclass
class Planted:
    """`environment` are settings, `around` the machine; change them, then `find`."""

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)
    around: Around = field(default_factory=Around)

    @property
    def state(self) -> Path:
        return Path(self.environment["SHOUWANG_STATE"])

    def find(self, **environment: str) -> list[Finding]:
        """All findings, with these settings beside those that are good."""
        return list(examine(load(env=self.environment | environment), self.around))

    def name(self, code: str, **environment: str) -> Finding:
        """The mistake that was made, which must be named with its cure, in both languages."""
        named = [finding for finding in self.find(**environment) if finding.code == code]
        assert len(named) == 1, f"{code}: {[f.code for f in self.find(**environment)]}"
        finding = named[0]
        assert finding.grade is not Grade.OK
        for language in LANGUAGES:
            for said in (finding.text(language), finding.cure(language)):
                assert said.strip()
                assert "{" not in said
        assert any(ord(letter) > 0x3000 for letter in finding.cure("zh") + finding.text("zh"))
        return finding

    def has(self, **changes: Any) -> None:
        """Changes the machine."""
        self.around = replace(self.around, **changes)

    def write(self, *rows: tuple[Any, dict[str, Any]]) -> None:
        """Rows of the ledger."""
        engine = open_engine(f"sqlite:///{self.state / 'ledger.db'}")
        with engine.execution_options(writes=True).begin() as connection:
            for table, row in rows:
                connection.execute(insert(table), row)
        engine.dispose()

    def execute(self, sql: str) -> None:
        engine = open_engine(f"sqlite:///{self.state / 'ledger.db'}")
        with engine.execution_options(writes=True).begin() as connection:
            connection.exec_driver_sql(sql)
        engine.dispose()

    def secret(self, name: str, text: str = STRONG, mode: int = 0o600) -> Path:
        """A file that holds a secret."""
        file = self.folder / name
        file.write_text(text)
        file.chmod(mode)
        return file


def good(folder: Path, template: Path) -> Planted:
    """A fleet of one centre that is heard, somebody to sign in, a disk, Beijing time. `template`: a
    ledger with its tables, to be copied."""
    state = folder / "state"
    state.mkdir(mode=0o700)
    (state / "ledger.db").write_bytes(template.read_bytes())
    mounts = folder / "mountinfo"
    mounts.write_text(DISK)
    units = folder / "units"
    units.mkdir()
    proc = folder / "proc"
    proc.mkdir()
    environment = {
        "SHOUWANG_STATE": str(state),
        "SHOUWANG_BROKER__PROGRAM": "embedded",
        "SHOUWANG_BROKER__PORT": str(free_port()),
        "SHOUWANG_API__PORT": str(free_port()),
        "SHOUWANG_API__PUBLIC_URL": "https://shouwang.example.org",
        "SHOUWANG_HEARTBEAT__URL": "https://hc.example.org/ping",
    }
    around = Around(
        utc_offset_s=8 * 3600, synchronised=True, mounts=mounts, proc=proc, units=(units,), free_bytes_at_most=50 << 30
    )
    planted = Planted(folder, environment, around)
    now_ms = clock.wall_ms()
    heard = {"path": CENTRE, "online": True, "since": now_ms, "first_heard_at": now_ms, "agent_version": __version__}
    planted.write(
        (Centre, {"centre": CENTRE, "region": "150525", "stage": "live"}),
        (Device, {"centre": CENTRE, "device": "call-01", "kind": "call_terminal", "path": CENTRE}),
        (HeardPath, heard),
        (Meta, {"key": "heard_well_at", "value": str(now_ms)}),
    )
    return planted


def make_template(file: Path) -> Path:
    """A ledger with its tables and one user."""
    engine = open_engine(f"sqlite:///{file}")
    upgrade(engine)
    with engine.execution_options(writes=True).begin() as connection:
        add_user(connection, "Ailin", Role.ADMINISTRATOR, clock.wall_ms())
    engine.dispose()
    return file


def refusals(count: int, provider: str, answer: str) -> list[tuple[Any, dict[str, Any]]]:
    """Rows: a notification, and so many tries that were refused."""
    now_ms = clock.wall_ms()
    incident = {"id": "i", "cause": "device_silent", "severity": "major", "since": 1, "opened_at": 1}
    owed = {"id": "n", "incident_id": "i", "type": "opened", "severity": "major", "owed_at": now_ms, "next_try_at": 1}
    tried = {"notification_id": "n", "provider": provider, "at": now_ms, "accepted": False, "answer": answer}
    return [(Incident, incident), (Notification, owed | {"body": {}}), *[(Try, tried)] * count]
