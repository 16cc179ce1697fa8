"""Makes `.venv` from a locked list of packages; does nothing when it already holds that list.

Usage: python3 tools/bootstrap.py LOCK, where LOCK is `run` (what the product needs), `docs` (what makes the site of
docs) or `dev` (both, and the tests' tools).
Only Python 3.11 or newer with its `venv` is needed. Packages come through pip, each held to its hash.
"""

import fcntl
import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
GRAFANA = VENV / "grafana"  # see `aside`
WIDER = {"run": ("run", "dev"), "docs": ("docs", "dev"), "dev": ("dev",)}  # the locks that hold all of a lock
WITH_GRAFANA = ("run", "dev")

# Our folders come before site-packages, so that no dependency that ships an `api` or a `tests` takes their place.
# (Python reads such a file twice in a virtual environment, hence the condition.)
PATH_LINE = (
    "import sys; {root!r} in sys.path or "
    "sys.path.insert([p.endswith('site-packages') for p in sys.path].index(True), {root!r})\n"
)

# `exec` by way of the shell, for a path too long for a `#!` line, or with spaces in it.
COMMAND = """#!/bin/sh
'''exec' "{python}" "$0" "$@"
' '''
import sys

from shouwang.cli import main

sys.exit(main())
"""


def stamp_of(lock: str) -> Path:
    """The file that says `.venv` holds this lock, at this path, for this Python."""
    locks = (lock, "grafana") if lock in WITH_GRAFANA else (lock,)
    content = b"".join((ROOT / "requirements" / f"{each}.txt").read_bytes() for each in locks)
    content += Path(__file__).read_bytes()
    key = hashlib.sha256(content + f"{VENV}{sys.version_info[:3]}".encode()).hexdigest()
    return VENV / f"installed-{lock}-{key[:16]}"


def same_python() -> bool:
    """Whether `.venv` exists and was made by this version of Python."""
    made_by = f"python{sys.version_info.major}.{sys.version_info.minor}"
    return (VENV / "lib" / made_by).is_dir() and PYTHON.exists()


def install(lock: str) -> None:
    """Fills `.venv` with the packages of the lock, and puts the checkout and the `shouwang` command in it."""
    print(f"setting up .venv (requirements/{lock}.txt) …", flush=True)
    subprocess.run([sys.executable, "-m", "venv", *([] if same_python() else ["--clear"]), VENV], check=True)
    for old in VENV.glob("installed-*"):
        old.unlink()
    requirements = ROOT / "requirements" / f"{lock}.txt"
    pip = [str(PYTHON), "-m", "pip", "--disable-pip-version-check", "--quiet", "install", "--only-binary=:all:"]
    subprocess.run([*pip, "--require-hashes", f"--requirement={requirements}"], check=True)
    if lock in WITH_GRAFANA:
        aside(pip)
    site_packages = next(VENV.glob("lib/python3.*/site-packages"))
    (site_packages / "shouwang-checkout.pth").write_text(PATH_LINE.format(root=str(ROOT)))
    command = VENV / "bin" / "shouwang"
    command.write_text(COMMAND.format(python=PYTHON))
    command.chmod(0o755)
    stamp_of(lock).touch()


def aside(pip: list[str]) -> None:
    """The client of Grafana's API, in a folder that only `shouwang dashboards push` and `pull` look into, last of all.

    It stands on urllib3-future, which in site-packages would write itself over urllib3 (of InfluxDB's client).
    """
    shutil.rmtree(GRAFANA, ignore_errors=True)
    requirements = ROOT / "requirements" / "grafana.txt"
    subprocess.run(
        [*pip, "--no-deps", "--require-hashes", f"--target={GRAFANA}", f"--requirement={requirements}"], check=True
    )


def main() -> int:
    if sys.version_info < (3, 11):
        print(f"Python 3.11 or newer is needed, this is {sys.version.split()[0]}: make PYTHON=python3.11 …")
        return 1
    if len(sys.argv) != 2 or sys.argv[1] not in WIDER:
        print(__doc__)
        return 2
    lock = sys.argv[1]
    with (ROOT / ".venv.lock").open("w") as waiting:
        fcntl.flock(waiting, fcntl.LOCK_EX)  # two `make`s at once: the second finds the work done
        if not any(stamp_of(wider).exists() for wider in WIDER[lock]):
            try:
                install(lock)
            except subprocess.CalledProcessError as error:
                print(f"setting up .venv failed: {' '.join(map(str, error.cmd))}")
                print("If `venv` is missing: apt-get install python3-venv.")
                print("If a package was not found: can pip reach its index?")
                return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
