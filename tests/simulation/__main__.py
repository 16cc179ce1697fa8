"""`python -m tests.simulation --seeds 200`: as many histories. A breach ends it, with seed and commit."""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from tests.simulation.run import DAY_S, History, Simulation


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=20, help="how many, from --first on")
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--seed", type=int, help="this one alone")
    parser.add_argument("--days", type=float, default=0.5, help="of faults in each history; then comes peace")
    chosen = parser.parse_args(arguments)
    seeds = [chosen.seed] if chosen.seed is not None else range(chosen.first, chosen.first + chosen.seeds)
    began = time.process_time()
    done: list[History] = []
    for seed in seeds:
        history = Simulation(seed, chosen.days).run()
        done.append(history)
        if history.breach:
            print(f"seed {seed}, commit {commit()}, --days {chosen.days}: {history.breach}")
            return 1
    took = time.process_time() - began
    weeks = sum(each.simulated_s for each in done) / DAY_S / 7
    print(
        f"{len(done)} seeds, {weeks:.1f} simulated weeks in {took:.0f} CPU-s at commit {commit()}: "
        f"{sum(each.messages for each in done)} messages, {sum(each.transitions for each in done)} transitions, "
        f"{sum(each.incidents for each in done)} incidents, {sum(each.notifications for each in done)} notifications, "
        f"{sum(each.restarts for each in done)} starts of the collector; no invariant broken"
    )
    return 0


def commit() -> str:
    """Which code this was."""
    asked = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty"]
    answer = subprocess.run(asked, capture_output=True, text=True, check=False)
    return answer.stdout.strip() or "unknown"


if __name__ == "__main__":
    sys.exit(main())
