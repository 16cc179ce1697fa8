"""Which programs the tests need besides Python, where they are, and what to install for them."""

import hashlib
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import pytest

from tests.servers.peers import peers_are_complete, peers_python_path


class MissingProgramError(LookupError):
    """A program that tests need is not on this machine; the message says how to get it."""


@dataclass(frozen=True)
class Built:
    """A program that is built from its source in Go, once, outside of the clone: one for each `go.sum`. The folder of
    its name beside this file holds `go.mod`, `go.sum` and `build.sh TARGET`; `tools`: what builds it."""

    command: str
    takes: str
    tools: tuple[str, ...] = ("go",)

    @property
    def source(self) -> Path:
        return Path(__file__).parent / self.command

    @property
    def path(self) -> Path:
        cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        key = hashlib.sha256((self.source / "go.sum").read_bytes()).hexdigest()[:16]
        return cache / "shouwang" / f"{self.command}-{key}" / self.command


@dataclass(frozen=True)
class Program:
    """A program by the name of its command, and the Debian packages that bring it."""

    command: str
    packages: tuple[str, ...]
    places: tuple[str, ...] = ()  # glob patterns under / to look at besides PATH

    def find(self) -> Path | None:
        if found := shutil.which(self.command):
            return Path(found)
        hits = (hit for place in self.places for hit in sorted(Path("/").glob(place), reverse=True))
        return next(hits, None)


PROGRAMS = {
    program.command: program
    for program in (
        Program("mosquitto", ("mosquitto",), ("usr/sbin/mosquitto",)),
        Program("postgres", ("postgresql",), ("usr/lib/postgresql/*/bin/postgres",)),
        Program("chromium", ("chromium",)),
        Program("curl", ("curl",)),
        Program("ip", ("iproute2",), ("usr/sbin/ip", "sbin/ip")),
        Program("nginx", ("nginx-light",), ("usr/sbin/nginx",)),
        Program("sshd", ("openssh-server",), ("usr/sbin/sshd",)),
        Program(
            "gst-rtsp-server",
            ("gir1.2-gst-rtsp-server-1.0", "python3-gi", "gstreamer1.0-plugins-base", "gstreamer1.0-plugins-good"),
            ("usr/lib/*/girepository-1.0/GstRtspServer-1.0.typelib",),
        ),
        Program("gst-x265enc", ("gstreamer1.0-plugins-bad",), ("usr/lib/*/gstreamer-1.0/libgstx265.so",)),
        Program("gst-x264enc", ("gstreamer1.0-plugins-ugly",), ("usr/lib/*/gstreamer-1.0/libgstx264.so",)),
        Program("snmpd", ("snmpd",), ("usr/sbin/snmpd",)),
        Program("snmptrap", ("snmp",)),
        Program("upsd", ("nut-server",), ("usr/sbin/upsd", "sbin/upsd")),
        Program("dummy-ups", ("nut-server",), ("lib/nut/dummy-ups", "usr/lib/nut/dummy-ups")),
        Program("chronyd", ("chrony",), ("usr/sbin/chronyd",)),
        Program("openssl", ("openssl",)),
        Program("systemd-analyze", ("systemd",)),
        Program("cc", ("gcc", "libc6-dev"), ("usr/bin/gcc",)),
        Program("unbound", ("unbound",), ("usr/sbin/unbound",)),
        Program("sipp", ("sip-tester",)),
        Program("baresip", ("baresip-core",)),
        Program("promtool", ("prometheus",)),
    )
}
NOTO_CJK = Program("fonts-noto-cjk", ("fonts-noto-cjk",), ("usr/share/fonts/**/NotoSansCJK*.ttc",))
INFLUXD_BUILD = (
    Program("protoc", ("protobuf-compiler",)),
    Program("clang", ("clang",)),
    Program("pkg-config", ("pkg-config",)),
)


BUILT = {
    built.command: built
    for built in (
        Built("influxd", "4 to 6 minutes", ("go", "cargo", *(program.command for program in INFLUXD_BUILD))),
        Built("victoria-metrics", "1 to 2 minutes"),
    )
}


def find_program(name: str) -> Path:
    """Gives the path of one of `PROGRAMS` or `BUILT`, or of the Python that has the packages of requirements/peers.txt
    (`peers`); raises MissingProgramError with what to do."""
    if (built := BUILT.get(name)) is not None:
        if built.path.exists():
            return built.path
        raise MissingProgramError(f"{name} is not built yet: `make test` builds it (needs {', '.join(built.tools)})")
    if name == "peers":
        if peers_are_complete():
            return peers_python_path()
        raise MissingProgramError("the programs of requirements/peers.txt are not installed: `make test` does that")
    program = PROGRAMS[name]
    if path_found := program.find():
        return path_found
    raise MissingProgramError(f"{name} is not installed: apt-get install {' '.join(program.packages)}")


def need_server(name: str) -> Path:
    """Gives the path of a program, or skips the test with the reason; under CI the test fails instead."""
    try:
        return find_program(name)
    except MissingProgramError as missing:
        skip_or_fail(str(missing))


def skip_or_fail(reason: str) -> NoReturn:
    """Ends the test: skipped on a laptop, failed under CI, where nothing may be missing."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"under CI nothing may be missing: {reason}", pytrace=False)
    pytest.skip(reason)
