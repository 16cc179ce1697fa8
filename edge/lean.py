"""Leaves out what libraries name and the agent never uses: such a module is loaded when something of it is touched.

paho names urllib.request for proxies of WebSockets, websockets names importlib.metadata for its own version; with what
these load in turn (http, email, tempfile, zipfile, lzma …) they take 2.4 MB of the agent's 40.
"""

from __future__ import annotations

import importlib
import sys
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

UNUSED = ("urllib.request", "importlib.metadata")


class Unloaded(ModuleType):
    """Stands for a module until something of it is asked for."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # who looks at all modules wants to know nothing of this one
            raise AttributeError(f"module {self.__name__!r} is not loaded")
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        return getattr(importlib.import_module(self.__name__), name)


def leave_out() -> None:
    """Before anything else is imported."""
    for name in UNUSED:
        if name in sys.modules:
            continue
        made = Unloaded(name)
        made.__spec__ = ModuleSpec(name, None)
        sys.modules[name] = made
        package, _, own = name.rpartition(".")
        setattr(importlib.import_module(package), own, made)
