"""The feed's own process: `python -m edge.feed OPTIONS` with the options as JSON (`shouwang feed` makes them)."""

from __future__ import annotations

import asyncio
import sys

import msgspec

from edge import log
from edge.feed.options import FeedOptions
from edge.feed.running import run_until_told
from edge.files import OutboxBusyError
from edge.secrets import UnknownSecretError


def main(arguments: list[str]) -> int:
    """Gives the exit code: 0 stopped as told, 1 a problem, 2 wrong options or mapping."""
    log.configure()
    try:
        options = msgspec.json.decode(arguments[0], type=FeedOptions)
        options.check()
        asyncio.run(run_until_told(options))
    except (IndexError, ValueError, UnknownSecretError) as error:
        sys.stderr.write(f"feed: {error}\n")
        return 2
    except (OutboxBusyError, OSError) as error:
        sys.stderr.write(f"feed: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
