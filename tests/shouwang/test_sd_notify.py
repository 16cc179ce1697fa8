"""A sign of life where there is no systemd: a file's age."""

import os
from pathlib import Path

import pytest

from shouwang.sd_notify import ALIVE_FILE, notify


def test_a_sign_of_life_touches_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "alive"
    monkeypatch.setenv(ALIVE_FILE, str(file))
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    for message in ("STATUS=waiting", "STOPPING=1"):
        notify(message)
    notify("WATCHDOG=1", well=False)
    assert not file.exists()
    notify("READY=1")
    os.utime(file, (1, 1))
    notify("WATCHDOG=1")
    assert file.stat().st_mtime > 1


def test_a_place_that_takes_nothing_troubles_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ALIVE_FILE, str(tmp_path / "nowhere" / "alive"))
    assert notify("WATCHDOG=1") is False
