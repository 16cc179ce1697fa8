"""What a page takes for granted: files that its reader has, servers that run, devices that are there."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from shutil import copyfile
from typing import TypeAlias

from tests.servers import InfluxDB, need_server
from tests.servers.network import Network
from tools.site.pages import ROOT

Scene: TypeAlias = Callable[[Path, Network], AbstractContextManager[None]]


@contextmanager
def an_empty_home(home: Path, network: Network) -> Iterator[None]:
    """Nothing but a home and a network."""
    yield


@contextmanager
def an_influxdb(home: Path, network: Network) -> Iterator[None]:
    """A new InfluxDB on its usual port, set up, with the token of its administrator in a file."""
    folder = home / ".influxdb"
    folder.mkdir()
    server = InfluxDB(need_server("influxd"), folder, port=8086)
    server.start()
    try:
        server.set_up()
        (home / "admin-token").write_text(server.token, "utf-8")
        yield
    finally:
        server.stop()


@contextmanager
def a_platforms_mapping(home: Path, network: Network) -> Iterator[None]:
    """The sample of a call-terminal platform, as `care.toml`, with its list of devices."""
    samples = ROOT / "edge" / "feed" / "samples"
    copyfile(samples / "call-terminals.toml", home / "care.toml")
    copyfile(samples / "devices.csv", home / "devices.csv")
    yield


SCENES: defaultdict[str, Scene] = defaultdict(lambda: an_empty_home)
"""By page."""
SCENES["docs/readings.md"] = an_influxdb
SCENES["docs/feeds.md"] = a_platforms_mapping
