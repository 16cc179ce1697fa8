"""Kinds of device, one TOML file each: from it come the wire's validation, the store's columns, labels and docs.

`load()` reads every file of this folder (and of a folder of the user's own). A new kind that needs no code is
such a file.
"""

from shouwang.kinds.declaration import Field, FieldType, Kind, KindError, Label, Limits, Profile, Rule, load, load_file
from shouwang.kinds.judge import OK, Verdict
from shouwang.kinds.wire import Kinds

__all__ = [
    "OK",
    "Field",
    "FieldType",
    "Kind",
    "KindError",
    "Kinds",
    "Label",
    "Limits",
    "Profile",
    "Rule",
    "Verdict",
    "load",
    "load_file",
]
