"""The sample of a driver's README: a row of a fleet file, as it stands there."""

import csv
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shouwang.fleet.settings import read

PROBES = Path(__file__).parent.parent.parent / "edge" / "probes"
_BLOCK = re.compile(r"^```csv\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Sample:
    """What a technician would copy."""

    kind: str
    driver: str
    target: str
    settings: dict[str, Any]


def sample_of(driver: str) -> Sample:
    """The first row of the README's table."""
    found = _BLOCK.search((PROBES / driver / "README.md").read_text("utf-8"))
    assert found is not None, f"edge/probes/{driver}/README.md holds no ```csv block"
    row = next(iter(csv.DictReader(found[1].splitlines())))
    return Sample(row["kind"], row["driver"], row["target"], read(row["settings"]))
