"""`shouwang setup influxdb` against a real InfluxDB, and what its buckets hold then: so many series, no more."""

import csv
import json
import stat
from pathlib import Path
from typing import Any

import httpx
import pytest

from shouwang import cli, clock
from shouwang.kinds import Kinds
from shouwang.readings import open_store
from shouwang.readings.store import Stored
from tests.servers import Bucket

pytestmark = pytest.mark.system

KINDS = Kinds()


class SetUp:
    """The command, for a bucket of its own."""

    def __init__(self, influxdb: Bucket, directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.influxdb = influxdb
        self.bucket = f"{influxdb.bucket}-own"
        self.state = directory / "state"
        self.admin = directory / "admin-token"
        self.admin.write_text(influxdb.token + "\n")
        self._capsys = capsys

    def __call__(self, *flags: str, code: int = 0) -> tuple[list[str], str]:
        """Gives what it says was done, and what stands on standard error."""
        words = ["setup", "influxdb", "--json", "--url", self.influxdb.url, "--org", self.influxdb.org]
        words += ["--bucket", self.bucket, "--admin-token-file", str(self.admin), "--state", str(self.state), *flags]
        assert cli.main(words) == code
        said = self._capsys.readouterr()
        return (json.loads(said.out)["done"] if said.out else []), said.err

    def secret(self, name: str) -> str:
        file = self.state / "secrets" / f"influxdb-{name}"
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        return file.read_text().strip()

    def buckets(self) -> dict[str, int]:
        found = self.influxdb.server.call("GET", "/api/v2/buckets?limit=100").json()["buckets"]
        return {
            each["name"]: each["retentionRules"][0]["everySeconds"] // 86_400
            for each in found
            if each["name"].startswith(self.bucket)
        }

    def write(self, token: str) -> int:
        url = f"{self.influxdb.url}/api/v2/write?org={self.influxdb.org}&bucket={self.bucket}"
        return httpx.post(url, content="x y=1", headers={"Authorization": f"Token {token}"}).status_code

    def query(self, token: str, flux: str) -> httpx.Response:
        headers = {"Authorization": f"Token {token}", "Content-Type": "application/vnd.flux", "Accept": "text/csv"}
        url = f"{self.influxdb.url}/api/v2/query?org={self.influxdb.org}"
        return httpx.post(url, content=flux, headers=headers).raise_for_status()


@pytest.fixture
def set_up(influxdb: Bucket, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> SetUp:
    return SetUp(influxdb, tmp_path, capsys)


def test_it_makes_buckets_and_tokens_once_and_a_second_run_changes_nothing(set_up: SetUp) -> None:
    would, _ = set_up("--dry-run")
    assert len(would) == 4
    assert all(line.startswith("would make") for line in would)
    assert set_up.buckets() == {}
    assert not set_up.state.exists()

    done, _ = set_up()
    assert [line.replace("made", "would make") for line in done] == would
    assert set_up.buckets() == {set_up.bucket: 30, f"{set_up.bucket}_hourly": 1100}
    writes, reads = set_up.secret("token"), set_up.secret("reader-token")
    assert (set_up.write(writes), set_up.write(reads)) == (204, 403)
    assert set_up.query(reads, f'from(bucket: "{set_up.bucket}") |> range(start: 0)').text.strip()

    assert set_up() == ([], "")
    assert set_up("--dry-run") == ([], "")
    assert (set_up.secret("token"), set_up.secret("reader-token")) == (writes, reads)

    (set_up.state / "secrets" / "influxdb-reader-token").unlink()
    _, said = set_up(code=1)
    assert "influxdb-reader-token is not here" in said
    assert "--renew-tokens" in said
    renewed, _ = set_up("--renew-tokens")
    assert len(renewed) == 2
    assert (set_up.write(writes), set_up.write(set_up.secret("token"))) == (401, 204)
    assert writes not in said
    assert reads not in said


def test_a_fleet_costs_as_many_series_as_the_page_about_readings_says(set_up: SetUp, tmp_path: Path) -> None:
    """One a device, whatever its fields and however often it reports (docs/readings.md, "How many series")."""
    set_up()
    token = set_up.secret("token")
    now_ms = clock.wall_ms() - 3_600_000
    fields: dict[str, dict[str, Any]] = {
        "call_terminal": {"reachable": True, "latency_ms": 12.0, "battery_percent": 87.0, "registered": True},
        "pos_terminal": {"reachable": True, "latency_ms": 9.0, "paper": "ok"},
        "camera": {"reachable": True, "fps": 25.0},
        "site": {"mains_power": True},
    }
    fleet = [(f"c-{centre}", f"{kind}-{n}", kind) for centre in range(40) for kind in fields for n in range(3)]
    store = open_store(
        set_up.influxdb.url, tmp_path, KINDS, org=set_up.influxdb.org, bucket=set_up.bucket, token=token, writable=True
    )
    for turn in range(3):  # the same devices again: no more series
        store.write(
            [
                Stored(centre, device, kind, now_ms + turn * 30_000, KINDS.types[kind](device=device, **fields[kind]))
                for centre, device, kind in fleet
            ]
        )
    store.close()
    flux = f'import "influxdata/influxdb"\ninfluxdb.cardinality(bucket: "{set_up.bucket}", start: 1970-01-01T00:00:00Z)'
    rows = [row for row in csv.reader(set_up.query(token, flux).text.splitlines()) if row]
    assert int(rows[1][rows[0].index("_value")]) == len(fleet) == 480
