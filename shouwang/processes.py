"""The processes that together are the product, as a supervisor runs them; each is a command of the front door."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import Any

from shouwang.child import Child
from shouwang.settings import Loaded, environment_of


def command(name: str, *arguments: str) -> tuple[str, ...]:
    """The words that run a command of ours with this very Python, whatever the working directory holds."""
    return (sys.executable, "-P", "-m", "shouwang", name, *arguments)


def environment(loaded: Loaded, flags: Mapping[str, Any]) -> dict[str, str]:
    """What a process needs to come to the same settings: the file, and the flags over it."""
    env = environment_of(flags)
    if loaded.file is not None:
        env["SHOUWANG_SETTINGS"] = str(loaded.file)
    elif "SHOUWANG_SETTINGS" in os.environ:
        env["SHOUWANG_SETTINGS"] = os.environ["SHOUWANG_SETTINGS"]
    return env


def children(loaded: Loaded, flags: Mapping[str, Any]) -> list[Child]:
    """Broker (unless one is configured), the collector's watch and recorder, and API; they end the last first.

    `flags` are those that `loaded` was made with; the processes get them through their environment.
    """
    settings = loaded.settings
    env = environment(loaded, flags)
    listed = [
        Child("collector", command("collector", "--only", "watch"), env, stop_within_s=4.0),
        Child("recorder", command("collector", "--only", "recorder"), env, stop_within_s=2.0),
        Child("api", command("api"), env, stop_within_s=2.0),
    ]
    if settings.broker.url is None:
        address = ("127.0.0.1", settings.inner_mqtt_port)
        listed.insert(0, Child("broker", command("broker"), env, watchdog_s=None, ready_at=address, stop_within_s=1.0))
    return listed
