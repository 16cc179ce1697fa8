"""Runs all tests in two turns: most of them two at a time, then those that measure time, alone.

Usage: python -m tests.run [PYTEST'S ARGUMENTS]. The second turn's summary and closing line count both.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.tally import KEEP_IN, TAKE_FROM

AT_ONCE = ("-n", "2", "--dist", "worksteal")
NO_TESTS = 5
"""Pytest's exit code where nothing was chosen."""


def run(arguments: Sequence[str]) -> int:
    """Gives the exit code: that of the first turn in which something was wrong."""
    pytest = [sys.executable, "-m", "pytest", *arguments]
    if any(argument.startswith("-m") for argument in arguments):
        return subprocess.run(pytest).returncode  # a choice of one's own, in one turn
    with tempfile.TemporaryDirectory(prefix="shouwang-tests-") as folder:
        tally = str(Path(folder) / "first-turn.json")
        first = subprocess.run([*pytest, "-m", "not alone", *AT_ONCE], env={**os.environ, KEEP_IN: tally}).returncode
        if first not in (0, 1, NO_TESTS):
            return first  # interrupted, wrong usage, or an error of pytest's own
        second = subprocess.run([*pytest, "-m", "alone"], env={**os.environ, TAKE_FROM: tally}).returncode
    codes = [code for code in (first, second) if code != NO_TESTS]
    return next((code for code in codes if code), 0) if codes else NO_TESTS


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
