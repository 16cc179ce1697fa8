"""A VictoriaMetrics on loopback: another store that takes line protocol."""

import json
from collections.abc import Sequence
from pathlib import Path

import httpx

from tests.servers.process import ServerProcess


class Victoria(ServerProcess):
    """The server, which keeps of points at one instant the last (`-dedup.minScrapeInterval=1ms`)."""

    def __init__(self, program: Path, directory: Path, port: int | None = None) -> None:
        super().__init__(directory, port)
        self.program = program

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    def command(self) -> Sequence[str | Path]:
        return [
            self.program,
            f"-httpListenAddr={self.host}:{self.port}",
            f"-storageDataPath={self.directory / 'data'}",
            "-dedup.minScrapeInterval=1ms",
            "-search.latencyOffset=0s",
            "-memory.allowedBytes=128MiB",
            "-loggerLevel=WARN",
        ]

    def ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/health", timeout=1).is_success
        except httpx.HTTPError:
            return False

    def points(self, name: str, **labels: str) -> list[tuple[int, float]]:
        """(epoch ms, value) of one series, oldest first."""
        httpx.get(f"{self.url}/internal/force_flush", timeout=10).raise_for_status()
        chosen = ",".join(f'{label}="{value}"' for label, value in {"__name__": name, **labels}.items())
        answer = httpx.get(f"{self.url}/api/v1/export", params={"match[]": f"{{{chosen}}}"}, timeout=10)
        (series,) = [json.loads(line) for line in answer.raise_for_status().text.splitlines()]
        return list(zip(series["timestamps"], series["values"], strict=True))

    def value(self, query: str, at_ms: int) -> float:
        """What a MetricsQL query of one series gives at an instant."""
        asked = {"query": query, "time": f"{at_ms / 1000:.3f}"}
        answer = httpx.get(f"{self.url}/api/v1/query", params=asked, timeout=10).raise_for_status().json()
        (series,) = answer["data"]["result"]
        return float(series["value"][1])
