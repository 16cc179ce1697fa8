"""Which device of the fleet a reading is of, by the path it came on and the name it came with."""

from __future__ import annotations

import sys

from sqlalchemy import Engine, select

from shouwang.ledger.tables import Device, Meta

Registered = tuple[str, str, str]
"""Centre, device, kind."""


class Names:
    """The fleet's names, loaded again when its revision changes. `of(path)[name]`: a device's name is its own on its
    centre's path, `centre/device` on a feed's."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._revision: str | None = None
        self._by_path: dict[str, dict[str, Registered]] = {}

    def refresh(self) -> bool:
        """Looks whether the fleet has changed; True when it was loaded. Raises SQLAlchemyError."""
        with self._engine.connect() as connection:
            revision = connection.scalar(select(Meta.value).where(Meta.key == "fleet_revision")) or "0"
            if revision == self._revision:
                return False
            by_path: dict[str, dict[str, Registered]] = {}
            found = connection.execute(
                select(Device.centre, Device.device, Device.kind, Device.path).where(Device.retired_at.is_(None))
            )
            for centre, device, kind, path in found:
                name = device if path == centre else f"{centre}/{device}"
                registered = (sys.intern(centre), sys.intern(device), sys.intern(kind))
                by_path.setdefault(path, {})[name] = registered
        self._by_path = by_path
        self._revision = revision
        return True

    @property
    def loaded(self) -> bool:
        return self._revision is not None

    def of(self, path: str) -> dict[str, Registered]:
        """The devices that a path carries, by name."""
        return self._by_path.get(path, {})
