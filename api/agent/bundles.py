"""Bundles where the API keeps them: a file each in the state directory, and the public key that signs them."""

from __future__ import annotations

import hashlib
import os
import re
import zipfile
from pathlib import Path

from shouwang.bundles import ARCHITECTURES, SIZE_MAX, Manifest, WrongBundle, new_key, public_of

BUNDLES = "bundles"
PUBLIC_KEY = "public.key"
PRIVATE_KEY = "bundle.key"
_VERSION = re.compile(r'^__version__ = "([^"]+)"', re.MULTILINE)


def file_of(folder: Path | None, sha256: str) -> Path | None:
    """The bundle's file; None where it is not there."""
    if folder is None or not re.fullmatch(r"[0-9a-f]{64}", sha256):
        return None
    path = folder / f"{sha256}.pyz"
    return path if path.is_file() else None


def public_key(folder: Path | None) -> str:
    """The key that agents trust; empty where no bundle was ever taken in."""
    if folder is None:
        return ""
    try:
        return (folder / PUBLIC_KEY).read_text("ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""


def trust(folder: Path, key: str) -> None:
    """From now on boxes are told this public key. Raises WrongBundle where they were told another before, OSError."""
    if (known := public_key(folder)) and key != known:
        raise WrongBundle(
            f"boxes trust another key already ({folder / PUBLIC_KEY}), and would refuse this one's bundles"
        )
    if not known:
        _keep(folder / PUBLIC_KEY, key, 0o644)


def own_key(folder: Path, *, make: bool = True) -> str:
    """The private key that lies in the state directory, made (and trusted) where there is none and none is trusted yet.
    Raises WrongBundle where another is trusted, OSError."""
    path = folder.parent / "secrets" / PRIVATE_KEY
    if make and not path.exists() and not public_key(folder):
        _keep(path, new_key()[0], 0o600)
    try:
        private = path.read_text("ascii").strip()
    except FileNotFoundError:
        raise WrongBundle(f"{path} is not there: bundles are signed elsewhere (`shouwang bundle sign`)") from None
    trust(folder, public_of(private))
    return private


def told_to_boxes(folder: Path | None) -> str:
    """The public key that a new box is told; one is made where there is none. Empty where no bundles are kept."""
    if folder is None:
        return ""
    if not public_key(folder):
        own_key(folder)
    return public_key(folder)


def _keep(path: Path, text: str, mode: int) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        file = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w", encoding="ascii")
    except FileExistsError:
        return  # another process was first
    with file:
        file.write(text + "\n")


def look_into(path: Path) -> Manifest:
    """What a bundle says of itself. Raises WrongBundle."""
    try:
        if not 0 < path.stat().st_size <= SIZE_MAX:
            raise WrongBundle(f"{path}: {path.stat().st_size} bytes, between 1 and {SIZE_MAX} are taken")
        data = path.read_bytes()
        with zipfile.ZipFile(path) as archive:
            architecture = archive.read("site-packages/edge/bundle/architecture").decode("ascii").strip()
            found = _VERSION.search(archive.read("site-packages/shouwang/__init__.py").decode())
    except (OSError, KeyError, zipfile.BadZipFile, UnicodeDecodeError) as error:
        raise WrongBundle(f"{path}: no bundle of the agent, as `make agent-bundle` makes them ({error})") from error
    if found is None or architecture not in ARCHITECTURES:
        raise WrongBundle(f"{path}: no bundle of the agent (architecture {architecture!r})")
    return Manifest(1, found.group(1), architecture, hashlib.sha256(data).hexdigest(), len(data))


def put(folder: Path, path: Path, sha256: str) -> None:
    """Copies a bundle to where it is handed out from, whole or not at all. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    new = folder / f"{sha256}.new"
    with new.open("wb") as file:
        file.write(path.read_bytes())
        file.flush()
        os.fsync(file.fileno())
    new.replace(folder / f"{sha256}.pyz")
