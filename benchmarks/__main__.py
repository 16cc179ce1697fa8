"""`make bench`: every figure, as a table and in build/bench.json. `BENCH=quick` takes under a minute;
`python -m benchmarks --only NAME` measures one plan alone and leaves the other figures of build/bench.json as they are.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from benchmarks import agent, probes, region, steps
from benchmarks.figures import Figures, commit, heading, machine
from benchmarks.region import Plan
from tests.servers import InfluxDB
from tests.servers.programs import BUILT

OUT = Path("build/bench.json")
CENTRES, CONNECTIONS, RATE = 14_592, 2_048, 24_000

Measure = Callable[[Figures], None]


def _region(name: str, readings_a_report: int, rate: float, seconds: float, lone: int = 0) -> tuple[str, Measure]:
    plan = Plan(name, CENTRES, CONNECTIONS, readings_a_report, rate, seconds, lone)
    return name, partial(region.measure, plan=plan)


def with_influxdb(figures: Figures, plan: Plan) -> None:
    """With InfluxDB as the store, where it is built."""
    program = BUILT["influxd"].path
    if not program.exists():
        heading("InfluxDB is not built here (`make test` builds it): its figures are left out")
        return
    with tempfile.TemporaryDirectory(prefix="shouwang-influxdb-") as folder:
        server = InfluxDB(program, Path(folder))
        server.start()
        try:
            server.set_up()
            with server.bucket() as bucket:
                region.measure(figures, replace(plan, bucket=bucket))
        finally:
            server.stop()


QUICK: dict[str, Measure] = {
    "steps, quick": partial(steps.measure, centres=200, rounds=8),
    "region, quick": partial(region.measure, plan=Plan("region, quick", 2_048, CONNECTIONS, 50, RATE, 15, lone=60)),
}
FULL: dict[str, Measure] = dict(
    [
        ("steps", partial(steps.measure, centres=1000, rounds=12)),
        ("probes", probes.measure),
        ("agent", agent.measure),
        _region("reports of 50", 50, RATE, 600, lone=300),
        _region("reports of 5", 5, RATE, 180, lone=300),
        _region("as fast as it goes", 50, 0, 120),
        _region("as fast as it goes, reports of 5", 5, 0, 120),
        (
            "InfluxDB",
            partial(with_influxdb, plan=Plan("InfluxDB", CENTRES, CONNECTIONS, 50, RATE, 180, lone=300)),
        ),
    ]
)


def main() -> None:
    every = QUICK | FULL
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="What it costs.")
    parser.add_argument("--only", action="append", choices=list(every), metavar="NAME", help=f"one of {list(every)}")
    only: list[str] = parser.parse_args().only or []
    wanted = only or list(QUICK if os.environ.get("BENCH") == "quick" else FULL)
    figures = Figures()
    heading(f"Shouwang at {commit()} on {machine()}")
    for name in wanted:
        every[name](figures)
        figures.write(OUT, beside=bool(only))  # after each, so that a long run that is cut short leaves what it found
    print(f"\n{OUT} written")


if __name__ == "__main__":
    main()
