"""A centre without a simulator: this very machine and real servers on it, watched by the agent as a new user starts it;
one is unplugged. Broker, InfluxDB and PostgreSQL are real too, and all of it is in a network namespace of its own."""

import csv
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from sqlalchemy import select

from collector.recorder.file import read_state
from shouwang.ledger.engine import open_engine
from shouwang.ledger.tables import Device, DeviceCondition, Incident
from tests.servers import Bucket, Database, InfluxDB, Postgres, ServerProcess, need_server
from tests.servers.network import Network, own_network
from tests.timeline.peers import Broker, Nginx, RtspServer, Snmpd, Sshd
from tests.timeline.product import REGION, Program, Serve
from tests.timeline.receiver import Receiver
from tests.waiting import SELDOM_S, until

pytestmark = [pytest.mark.system, pytest.mark.timeout(120)]

CENTRE = "150525100201"
SHOP, CAMERA, CLINIC, ROUTER, BUTTONS = (f"192.168.77.{last}" for last in (12, 13, 14, 15, 11))
LIMITS = {"report_every_s": "1", "silent_after_s": "6", "notify_after_s": "1"}
FLEET: tuple[dict[str, str], ...] = (
    {"device": "site", "kind": "site"},
    {"device": "shop-01", "kind": "ecommerce_point", "target": f"https://{SHOP}/", "settings": "trust=false"},
    # A stream that begins when it is asked for takes more than the half second that a probe each second has.
    {
        "device": "cam-01",
        "kind": "camera",
        "target": f"rtsp://{CAMERA}:8554/hall",
        "report_every_s": "4",
        "silent_after_s": "12",
    },
    {"device": "clinic-01", "kind": "clinic_terminal", "target": f"{CLINIC}:22"},
    {"device": "study-01", "kind": "remote_education", "driver": "icmp", "target": ROUTER},
    {"device": "kiosk-01", "kind": "payment_kiosk", "driver": "tcp", "target": f"{BUTTONS}:1883"},
)
STORED = """from(bucket: "BUCKET") |> range(start: -1h)
 |> filter(fn: (r) => r._measurement == "camera" and r.device == "cam-01" and r._field == "reachable")
 |> keep(columns: ["_time", "_value"])"""


class Centre(Serve):
    """`shouwang serve` at the pace of real time, its ledger in PostgreSQL, its readings in InfluxDB."""

    def __init__(self, directory: Path, fleet: Path, hook_url: str, ledger: Database, readings: Bucket) -> None:
        super().__init__(directory, fleet, hook_url)
        self.environment |= {
            "SHOUWANG_SPEED": "1",
            "SHOUWANG_LEDGER__URL": ledger.url,
            "SHOUWANG_READINGS__URL": readings.url,
            "SHOUWANG_READINGS__ORG": readings.org,
            "SHOUWANG_READINGS__BUCKET": readings.bucket,
            "SHOUWANG_READINGS__TOKEN": readings.token,
        }


@pytest.fixture
def network() -> Iterator[Network]:
    with own_network() as made:
        yield made


def write(path: Path) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, ["centre", "device", "kind", "driver", "target", "settings", *LIMITS])
        writer.writeheader()
        writer.writerows({"centre": CENTRE, **LIMITS, **row} for row in FLEET)
    return path


async def test_a_real_device_is_unplugged_and_a_person_is_told(tmp_path: Path, network: Network) -> None:
    with ExitStack() as ending:

        def start(server: ServerProcess) -> ServerProcess:
            ending.callback(server.stop)
            return server.start()

        for address in (SHOP, CAMERA, CLINIC, ROUTER, BUTTONS):
            network.plug(address)
        start(Nginx(tmp_path / "nginx", SHOP, 443))
        start(RtspServer(tmp_path / "rtsp", CAMERA, 8554))
        start(Sshd(tmp_path / "sshd", CLINIC, 22))
        start(Snmpd(tmp_path / "snmpd", ROUTER, 161))
        start(Broker(tmp_path / "broker", BUTTONS))
        postgres = Postgres(
            need_server("postgres"), Path(ending.enter_context(tempfile.TemporaryDirectory(prefix="shouwang-pg-")))
        )
        postgres.set_up()
        start(postgres)
        (tmp_path / "influxdb").mkdir()
        influxdb = InfluxDB(need_server("influxd"), tmp_path / "influxdb")
        start(influxdb)
        influxdb.set_up()
        ledger, readings = ending.enter_context(postgres.database()), ending.enter_context(influxdb.bucket())
        receiver = ending.enter_context(Receiver())

        serve = Centre(tmp_path, write(tmp_path / "fleet.csv"), receiver.url, ledger, readings)
        start(serve)
        arguments = ["agent", "--centre", CENTRE, "--region", REGION, "--broker", serve.broker_url]
        start(Program(tmp_path, "agent", [*arguments, "--state", str(tmp_path / "agent")]))

        engine = open_engine(ledger.url)
        ending.callback(engine.dispose)

        def conditions() -> dict[str, str]:
            statement = select(Device.device, DeviceCondition.condition).join(
                DeviceCondition, DeviceCondition.device_id == Device.id
            )
            with engine.connect() as connection:
                return {row.device: row.condition for row in connection.execute(statement)}

        def incidents() -> list[tuple[str, str, bool]]:
            statement = select(Incident.cause, Device.device, Incident.closed_at)
            statement = statement.join(Device, Device.id == Incident.device_id, isouter=True)
            with engine.connect() as connection:
                return [(cause, device, closed is None) for cause, device, closed in connection.execute(statement)]

        await until(
            lambda: len(conditions()) == len(FLEET), lambda: f"{conditions()}\n{serve.log.read_text()}", 30, SELDOM_S
        )
        seen = conditions()
        assert {device: seen[device] for device in seen if device not in ("site", "kiosk-01")} == dict.fromkeys(
            ("shop-01", "cam-01", "clinic-01", "study-01"), "ok"
        )
        assert receiver.types == []

        network.unplug(SHOP)
        await until(lambda: conditions()["shop-01"] == "down", conditions, 10, SELDOM_S)
        await until(
            lambda: receiver.types == ["opened device_down"], lambda: f"{receiver.types} {incidents()}", 10, SELDOM_S
        )
        (told,) = [body["incident"] for _, body in receiver.received]
        assert (told["centre"], told["device"]) == (CENTRE, "shop-01")
        assert [device for device, condition in conditions().items() if condition == "down"] == ["shop-01"]

        network.plug(SHOP)
        await until(
            lambda: "closed device_down" in receiver.types, lambda: f"{receiver.types} {incidents()}", 15, SELDOM_S
        )
        await until(lambda: readings.rows(STORED), lambda: read_state(serve.state), 15, SELDOM_S)
        assert receiver.types == ["opened device_down", "closed device_down"]
