"""What one turn of the tests hands to the next, so that the last summary and closing line count all of them."""

import json
import os
from pathlib import Path

import pytest

KEEP_IN = "TESTS_KEEP_IN"
"""Environment: the file in which this turn writes down how its tests ended."""
TAKE_FROM = "TESTS_TAKE_FROM"
"""Environment: the file of the turn before this one."""


def keep(reporter: pytest.TerminalReporter) -> None:
    """Writes down each report that counts; where nobody asked for it, nothing."""
    if (file := os.environ.get(KEEP_IN)) is None:
        return
    hook, config = reporter.config.hook, reporter.config
    kept = {
        status: [hook.pytest_report_to_serializable(config=config, report=report) for report in reports]
        for status, reports in reporter.stats.items()
        if status in ("passed", "failed", "error", "skipped", "xfailed", "xpassed")
    }
    Path(file).write_text(json.dumps(kept, default=str), "utf-8")


def take(reporter: pytest.TerminalReporter) -> None:
    """Adds what the turn before wrote down to what this one counts. A failure there has been shown there in full; here
    it is named again."""
    if (file := os.environ.get(TAKE_FROM)) is None or not Path(file).exists():
        return
    hook, config = reporter.config.hook, reporter.config
    for status, reports in json.loads(Path(file).read_text("utf-8")).items():
        again = [hook.pytest_report_from_serializable(config=config, data=data) for data in reports]
        reporter.stats.setdefault(status, []).extend(again)
