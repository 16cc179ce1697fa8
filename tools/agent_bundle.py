"""Makes the agent's one file, `build/shouwang-agent-<architecture>.pyz`: a zipapp (shiv) that unpacks to a cache.

Usage: .venv/bin/python tools/agent_bundle.py [--architecture NAME …] [--out DIR] [--label TEXT]
Only Python 3.11 is needed where it runs. Packages come through pip for the machine that it is for, each held to the
hash of requirements/run.txt.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ARCHITECTURES = ("x86_64", "aarch64")
ENTRY = "edge.bundle.door:main"
SIZE_MAX = 15 << 20
PACKAGES = (
    "annotated-doc",
    "annotated-types",
    "msgspec",
    "paho-mqtt",
    "pycryptodome",
    "pydantic",
    "pydantic-core",
    "pyiso8583",
    "shellingham",
    "structlog",
    "typer",
    "typing-extensions",
    "typing-inspection",
    "tzdata",
    "websockets",
)
"""What the agent and its commands load: less than an agent in a checkout has, with the whole command line."""
OURS = ("edge", "shouwang")
LEFT_OUT = (
    "Crypto/SelfTest",
    "bin",
    "pydantic/v1",
    "shouwang/ledger",
    "shouwang/readings",
    "shouwang/settings",
    "tzdata/zoneinfo/[!A]*",
    "tzdata/zoneinfo/A[!s]*",
    "tzdata/zoneinfo/Asia/[!S]*",
    "**/*.pyi",
    "**/*.c",
    "**/*.h",
    "**/__pycache__",
)
"""Of what is installed: what no agent ever loads."""


def locked(names: Iterable[str], lock: str) -> str:
    """Of the text of a lock, the packages of these names with their versions and hashes. Raises KeyError."""
    found: dict[str, str] = {}
    for block in lock.replace("\\\n", "\\\0").split("\n"):
        name = block.partition("==")[0].strip()
        if "==" in block and not block.startswith((" ", "#")):
            found[name] = block.replace("\\\0", "\\\n")
    return "\n".join(found[name] for name in names) + "\n"


def pip_platforms(architecture: str) -> list[str]:
    """The wheels that run there, as pip names them; glibc 2.17 and newer, as every Debian, Raspberry Pi OS and Kylin of
    these years has."""
    return [f"--platform={kind}_{architecture}" for kind in ("manylinux2014", "manylinux_2_17")]


def install_packages(architecture: str, site: Path) -> None:
    """Fills a folder with the packages as they are for that architecture. Raises CalledProcessError."""
    requirements = site.parent / "requirements.txt"
    requirements.write_text(locked(PACKAGES, (ROOT / "requirements" / "run.txt").read_text("utf-8")), "utf-8")
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "install"]
    pip += [f"--target={site}", "--no-deps", "--only-binary=:all:", "--require-hashes", f"--requirement={requirements}"]
    machine = ["--python-version=3.11", "--implementation=cp", *pip_platforms(architecture)]
    subprocess.run([*pip, *machine], check=True)


def tracked() -> list[str]:
    """Our files as git knows or would take them, so that no cache that lies in the checkout comes along."""
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", *OURS]
    listed = subprocess.run(listing, cwd=ROOT, check=True, capture_output=True)
    return [name for name in listed.stdout.decode().split("\0") if name]


def copy_ours(site: Path, label: str) -> None:
    """The agent and what it shares with the other parts; `label` is what the version is called beside its number."""
    for name in tracked():
        if (ROOT / name).exists():
            (site / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, site / name)
    if label:
        init = site / "shouwang" / "__init__.py"
        init.write_text(re.sub(r'(?m)^(__version__ = ".*)"$', rf'\1+{label}"', init.read_text("utf-8")), "utf-8")


def prune(site: Path) -> None:
    """Takes out what is never loaded."""
    for pattern in LEFT_OUT:
        for found in sorted(site.glob(pattern), reverse=True):
            shutil.rmtree(found) if found.is_dir() else found.unlink()


def build(architecture: str, out: Path, label: str = "") -> Path:
    """Makes the file and gives its path; the same sources make the same bytes. Raises CalledProcessError and
    RuntimeError."""
    out.mkdir(parents=True, exist_ok=True)
    made = out / f"shouwang-agent-{architecture}.pyz"
    with tempfile.TemporaryDirectory() as folder:
        site = Path(folder) / "site"
        site.mkdir()
        install_packages(architecture, site)
        copy_ours(site, label)
        prune(site)
        shutil.copyfile(ROOT / "LICENSE", site / "edge" / "LICENSE")
        (site / "edge" / "bundle" / "architecture").write_text(architecture + "\n", "ascii")
        shiv = [sys.executable, "-m", "shiv", "--reproducible", "--compressed", "--entry-point", ENTRY]
        shiv += ["--build-id", build_id(site), "--site-packages", str(site), "--output-file", f"{made}.new"]
        subprocess.run(shiv, check=True, env=os.environ | {"SOURCE_DATE_EPOCH": "1700000000"}, capture_output=True)
    Path(f"{made}.new").replace(made)
    if made.stat().st_size > SIZE_MAX:
        raise RuntimeError(f"{made} has {made.stat().st_size} bytes, more than {SIZE_MAX}")
    return made


def build_id(site: Path) -> str:
    """Names the content, so that two bundles never unpack to one place."""
    digest = hashlib.sha256()
    for path in sorted(each for each in site.rglob("*") if each.is_file()):
        digest.update(f"{path.relative_to(site)}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:24]


def main(arguments: Sequence[str]) -> int:
    own = {"arm64": "aarch64", "armv7l": "armv7"}.get(platform.machine(), platform.machine())
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--architecture", choices=ARCHITECTURES, action="append", help="left out: this machine's")
    parser.add_argument("--out", type=Path, default=ROOT / "build")
    parser.add_argument("--label", default="", help="shown beside the version number, as 1.2.0+LABEL")
    chosen = parser.parse_args(arguments)
    for architecture in chosen.architecture or [own]:
        try:
            made = build(architecture, chosen.out, chosen.label)
        except (subprocess.CalledProcessError, RuntimeError) as error:
            said = getattr(error, "stderr", None)
            print(f"{architecture}: {error}{said.decode() if said else ''}", file=sys.stderr)
            return 1
        print(f"{made}: {made.stat().st_size / 1_048_576:.1f} MiB")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
