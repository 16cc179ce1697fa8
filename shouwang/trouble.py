"""What a command says when it cannot do what was asked; the front door prints it and picks the exit code."""

from __future__ import annotations


class Trouble(Exception):
    """A problem was found: exit code 1. The message says what was wrong, where, and what to do."""

    exit_code = 1


class WrongUsage(Trouble):
    """The command line or the settings are wrong: exit code 2."""

    exit_code = 2
