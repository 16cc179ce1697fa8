"""How one feed is run: what its command resolved, handed to its process as JSON."""

from __future__ import annotations

from edge.options import AgentOptions


class FeedOptions(AgentOptions, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """As an agent's; the feed's name stands where the centre's does."""

    mapping: str
