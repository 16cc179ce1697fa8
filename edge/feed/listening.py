"""Devices that speak to a feed itself, as terminals with their own SIM do: heard as an agent hears them."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

from edge.ears import Ears
from edge.feed.mapping import Heard as HeardOf
from edge.hearing import Listened, Say, listened_for, load_listener
from edge.probing import Around

_log = logging.getLogger("edge.feed")


class FeedEars:
    """`file`: listen.toml. Raises ListenFileError."""

    def __init__(self, file: Path, around: Around, hear: Say) -> None:
        self._ears, self._around = Ears(file, around, hear), around

    def watch(self, said: Sequence[HeardOf]) -> None:
        """From now on these. Raises ValueError, NoDriverError, ProbeConfigError or NotAllowedError, and hears those
        before still."""
        self._ears.watch(wanted(said, self._around))

    async def run(self) -> None:
        """Until cancelled."""
        await self._ears.run()

    def out(self) -> Mapping[str, str]:
        """By driver, why nobody is heard."""
        return self._ears.out()


def wanted(said: Sequence[HeardOf], around: Around) -> dict[str, list[Listened]]:
    """The devices as their listeners want them, by driver. Raises ValueError, NoDriverError, ProbeConfigError or
    NotAllowedError."""
    found: dict[str, list[Listened]] = {}
    for each in said:
        around.allowed.check_driver(each.driver)
        listener = load_listener(each.driver)
        heard = None
        if listener is not None:
            heard = listened_for(
                listener, each.device, each.kind, each.target, each.settings, each.report_every_s, around
            )
        if heard is None:
            raise ValueError(f"listen: {each.device}: driver {each.driver} asks with these settings, and hears nobody")
        found.setdefault(each.driver, []).append(heard)
    return found
