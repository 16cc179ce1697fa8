"""Bundles that differ from the one that was built: of another version, or broken in a way of their own."""

import json
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

SITE = "site-packages/"
VERSION = "shouwang/__init__.py"
Edit = Callable[[str], str]


def variant(bundle: Path, folder: Path, version: str, edits: Mapping[str, Edit] | None = None) -> Path:
    """A bundle like that one, under another version number, with files of it (below site-packages) changed."""
    changed: dict[str, Edit] = {VERSION: lambda text: _numbered(text, version), **(edits or {})}
    made = folder / f"{version}.pyz"
    with zipfile.ZipFile(bundle) as read, made.open("wb") as file:
        file.write(b"#!/usr/bin/env python3\n")
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as write:
            for info in read.infolist():
                data = read.read(info)
                name = info.filename.removeprefix(SITE)
                if name in changed:
                    data = changed[name](data.decode()).encode()
                elif info.filename == "environment.json":
                    data = json.dumps({**json.loads(data), "build_id": f"variant-{version}"}).encode()
                write.writestr(info, data)
    made.chmod(0o755)
    return made


def _numbered(text: str, version: str) -> str:
    line = next(line for line in text.splitlines() if line.startswith("__version__"))
    return text.replace(line, f'__version__ = "{version}"')


def at_the_top(line: str) -> Edit:
    """Before anything else of a module that begins with a docstring and future imports."""
    return lambda text: text.replace(
        "from __future__ import annotations\n", f"from __future__ import annotations\n{line}\n", 1
    )


HANGS: Mapping[str, Edit] = {"edge/__main__.py": at_the_top("import time; time.sleep(3600)")}
"""It starts, says its version, and then stands still for ever as an agent."""
CRASHES: Mapping[str, Edit] = {"edge/agent.py": at_the_top("raise RuntimeError('this bundle is broken')")}
"""It says its version, and ends each time that it is to be an agent."""
CANNOT_START: Mapping[str, Edit] = {"edge/bundle/door.py": at_the_top("import a_module_that_nobody_ships")}
"""Not even its version can be asked."""
REPORTS_TO_NOBODY: Mapping[str, Edit] = {
    "edge/gathering.py": lambda text: text.replace(
        "def take(", "def take(self, *_: object) -> None: ...\n\n    def _take(", 1
    )
}
"""It connects, asks its devices, and never tells of them."""
