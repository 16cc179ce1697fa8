"""The page about sizes: what was measured, and what follows from it for a banner, a prefecture and a region.

python -m tools.reference.sizing [build/bench.json]          takes newer figures of `make bench` into measured.json
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tools.reference.texts import LANGUAGES, file_name, texts_of
from tools.site.pages import ROOT

MEASURED_FILE = Path(__file__).with_name("measured.json")
DEVICES_A_CENTRE = 50
PLACES = (("banner", 381), ("prefecture", 2_568), ("region", 14_592))
_DAY_S = 86_400
_RAW_DAYS, _HOURLY_DAYS = 30, 1_100


@dataclass(frozen=True)
class Measured:
    """Figures by name; `units` and `notes` as the benchmark said them."""

    machine: str
    values: dict[str, float]
    units: dict[str, str]

    def __getitem__(self, name: str) -> float:
        return self.values[name]


def measured(file: Path = MEASURED_FILE) -> Measured:
    """What stands in the file."""
    said = json.loads(file.read_text("utf-8"))
    figures = said["figures"]
    return Measured(
        said["machine"],
        {each["name"]: each["value"] for each in figures},
        {each["name"]: each["unit"] for each in figures},
    )


@dataclass(frozen=True)
class Need:
    """What one place needs. Processor time is in cores, `memory_mb` of all of our processes and the broker."""

    centres: int
    devices: int
    readings_a_second: float
    cores: float
    memory_mb: float
    readings_gb: float
    hourly_gb: float

    @classmethod
    def of(cls, centres: int, figures: Measured) -> Need:
        """From the figures alone: each device reports at its own interval, as an agent's were measured to."""
        devices = centres * DEVICES_A_CENTRE
        rate = figures["agent, 50 devices: readings"] * centres
        a_million = sum(
            figures[f"reports of 50: {part}'s processor time"] for part in ("collector", "recorder", "broker")
        )
        base = sum(figures[f"40 centres: {part}, memory (RSS)"] for part in ("watch", "recorder", "API", "broker"))
        rows = figures["40 centres: rows kept"] * 24 * _RAW_DAYS
        return cls(
            centres,
            devices,
            rate,
            figures["40 centres: of one core, all processes"] / 100 + rate * a_million / 1e6,
            base + devices * figures["reports of 50: memory a device"] / 1e6,
            devices * rows * figures["40 centres: a row on disk"] / 1e9,
            devices * 24 * _HOURLY_DAYS * figures["40 centres: an hour's figures of a device on disk"] / 1e9,
        )


def rendered() -> dict[str, str]:
    """The pages by their file name."""
    figures = measured()
    return {
        file_name("sizing", language): "\n\n".join(page(figures, texts_of("sizing", language))) + "\n"
        for language in LANGUAGES
    }


def page(figures: Measured, texts: dict[str, str]) -> Iterator[str]:
    """Its parts, one after the other."""
    yield f"# {texts['title']}"
    yield texts["switch"]
    yield texts["intro"].format(machine=figures.machine)
    yield f"## {texts['server']}"
    yield _table(figures, texts)
    yield texts["server_text"]
    yield f"## {texts['agent']}"
    a_day_mb = figures["agent, 50 devices: readings"] * figures["a reading on the wire"] * _DAY_S / 1e6
    yield texts["agent_text"].format(
        memory=_said(figures["agent, 50 devices: memory (RSS)"]),
        share=_said(figures["agent, 50 devices: of one core"]),
        rate=_said(figures["agent, 50 devices: readings"]),
        a_day=_said(a_day_mb),
        camera=_said(figures["cameras looked at each minute: of one core, each"]),
        cameras=_said(figures["cameras looked at: memory (RSS)"]),
        probes=_said(figures["1000 ICMP + 1000 SIP + 1000 SNMP probes"]),
    )
    yield f"## {texts['measured']}"
    rows = [
        f"| {texts.get(name, name)} | {_said(value)} {figures.units[name]} |" for name, value in figures.values.items()
    ]
    yield "\n".join([texts["measured_head"], "| --- | --- |", *rows])
    yield texts["measured_text"]


def _table(figures: Measured, texts: dict[str, str]) -> str:
    needs = [Need.of(centres, figures) for _, centres in PLACES]
    head = f"| | {' | '.join(texts[name] for name, _ in PLACES)} |"
    lines = (
        ("centres", [f"{need.centres:,}" for need in needs]),
        ("devices", [f"{need.devices:,}" for need in needs]),
        ("readings", [f"{_round(need.readings_a_second):,g}" for need in needs]),
        ("cores", [f"{need.cores:.2f}" for need in needs]),
        ("memory", [f"{_round(need.memory_mb):,g}" for need in needs]),
        ("disk", [f"{_round(need.readings_gb):,g}" for need in needs]),
        ("hourly", [f"{_round(need.hourly_gb):,g}" for need in needs]),
    )
    rows = [f"| {texts[name]} | {' | '.join(values)} |" for name, values in lines]
    return "\n".join([head, "| --- " * (len(PLACES) + 1) + "|", *rows])


def _said(value: float) -> str:
    return f"{value:,.3g}" if abs(value) < 1_000 else f"{value:,.0f}"


def _round(value: float) -> float:
    return float(f"{value:.2g}")


def take(bench: Path) -> int:
    """Puts what a newer run measured in place of what stood there; gives how many figures."""
    newer = json.loads(bench.read_text("utf-8"))
    stood = json.loads(MEASURED_FILE.read_text("utf-8"))
    values = {each["name"]: each["value"] for each in newer["figures"]}
    taken = [each for each in stood["figures"] if each["name"] in values]
    for each in taken:
        each["value"] = values[each["name"]]
    MEASURED_FILE.write_text(json.dumps(stood, ensure_ascii=False, indent=1) + "\n", "utf-8")
    return len(taken)


if __name__ == "__main__":
    print(f"{take(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / 'build' / 'bench.json')} figures taken")
