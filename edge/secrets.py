"""Passwords of devices: `secret:NAME` in a configuration is looked up here, in a file of this machine alone."""

from __future__ import annotations

import logging
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from shouwang.passwords import opens_a_door

_log = logging.getLogger("edge.secrets")

PREFIX = "secret:"


class UnknownSecretError(LookupError):
    """A configuration names a secret that this machine does not have."""


class Secrets:
    """`secrets.toml`: `camera-hall = "…"`. It is read anew when it changes, so that a password can be added without a
    restart."""

    def __init__(self, path: Path | None, known: Mapping[str, str] | None = None) -> None:
        self._path = path
        self._known = dict(known or {})
        self._stamp: tuple[int, int] | None = None

    def reveal(self, value: str) -> str:
        """The password that `secret:NAME` stands for; other text as it is. Raises UnknownSecretError."""
        if not value.startswith(PREFIX):
            return value
        name = value.removeprefix(PREFIX)
        self._read()
        try:
            return self._known[name]
        except KeyError:
            raise UnknownSecretError(
                f"secret {name!r} is not in {self._path or 'the secrets of this machine'}"
            ) from None

    def reveal_all(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Settings with every secret in its place. Raises UnknownSecretError, also where one would stand as something
        else than a password: a wrong user or address is told in words, and a secret would be told with it."""
        made = {}
        for key, value in settings.items():
            if isinstance(value, str) and value.startswith(PREFIX) and not opens_a_door(key):
                raise UnknownSecretError(f"{key} is no password, and takes no secret")
            made[key] = self.reveal(value) if isinstance(value, str) else value
        return made

    def _read(self) -> None:
        if self._path is None:
            return
        try:
            status = self._path.stat()
        except OSError:
            return
        stamp = (status.st_mtime_ns, status.st_size)
        if stamp == self._stamp:
            return
        self._stamp = stamp
        if status.st_mode & 0o077:
            _log.warning("secrets can be read by others path=%s (chmod 600)", self._path)
        try:
            read = tomllib.loads(self._path.read_text("utf-8"))
        except (OSError, ValueError) as error:
            _log.error("secrets cannot be read path=%s reason=%r; those known before are used", self._path, str(error))
            return
        self._known = {name: value for name, value in read.items() if isinstance(value, str)}
