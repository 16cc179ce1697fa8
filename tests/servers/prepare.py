"""Gets the servers that the tests need: Debian packages when root, and what is built or installed once into the user's
cache.

What cannot be had is said and left: the tests that need it are then skipped (under CI they fail).
"""

import fcntl
import os
import shutil
import subprocess
import sys

from tests.servers.peers import build_peers, peers_python_path
from tests.servers.programs import BUILT, INFLUXD_BUILD, NOTO_CJK, PROGRAMS, Built


def missing_packages() -> list[str]:
    """The Debian packages of everything that is not here; those for the build only while InfluxDB is not built."""
    wanted = [*PROGRAMS.values(), NOTO_CJK, *(() if BUILT["influxd"].path.exists() else INFLUXD_BUILD)]
    return [package for program in wanted if program.find() is None for package in program.packages]


def install_packages(packages: list[str]) -> bool:
    """Installs Debian packages without starting the services they bring; says what to do where that is not possible."""
    install = ["apt-get", "install", "--yes", "--no-install-recommends", *packages]
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        print(f"Missing for some tests: {' '.join(packages)}\n    (on Debian: sudo {' '.join(install)})")
        return False
    print(f"installing {' '.join(packages)} …", flush=True)
    # At run level 1 Debian's packages do not start their services.
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    for command in (["apt-get", "update", "-qq"], install):
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environment)
    return True


def build(program: Built) -> bool:
    """Builds a program into the cache unless it is there; two builds at once wait for each other."""
    target = program.path
    target.parent.mkdir(parents=True, exist_ok=True)
    with (target.parent / "lock").open("w") as waiting:
        fcntl.flock(waiting, fcntl.LOCK_EX)
        if target.exists():
            return True
        if without := [tool for tool in program.tools if not shutil.which(tool)]:
            print(f"{program.command} cannot be built without: {', '.join(without)}")
            return False
        print(f"building {program.command} into {target.parent} ({program.takes} on two cores, once) …", flush=True)
        half = target.with_suffix(".building")
        done = subprocess.run([program.source / "build.sh", half], capture_output=True, text=True)
        if done.returncode:
            print(f"{program.command} was not built:\n{done.stderr[-4000:]}")
            return False
        half.rename(target)
        return True


def install_peers() -> bool:
    """Installs the packages of requirements/peers.txt into the cache unless they are there; as `build`."""
    folder = peers_python_path().parents[2]
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "peers.lock").open("w") as waiting:
        fcntl.flock(waiting, fcntl.LOCK_EX)
        return build_peers()


def main() -> int:
    packages = missing_packages()
    complete = not packages or install_packages(packages)
    complete = install_peers() and complete
    for program in BUILT.values():
        complete = build(program) and complete
    if not complete and os.environ.get("CI") == "true":
        print("Under CI nothing may be missing.")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
