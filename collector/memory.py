"""Memory that is given back: a region's first hearing, or a backlog, must not stay with the process for ever.

glibc keeps what was freed, once for each thread that ever allocated, and the more the larger the pieces that it has
seen. Told otherwise, and asked once a minute, it gives it back to the system. Elsewhere (musl, macOS) nothing is done.
"""

from __future__ import annotations

import ctypes
import gc
from typing import Any

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8  # malloc.h
_KEEP_BYTES = 1 << 20
_OWN_PIECE_BYTES = 1 << 18
_ARENAS = 2


def be_thrifty() -> None:
    """Once, before threads are started."""
    mallopt = _of_libc("mallopt")
    if mallopt is not None:
        mallopt(_M_ARENA_MAX, _ARENAS)
        mallopt(_M_TRIM_THRESHOLD, _KEEP_BYTES)
        mallopt(_M_MMAP_THRESHOLD, _OWN_PIECE_BYTES)


def give_back() -> None:
    """Takes some milliseconds, in which other threads run."""
    trim = _of_libc("malloc_trim")
    if trim is not None:
        trim(0)


def settle() -> None:
    """After loading. The fleet stays: a full collection over all of its objects would stop the watch for a second and
    free nothing. What messages leave behind is freed by counting references."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 50, 1_000)
    give_back()


def _of_libc(name: str) -> Any | None:
    try:
        return getattr(ctypes.CDLL(None), name, None)
    except OSError:
        return None
