"""Waiting for a condition, with a limit."""

import asyncio
from collections.abc import Callable


async def until(condition: Callable[[], object], what: str, limit_s: float = 10.0) -> None:
    """Returns when `condition` holds; fails the test, naming `what`, when it does not within `limit_s`."""
    try:
        async with asyncio.timeout(limit_s):
            while not condition():  # noqa: ASYNC110 - what is waited for happens in other processes
                await asyncio.sleep(0.01)
    except TimeoutError:
        raise AssertionError(f"not within {limit_s:g} s: {what}") from None
