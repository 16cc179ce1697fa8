"""What holds the house together: names, clocks, dependencies, and what a tracked file may not say."""

import ast
import importlib.util
import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PARTS = ("shouwang", "edge", "collector", "api", "dashboards", "simulators")
CLOCK = ROOT / "shouwang" / "clock.py"
READINGS_OF_THE_CLOCK = {
    "time": {"time", "time_ns", "monotonic", "monotonic_ns", "clock_gettime", "clock_gettime_ns"},
    "datetime": {"now", "utcnow", "today"},
    "date": {"today"},
}
# Written so that this file does not name what it forbids.
FORBIDDEN = re.compile(
    r"/wor[k]/(main|steering|shared|\.library)|/far[m]/|/roo[t]/|pyp[i]\.org|pythonhoste[d]|npmj[s]\.(org|com)"
    r"|prox[y]\.golang|crate[s]\.io/|mave[n]\.org|debia[n]\.org"
)


@pytest.mark.parametrize("part", PARTS)
def test_a_part_is_our_folder_whatever_the_dependencies_ship(part: str) -> None:
    found = importlib.util.find_spec(part)
    assert found is not None, f"there is no package {part}"
    assert found.origin == str(ROOT / part / "__init__.py")


def clock_calls(tree: ast.AST) -> Iterator[int]:
    """The lines that read a clock: `time.time()`, `datetime.now()`, `from time import monotonic`, …"""
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(value=ast.Name(id=module) | ast.Attribute(attr=module), attr=name) if (
                name in READINGS_OF_THE_CLOCK.get(module, ())
            ):
                yield node.lineno
            case ast.ImportFrom(module="time", names=names) if {n.name for n in names} & READINGS_OF_THE_CLOCK["time"]:
                yield node.lineno


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("import time\ntime.time()", [2]),
        ("import datetime\ndatetime.datetime.now(tz)", [2]),
        ("from datetime import datetime as dt, date\ndate.today()", [2]),
        ("from time import monotonic", [1]),
        ("f(clock=time.monotonic)", [1]),
        ("import time\ntime.sleep(1)\nclock.now()\nself.time.elapsed", []),
    ],
)
def test_readings_of_the_clock_are_recognised(source: str, found: list[int]) -> None:
    assert list(clock_calls(ast.parse(source))) == found


def test_the_clock_is_read_in_its_module_alone() -> None:
    files = (path for part in PARTS for path in (ROOT / part).rglob("*.py") if path != CLOCK)
    read = [
        f"{path.relative_to(ROOT)}:{line}"
        for path in files
        for line in clock_calls(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert read == [], "time is an argument, or comes from shouwang.clock"


def dependencies() -> set[str]:
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["dependency-groups"]
    asked = (entry for group in groups.values() for entry in group if isinstance(entry, str))
    return {re.split(r"[\[<>=!~; ]", entry, maxsplit=1)[0] for entry in asked}


@pytest.mark.parametrize("readme", ["README.md", "README.zh-CN.md"])
def test_the_readme_says_once_what_each_dependency_is_for(readme: str) -> None:
    rows = re.findall(r"^\| `([a-z0-9-]+)` \| .+ \|$", (ROOT / readme).read_text(encoding="utf-8"), re.MULTILINE)
    assert len(rows) == len(set(rows))
    assert set(rows) == dependencies()


@pytest.mark.parametrize("lock", ["edge", "pictures", "run", "docs", "tracing", "dev", "grafana"])
def test_a_lock_names_every_package_with_its_version_and_hash(lock: str) -> None:
    text = (ROOT / "requirements" / f"{lock}.txt").read_text(encoding="utf-8")
    entries = [entry for entry in re.split(r"\n(?=[^\s#])", text) if not entry.startswith("#")]
    assert entries
    loose = [entry for entry in entries if not re.match(r"[\w.-]+(\[\w+\])?==\S+ .*\\\n\s+--hash=sha256:", entry)]
    assert loose == []


def test_no_tracked_file_names_a_registry_or_a_path_of_one_machine() -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, text=True)
    named = []
    for name in filter(None, listed.stdout.split("\0")):
        path = ROOT / name
        if path.suffix == ".svg" or not path.is_file():
            continue
        text = path.read_bytes().decode("utf-8", errors="replace")
        named += [f"{name}: {hit.group()}" for hit in FORBIDDEN.finditer(text)]
    assert named == []
