"""What was measured: a list of figures, as a table for people and as JSON for programs."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from dataclasses import asdict, dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Figure:
    name: str
    value: float
    unit: str
    note: str = ""


@dataclass(slots=True)
class Figures:
    """Collects figures in the order in which they are found."""

    found: list[Figure] = field(default_factory=list)

    def add(self, name: str, value: float, unit: str, note: str = "") -> None:
        """Adds one, and prints it at once: a long run is watched."""
        figure = Figure(name, float(f"{value:.4g}"), unit, note)
        self.found.append(figure)
        print(line(figure), flush=True)

    def write(self, path: Path, *, beside: bool = False) -> None:
        """As the contract has it: commit, machine, figures. `beside`: those of an earlier run that were not measured
        now stay, each saying of which commit it is."""
        path.parent.mkdir(parents=True, exist_ok=True)
        here = commit()
        figures = [asdict(figure) for figure in self.found]
        if beside and path.exists():
            figures = [*_kept(path, {figure.name for figure in self.found}, here), *figures]
        body = {"commit": here, "machine": machine(), "figures": figures}
        path.write_text(json.dumps(body, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def _kept(path: Path, but: set[str], here: str) -> list[dict[str, object]]:
    earlier = json.loads(path.read_text("utf-8"))
    kept = [figure for figure in earlier["figures"] if figure["name"] not in but]
    for figure in kept:
        if earlier["commit"] != here and "(at " not in figure["note"]:
            figure["note"] = f"{figure['note']} (at {earlier['commit']})".strip()
    return kept


def line(figure: Figure) -> str:
    """A row of the table."""
    value = f"{figure.value:,.0f}" if abs(figure.value) >= 1000 else f"{figure.value:g}"
    return f"  {figure.name:<52} {value:>12} {figure.unit:<14} {figure.note}".rstrip()


def heading(text: str) -> None:
    print(f"\n{text}", flush=True)


def commit() -> str:
    """The commit that is measured, with `+` where the checkout differs from it."""
    try:
        head = subprocess.run(["git", "rev-parse", "--short=12", "HEAD"], capture_output=True, text=True, check=True)
        changed = subprocess.run(["git", "status", "--porcelain"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return head.stdout.strip() + ("+" if changed.stdout.strip() else "")


def machine() -> str:
    """What it ran on: processor, cores that we may use, memory, system, Python."""
    model = platform.processor() or platform.machine()
    memory_gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for text in cpuinfo.read_text("utf-8", "replace").splitlines():
            if text.startswith("model name"):
                model = text.partition(":")[2].strip()
                break
    cores = len(os.sched_getaffinity(0))
    system = f"{platform.system()} {platform.release()}"
    return f"{model}, {cores} cores, {memory_gib:.0f} GiB, {system}, Python {platform.python_version()}"
