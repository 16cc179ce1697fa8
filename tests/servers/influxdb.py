"""An InfluxDB 2 server on loopback, set up through its own API; each test gets a bucket of its own."""

import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.servers.process import ServerProcess

ORG = "shouwang"
TOKEN = "token-of-the-tests"


class InfluxDB(ServerProcess):
    """The server, with organisation `shouwang` and an all-access token."""

    def __init__(self, program: Path, directory: Path, port: int | None = None) -> None:
        super().__init__(directory, port)
        self.program = program
        self.org = ORG
        self.token = TOKEN
        self.org_id = ""

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    def command(self) -> Sequence[str | Path]:
        return [
            self.program,
            f"--http-bind-address={self.host}:{self.port}",
            f"--bolt-path={self.directory / 'influxd.bolt'}",
            f"--sqlite-path={self.directory / 'influxd.sqlite'}",
            f"--engine-path={self.directory / 'engine'}",
            "--reporting-disabled",
            "--log-level=warn",
        ]

    def ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/health", timeout=1).is_success
        except httpx.HTTPError:
            return False

    def set_up(self) -> None:
        """Makes organisation, user and token; once, on a new directory."""
        asked = {"username": "tests", "password": "tests-only", "org": ORG, "bucket": "first", "token": TOKEN}
        answer = httpx.post(f"{self.url}/api/v2/setup", json=asked, timeout=10)
        answer.raise_for_status()
        self.org_id = answer.json()["org"]["id"]

    def call(self, method: str, path: str, body: Any = None) -> httpx.Response:
        """One call of its API with the token; raises httpx.HTTPStatusError on a refusal."""
        headers = {"Authorization": f"Token {TOKEN}"}
        answer = httpx.request(method, f"{self.url}{path}", json=body, headers=headers, timeout=10)
        return answer.raise_for_status()

    @contextmanager
    def bucket(self) -> Iterator["Bucket"]:
        """A fresh bucket, gone afterwards."""
        name = f"test-{uuid.uuid4().hex[:12]}"
        made = self.call("POST", "/api/v2/buckets", {"orgID": self.org_id, "name": name, "retentionRules": []})
        try:
            yield Bucket(self, self.url, self.org, name, self.token)
        finally:
            self.start()  # a test may have ended it
            self.call("DELETE", f"/api/v2/buckets/{made.json()['id']}")


@dataclass(frozen=True)
class Bucket:
    """Where one test writes: what a client needs, and the server, to take it away and bring it back."""

    server: InfluxDB
    url: str
    org: str
    bucket: str
    token: str

    def rows(self, flux: str) -> list[dict[str, str]]:
        """Runs a Flux query, in which `BUCKET` stands for this bucket; gives its rows as the server's CSV has them."""
        answer = httpx.post(
            f"{self.url}/api/v2/query?org={self.org}",
            content=flux.replace("BUCKET", self.bucket),
            headers={"Authorization": f"Token {self.token}", "Content-Type": "application/vnd.flux"},
            timeout=30,
        ).raise_for_status()
        rows: list[dict[str, str]] = []
        head: list[str] = []
        for line in answer.text.splitlines():
            cells = line.split(",")
            if not line:
                head = []  # the next table has a head of its own
            elif not head:
                head = cells
            else:
                rows.append(dict(zip(head, cells, strict=False)))
        return rows
