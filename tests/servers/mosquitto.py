"""A Mosquitto broker on loopback."""

import os
from collections.abc import Sequence
from pathlib import Path

from tests.servers.process import ServerProcess

# What bites in the defaults: the queue of an absent session drops after 1,000 messages, and 0 (no limit) breaks
# connections whose publish the ACL denies. A queue bounded by bytes, with a large count, does neither.
SETTINGS = """\
per_listener_settings false
listener {port} {host}
persistence true
persistence_location {directory}/
autosave_interval 2
max_queued_messages 1000000
max_queued_bytes 268435456
max_packet_size 1200000
set_tcp_nodelay true
log_dest stderr
log_type error
log_type warning
log_type notice
{user}
{more}
"""


class Mosquitto(ServerProcess):
    """The broker. Anyone may connect unless `settings`, lines of mosquitto.conf, say otherwise.

    What it stored outlives a restart; after a kill, what it had saved by itself (each 2 s).
    """

    def __init__(self, program: Path, directory: Path, settings: Sequence[str] = (), port: int | None = None) -> None:
        super().__init__(directory, port)
        self.program = program
        self.settings = list(settings) or ["allow_anonymous true"]
        self.config = directory / "mosquitto.conf"

    def command(self) -> Sequence[str | Path]:
        self.config.write_text(
            SETTINGS.format(
                port=self.port,
                host=self.host,
                directory=self.directory,
                user="user root" if os.geteuid() == 0 else "",  # else it becomes `mosquitto`, who may not read here
                more="\n".join(self.settings),
            )
        )
        return [self.program, "-c", self.config]

    @property
    def url(self) -> str:
        return f"mqtt://{self.host}:{self.port}"
