"""Programs of other hands that are Python packages, in an environment of their own: what they need is none of ours, and
nothing of theirs comes into the tests' own environment."""

import hashlib
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

LOCK = Path(__file__).parents[2] / "requirements" / "peers.txt"
_COMPLETE = "complete"


def peers_python_path() -> Path:
    """The Python of that environment, kept outside of the clone: one for each lock and version of Python."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    key = hashlib.sha256(LOCK.read_bytes() + platform.python_version().encode()).hexdigest()[:16]
    return cache / "shouwang" / f"peers-{key}" / "bin" / "python"


def peers_are_complete() -> bool:
    """Whether everything of the lock is installed there."""
    return (peers_python_path().parents[1] / _COMPLETE).exists()


def build_peers() -> bool:
    """Makes the environment unless it is there; says what went wrong. Not for two at once: `prepare` holds a lock."""
    python = peers_python_path()
    if peers_are_complete():
        return True
    print(f"installing the programs of requirements/peers.txt into {python.parents[1]} …", flush=True)
    shutil.rmtree(python.parents[1], ignore_errors=True)
    pip = [str(python), "-m", "pip", "--disable-pip-version-check", "--quiet", "install", "--only-binary=:all:"]
    for command in (
        [sys.executable, "-m", "venv", str(python.parents[1])],
        [*pip, "--no-deps", "--require-hashes", f"--requirement={LOCK}"],
    ):
        done = subprocess.run(command, capture_output=True, text=True, timeout=600)
        if done.returncode:
            print(f"they were not installed:\n{done.stderr[-2000:]}")
            return False
    (python.parents[1] / _COMPLETE).touch()
    return True
