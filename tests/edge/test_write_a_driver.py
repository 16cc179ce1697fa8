"""docs/write-a-driver.md is followed word by word, in a copy of the checkout: at its end there is a reading."""

import asyncio
import json
import re
import shutil
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
PAGES = [ROOT / "docs" / name for name in ("write-a-driver.md", "write-a-driver.zh-CN.md")]

BLOCK = re.compile(r"^(?P<fence>`{3,})(?:python|toml|markdown)\n(?P<text>.*?)^(?P=fence)$", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"`((?:edge|shouwang|tests)/[\w/.]+\.(?:py|toml|md))`")


def blocks(page: Path) -> dict[str, str]:
    """The text for each file: of a block, and of the first file that the paragraph above it names."""
    made: dict[str, str] = {}
    text = page.read_text("utf-8")
    for block in BLOCK.finditer(text):
        paragraph = text[: block.start()].rstrip().rpartition("\n\n")[2]
        made[FILE.findall(paragraph)[0]] = block["text"]
    return made


def test_both_pages_say_the_same() -> None:
    english, chinese = map(blocks, PAGES)
    assert english == chinese
    assert list(english) == [
        "shouwang/vocabulary.py",
        "edge/probes/fridge/__init__.py",
        "edge/probes/fridge/README.md",
        "edge/drivers.toml",
        "tests/edge/fridge/test_probe.py",
        "edge/probes/fridge/quality.toml",
    ]
    assert english["edge/probes/fridge/__init__.py"].count("\n") < 100


@pytest.fixture
def followed(tmp_path: Path) -> Path:
    """A copy of the checkout in which the page was followed."""
    for part in ("shouwang", "edge"):
        shutil.copytree(ROOT / part, tmp_path / part, ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "tests" / "edge" / "fridge").mkdir(parents=True)
    for file in ("pyproject.toml", "tests/__init__.py", "tests/edge/__init__.py", "tests/edge/test_quality.py"):
        shutil.copy(ROOT / file, tmp_path / file)
    for file, text in blocks(PAGES[0]).items():
        path = tmp_path / file
        if path.exists():  # "at its end"
            path.write_text(path.read_text("utf-8").rstrip("\n") + "\n" + text, "utf-8")
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
    return tmp_path


async def run(where: Path, *command: str) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *command,
        cwd=where,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(50):
        said, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, said.decode()


@pytest.mark.slow
async def test_a_newcomer_sees_the_reading(followed: Path) -> None:
    async def thermometer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if await reader.readline() == b"T?\r\n":
            writer.write(b"T=4.5\r\n")

    async with await asyncio.start_server(thermometer, "127.0.0.1", 0) as server:
        target = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        code, said = await run(followed, "-m", "shouwang", "probe", "fridge", target, "--set", "add_c=0.5", "--json")
    assert code == 0, said
    assert json.loads(said)["fridge_temperature_c"] == 5.0


@pytest.mark.slow
async def test_what_a_newcomer_wrote_passes_its_own_tests_and_the_house_s(followed: Path) -> None:
    (code, said), (lint, found) = await asyncio.gather(
        run(followed, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests", "-k", "fridge"),
        run(followed, "-m", "ruff", "check", "--no-cache", "edge/probes/fridge", "tests/edge/fridge"),
    )
    assert code == 0, said
    assert "9 passed" in said  # six of its own; folder, sample, and that it asks or listens
    assert lint == 0, found
