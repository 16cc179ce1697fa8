"""`make bench`: every figure, as a table and in build/bench.json. `BENCH=quick` takes under a minute."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from benchmarks import region, steps
from benchmarks.figures import Figures, commit, heading, machine
from benchmarks.region import Plan
from tests.servers import InfluxDB
from tests.servers.programs import influxd_path

OUT = Path("build/bench.json")


def main() -> None:
    figures = Figures()
    heading(f"Shouwang at {commit()} on {machine()}")
    if os.environ.get("BENCH") == "quick":
        steps.measure(figures, centres=200, rounds=8, readings_a_report=50)
        region.measure(figures, Plan("region, quick", 2_048, 2_048, 50, 24_000, 20, lone=60))
    else:
        steps.measure(figures, centres=1000, rounds=12, readings_a_report=50)
        region.measure(figures, Plan("region, reports of 50", 14_592, 2_048, 50, 24_000, 600, lone=300))
        region.measure(figures, Plan("region, reports of 5", 14_592, 2_048, 5, 24_000, 120, lone=300))
        region.measure(figures, Plan("as fast as it goes", 14_592, 2_048, 50, 0, 60))
        with_influxdb(figures)
    figures.write(OUT)
    print(f"\n{OUT} written")


def with_influxdb(figures: Figures) -> None:
    """The same with InfluxDB as the store, where it is built."""
    program = influxd_path()
    if not program.exists():
        heading("InfluxDB is not built here (`make test` builds it): its figures are left out")
        return
    with tempfile.TemporaryDirectory(prefix="shouwang-influxdb-") as folder:
        server = InfluxDB(program, Path(folder))
        server.start()
        try:
            server.set_up()
            with server.bucket() as bucket:
                plan = Plan("region, InfluxDB", 14_592, 2_048, 50, 24_000, 120, lone=300, bucket=bucket)
                region.measure(figures, plan)
        finally:
            server.stop()


if __name__ == "__main__":
    main()
