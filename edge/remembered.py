"""What listeners remember over a restart: a small JSON file, written when something changes, which is seldom."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

_log = logging.getLogger("edge.remembered")

_BYTES_MAX = 1 << 20


class Memory:
    """Facts of devices by name. A file that cannot be read or written is said, and nothing more."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._facts: dict[str, dict[str, Any]] = {}
        try:
            if path.stat().st_size <= _BYTES_MAX:
                read = json.loads(path.read_text("utf-8"))
                self._facts = {k: v for k, v in read.items() if isinstance(k, str) and isinstance(v, dict)}
        except FileNotFoundError:
            pass
        except (OSError, ValueError, AttributeError) as error:
            _log.warning("what was remembered cannot be read path=%s reason=%r", path, str(error))

    def get(self, device: str) -> dict[str, Any]:
        """What is known of a device; empty where nothing is."""
        return dict(self._facts.get(device, {}))

    def put(self, device: str, facts: dict[str, Any]) -> None:
        """Remembers it."""
        if self._facts.get(device) != facts:
            self._facts[device] = dict(facts)
            self._write()

    def keep_only(self, devices: set[str]) -> None:
        """Forgets all others."""
        gone = self._facts.keys() - devices
        if gone:
            for device in gone:
                del self._facts[device]
            self._write()

    def _write(self) -> None:
        new = self._path.with_name(self._path.name + ".new")
        try:
            new.write_text(json.dumps(self._facts, ensure_ascii=False), "utf-8")
            new.replace(self._path)
        except OSError as error:
            _log.warning("what was heard cannot be remembered path=%s reason=%r", self._path, str(error))
