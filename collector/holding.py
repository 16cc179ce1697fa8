"""One at a time: a state directory, or a part of what runs on it, is held by a lock that ends with its process."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from shouwang.trouble import Trouble

SERVE = "lock"
"""`shouwang restore` takes this one too."""


@contextlib.contextmanager
def held(state: Path, name: str, what: str) -> Iterator[None]:
    """The directory, made where it is missing, and in it the lock `name`. `what` asks for it: a command. Raises Trouble
    where another process holds the lock, or the directory cannot be used."""
    try:
        state.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = (state / name).open("a+", encoding="utf-8")
    except OSError as error:
        raise Trouble(f"the state directory {state} cannot be used: {error.strerror}") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            by = lock.read().strip()
            raise Trouble(
                f"another `{what}` (process {by or 'unknown'}) uses {state}; end it, or give --state"
            ) from None
        with contextlib.suppress(OSError):  # a full disk: then nobody can be named, and the lock holds
            os.ftruncate(lock.fileno(), 0)
            os.write(lock.fileno(), f"{os.getpid()}\n".encode())
        yield
