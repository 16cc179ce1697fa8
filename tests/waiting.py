"""Waiting for a condition, with a limit.

What is waited for happens in other processes and threads, which tell nobody: so it is looked at again and again, and a
test never sleeps and hopes.
"""

import asyncio
import time
from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")
LOOK_EVERY_S = 0.01
SELDOM_S = 0.1
"""For what is dear to look at: a page, a query."""


async def until(
    condition: Callable[[], Found],
    what: object = "what was waited for",
    limit_s: float = 10.0,
    every_s: float = LOOK_EVERY_S,
) -> Found:
    """Returns when `condition` holds, with what it gave; fails the test, naming `what` (called, where it can be), when
    it does not within `limit_s`."""
    try:
        async with asyncio.timeout(limit_s):
            while not (found := condition()):  # noqa: ASYNC110
                await asyncio.sleep(every_s)
            return found
    except TimeoutError:
        raise AssertionError(_said(what, limit_s)) from None


def wait_until(
    condition: Callable[[], Found],
    what: object = "what was waited for",
    limit_s: float = 10.0,
    every_s: float = LOOK_EVERY_S,
) -> Found:
    """The same in a test without a loop."""
    limit = time.monotonic() + limit_s
    while not (found := condition()):
        if time.monotonic() > limit:
            raise AssertionError(_said(what, limit_s))
        time.sleep(every_s)
    return found


def _said(what: object, limit_s: float) -> str:
    return f"not within {limit_s:g} s: {what() if callable(what) else what}"
