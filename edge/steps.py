"""How long each step of an asking took, for a person who looks; costs nothing where nobody does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from shouwang import clock

NAME, CONNECT, TLS, ASK = "name", "connect", "tls", "ask"


@dataclass(frozen=True, slots=True)
class Step:
    """`ok` False: it failed, or was cut short by the limit."""

    name: str
    took_ms: float
    ok: bool


_steps: ContextVar[list[Step] | None] = ContextVar("steps", default=None)


@contextmanager
def collected() -> Iterator[list[Step]]:
    """The steps of what is asked within."""
    steps: list[Step] = []
    before = _steps.set(steps)
    try:
        yield steps
    finally:
        _steps.reset(before)


@contextmanager
def step(name: str) -> Iterator[None]:
    """One step; `name` is one of the words above, or a word of the protocol."""
    steps = _steps.get()
    if steps is None:
        yield
        return
    began_s, ok = clock.mono_s(), False
    try:
        yield
        ok = True
    finally:
        steps.append(Step(name, (clock.mono_s() - began_s) * 1000, ok))
