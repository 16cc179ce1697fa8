"""The real servers that tests run against: where they are, how to get them, and how to start and end them."""

from tests.servers.influxdb import Bucket, InfluxDB
from tests.servers.mosquitto import Mosquitto
from tests.servers.postgres import Database, Postgres
from tests.servers.process import ServerProcess, free_port
from tests.servers.programs import MissingProgramError, find_program, need_server, skip_or_fail

__all__ = [
    "Bucket",
    "Database",
    "InfluxDB",
    "MissingProgramError",
    "Mosquitto",
    "Postgres",
    "ServerProcess",
    "find_program",
    "free_port",
    "need_server",
    "skip_or_fail",
]
