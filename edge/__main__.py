"""The agent's own process: `python -m edge OPTIONS` with the options as JSON (`shouwang agent` makes them).

It loads neither the command line nor its libraries, so that the agent stays small.
"""

from __future__ import annotations

# ruff: noqa: E402
from edge.lean import leave_out

leave_out()

import asyncio
import sys

import msgspec

from edge import log
from edge.agent import run_until_told
from edge.files import OutboxBusyError
from edge.options import AgentOptions


def main(arguments: list[str]) -> int:
    """Gives the exit code: 0 stopped as told, 1 a problem, 2 wrong options."""
    log.configure()
    try:
        options = msgspec.json.decode(arguments[0], type=AgentOptions)
        options.check()
        asyncio.run(run_until_told(options))
    except (IndexError, ValueError) as error:
        sys.stderr.write(f"agent: {error}\n")
        return 2
    except OutboxBusyError as error:
        sys.stderr.write(f"agent: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
