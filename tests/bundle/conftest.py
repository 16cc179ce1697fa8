"""A bundle that was really built, and the processes that it meets."""

import fcntl
import os
import platform
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.bundle.box import CENTRE, Box, Centre, clean_python
from tests.servers import need_server
from tools import agent_bundle


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The agent's one file for this machine, built once for all tests of a run."""
    if built := os.environ.get("AGENT_BUNDLE_BUILT"):
        return Path(built)
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "agent-bundle"
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # tests run two at a time
        architecture = platform.machine()
        made = folder / f"shouwang-agent-{architecture}.pyz"
        return made if made.exists() else agent_bundle.build(architecture, folder)


@pytest.fixture(scope="module")
def centre(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Centre]:
    """Running, with Mosquitto asking for passwords."""
    need_server("mosquitto")
    made = Centre(tmp_path_factory.mktemp("centre"))
    made.start()
    yield made
    made.stop()


@pytest.fixture
def make_box(tmp_path: Path, centre: Centre, bundle: Path) -> Iterator[Callable[..., Box]]:
    """Installs an agent by a code, not started; what is named stands in its settings besides."""
    made: list[Box] = []

    def make(**over: Any) -> Box:
        made.append(Box(tmp_path / "box", centre, clean_python()))
        made[-1].install(bundle, centre.command_line("enrol", CENTRE), **over)
        return made[-1]

    yield make
    for box in made:
        box.stop()


@pytest.fixture
def box(make_box: Callable[..., Box]) -> Box:
    """One with nothing besides."""
    return make_box()
