"""Windows of maintenance: conditions stay visible, telling waits until the window ends."""

from __future__ import annotations

from dataclasses import dataclass

from collector.facts import DeviceFacts, PathFacts


@dataclass(frozen=True, slots=True)
class Window:
    """[from_ms, to_ms) of wall time; what is empty holds for all, what is given must match."""

    from_ms: int
    to_ms: int
    township: str = ""
    centre: str = ""
    device: str = ""
    kind: str = ""

    def covers(self, facts: DeviceFacts | PathFacts, wall_ms: int) -> bool:
        """Whether the device or path is being worked on."""
        if not self.from_ms <= wall_ms < self.to_ms:
            return False
        if not (self.township or self.centre or self.device or self.kind):
            return False
        if self.township and facts.township != self.township:
            return False
        if isinstance(facts, PathFacts):
            return not self.device and not self.kind and (not self.centre or facts.path == self.centre)
        return (
            (not self.centre or facts.centre == self.centre)
            and (not self.device or facts.device == self.device)
            and (not self.kind or facts.kind == self.kind)
        )
