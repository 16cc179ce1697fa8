"""Fetched bundles in the state directory: a file each, its signed manifest beside it; verified before one runs."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from pathlib import Path

import msgspec

from shouwang.bundles import Manifest, Signed, WrongBundle, verified


def bundle(folder: Path, sha256: str) -> Path:
    """Where a bundle lies, or would."""
    return folder / f"{sha256}.pyz"


def keep_manifest(folder: Path, sha256: str, signed: Signed) -> None:
    """Beside the bundle. Raises OSError."""
    (folder / f"{sha256}.json").write_bytes(msgspec.json.encode(signed))


def checked(folder: Path, sha256: str, public_key: str) -> Manifest:
    """The manifest of a bundle that is there, whole and signed. Raises WrongBundle."""
    try:
        signed = msgspec.json.decode((folder / f"{sha256}.json").read_bytes(), type=Signed)
        found, size = digest(bundle(folder, sha256))
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise WrongBundle(f"it is not there whole: {error}") from error
    manifest = verified(signed, public_key)
    if manifest.sha256 != sha256 or (found, size) != (manifest.sha256, manifest.size):
        raise WrongBundle("the file is not the one that was signed")
    return manifest


def digest(path: Path) -> tuple[str, int]:
    """SHA-256 in hexadecimal, and size in bytes. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest(), file.tell()


def forget_others(folder: Path, kept: Collection[str]) -> None:
    """Removes bundles that nobody will run again. Raises OSError."""
    for path in folder.glob("*"):
        if path.suffix in (".pyz", ".json", ".part") and len(path.stem) == 64 and path.stem not in kept:
            path.unlink(missing_ok=True)
