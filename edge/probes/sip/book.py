"""The registration book: who registered from where, until when, and when it was last heard."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from edge.probing import Around
from edge.sip import Peer, SipPort


@dataclass(slots=True)
class Binding:
    """`heard_s`, `until_s`: monotonic seconds. `until_s` at or before now: it has run out, or it signed off."""

    peer: Peer
    uri: str
    heard_s: float
    until_s: float
    port: SipPort


class Book:
    """Kept by the listener, read by the probes; in `around.shared`."""

    def __init__(self) -> None:
        self.bindings: dict[str, Binding] = {}
        self.since_s: float | None = None
        """When the listener began to listen; None: nobody listens."""

    def close(self) -> None:
        self.bindings.clear()


def shared_book(around: Around) -> Book:
    """The book of this agent."""
    return cast(Book, around.shared.setdefault("sip-book", Book()))
