"""The broker that serve starts, really started: who gets in, what each may write, and what is refused."""

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from sqlalchemy import insert

from collector.broker import COLLECTOR, check, collector_password, write_passwords
from shouwang import clock
from shouwang.ledger.engine import open_engine
from shouwang.ledger.migrate import upgrade
from shouwang.ledger.people import new_mqtt_password, revoke
from shouwang.ledger.tables import Centre
from shouwang.settings import Settings, SettingsError, load
from tests.servers import need_server
from tests.servers.process import ServerProcess, free_port
from tests.waiting import wait_until

pytestmark = [pytest.mark.system, pytest.mark.slow]

CENTRE, OTHER = "150525100201", "150525100202"
NOT_AUTHORIZED = 0x87


class BrokerProcess(ServerProcess):
    """`shouwang broker`."""

    def __init__(self, directory: Path, environment: dict[str, str], port: int) -> None:
        super().__init__(directory, port)
        self.environment = environment

    def command(self) -> list[str | Path]:
        said = [f"{name}={value}" for name, value in self.environment.items()]
        return ["/usr/bin/env", *said, sys.executable, "-P", "-m", "shouwang", "broker"]


class House:
    """A ledger with two centres, and the settings of its broker."""

    def __init__(self, directory: Path, **environment: str) -> None:
        self.port = free_port()
        self.environment = {"SHOUWANG_STATE": str(directory), "SHOUWANG_BROKER__PORT": str(self.port), **environment}
        self.settings: Settings = load(env=self.environment).settings
        self.engine = open_engine(self.settings.ledger_url)
        upgrade(self.engine)
        with self.engine.execution_options(writes=True).begin() as connection:
            connection.execute(insert(Centre), [{"centre": name, "region": "150525"} for name in (CENTRE, OTHER)])
        self.process = BrokerProcess(directory, self.environment, self.port)

    def password(self, centre: str) -> str:
        with self.engine.execution_options(writes=True).begin() as connection:
            return new_mqtt_password(connection, centre, clock.wall_ms())

    def end_password(self, centre: str) -> None:
        with self.engine.execution_options(writes=True).begin() as connection:
            assert revoke(connection, centre, clock.wall_ms()) == 1


@pytest.fixture
def make_house(tmp_path: Path) -> Iterator[Callable[..., House]]:
    made: list[House] = []

    def make(**environment: str) -> House:
        made.append(House(tmp_path, **environment))
        return made[-1]

    yield make
    for house in made:
        house.process.stop()
        house.engine.dispose()


class Client:
    """An MQTT 5 client in paho's own thread."""

    def __init__(self, port: int, user: str | None = None, password: str | None = None, client_id: str = "") -> None:
        self.answer: str | None = None
        self.heard: list[tuple[str, bytes]] = []
        self.codes: dict[int, int] = {}
        self.subscribed: set[int | None] = set()
        self.gone = 0
        self.client = paho.Client(
            CallbackAPIVersion.VERSION2, client_id, protocol=paho.MQTTv5, reconnect_on_failure=False
        )
        if user is not None:
            self.client.username_pw_set(user, password)
        self.client.on_connect = lambda _c, _d, _f, code, _p: setattr(self, "answer", str(code))
        self.client.on_disconnect = lambda *_: setattr(self, "gone", self.gone + 1)
        self.client.on_message = lambda _c, _d, message: self.heard.append((message.topic, bytes(message.payload)))
        self.client.on_publish = lambda _c, _d, mid, code, _p: self.codes.__setitem__(mid, code.value)
        self.client.on_subscribe = lambda _c, _d, mid, _codes, _p: self.subscribed.add(mid)
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()
        wait_until(lambda: self.answer is not None or self.gone)

    def subscribe(self, topic: str) -> None:
        """Returns when the broker has taken it."""
        mid = self.client.subscribe(topic, qos=1)[1]
        wait_until(lambda: mid in self.subscribed)

    def publish(self, topic: str, payload: bytes = b"x", retain: bool = False) -> int:
        """The broker's reason code."""
        mid = self.client.publish(topic, payload, qos=1, retain=retain).mid
        wait_until(lambda: mid in self.codes)
        return self.codes[mid]

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


@pytest.fixture
def connect() -> Iterator[Callable[..., Client]]:
    clients: list[Client] = []

    def made(*arguments: Any, **more: Any) -> Client:
        clients.append(Client(*arguments, **more))
        return clients[-1]

    yield made
    for client in clients:
        client.close()


Make = Callable[..., House]
Connect = Callable[..., Client]


def test_on_loopback_nobody_needs_a_password_and_nobody_else_gets_in(make_house: Make, connect: Connect) -> None:
    need_server("mosquitto")
    house = make_house()
    house.process.start()
    client = connect(house.port)
    assert client.answer == "Success"
    assert client.publish(f"shouwang/v1/150525/{CENTRE}/config", b"kept", retain=True) < 0x80
    assert listening_on(house.port) == {"127.0.0.1"}
    house.process.stop()
    house.process.start()
    again = connect(house.port)
    again.subscribe("shouwang/v1/+/+/config")
    wait_until(lambda: again.heard)
    assert again.heard == [(f"shouwang/v1/150525/{CENTRE}/config", b"kept")]


def test_from_outside_each_needs_its_own_password_and_writes_its_own_topics_alone(
    make_house: Make, connect: Connect
) -> None:  # fault 37
    need_server("mosquitto")
    house = make_house(SHOUWANG_BROKER__HOST="0.0.0.0")
    password = house.password(CENTRE)
    house.process.start()
    assert connect(house.port).answer == "Not authorized"
    assert connect(house.port, CENTRE, "guess").answer == "Not authorized"
    assert connect(house.port, OTHER, password).answer == "Not authorized"
    agent = connect(house.port, CENTRE, password)
    assert agent.answer == "Success"
    collector = connect(house.settings.inner_mqtt_port, COLLECTOR, collector_password(house.settings))
    assert collector.answer == "Success"
    collector.subscribe("shouwang/v1/#")
    for channel in ("presence", "report", "event", "reply"):
        assert agent.publish(f"shouwang/v1/150525/{CENTRE}/{channel}") != NOT_AUTHORIZED
        assert agent.publish(f"shouwang/v1/150525/{OTHER}/{channel}") == NOT_AUTHORIZED
    for channel in ("config", "command", "ack"):
        assert agent.publish(f"shouwang/v1/150525/{CENTRE}/{channel}") == NOT_AUTHORIZED
    wait_until(lambda: len(collector.heard) == 4)
    agent.subscribe("shouwang/v1/#")
    assert collector.publish(f"shouwang/v1/150525/{OTHER}/config") < 0x80
    assert collector.publish(f"shouwang/v1/150525/{CENTRE}/command") < 0x80
    wait_until(lambda: any(topic.endswith("command") for topic, _ in agent.heard))
    assert not any(OTHER in topic for topic, _ in agent.heard)


def test_a_password_comes_and_goes_without_a_restart(make_house: Make, connect: Connect) -> None:
    need_server("mosquitto")
    house = make_house(SHOUWANG_BROKER__HOST="0.0.0.0")
    house.process.start()
    password = house.password(CENTRE)
    wait_until(lambda: connect(house.port, CENTRE, password).answer == "Success")
    agent = connect(house.port, CENTRE, password)
    house.end_password(CENTRE)
    wait_until(lambda: agent.gone)
    assert connect(house.port, CENTRE, password).answer == "Not authorized"


def test_nobody_takes_over_anothers_session_by_its_client_id(make_house: Make, connect: Connect) -> None:
    need_server("mosquitto")
    house = make_house(SHOUWANG_BROKER__HOST="0.0.0.0")
    passwords = {name: house.password(name) for name in (CENTRE, OTHER)}
    house.process.start()
    first = connect(house.port, CENTRE, passwords[CENTRE], client_id=CENTRE)
    thief = connect(house.port, OTHER, passwords[OTHER], client_id=CENTRE)
    assert thief.answer == "Success"
    assert first.publish(f"shouwang/v1/150525/{CENTRE}/report") != NOT_AUTHORIZED
    assert not first.gone


def test_what_is_far_too_large_is_refused_and_the_rest_is_served(make_house: Make, connect: Connect) -> None:
    # fault 35
    need_server("mosquitto")
    house = make_house()
    house.process.start()
    collector = connect(house.port)
    collector.subscribe("shouwang/v1/#")
    flood = connect(house.port)
    flood.client.publish(f"shouwang/v1/150525/{OTHER}/report", b"x" * 50_000_000, qos=1)
    wait_until(lambda: flood.gone, limit_s=30)
    assert connect(house.port).publish(f"shouwang/v1/150525/{CENTRE}/report", b"y" * 1_000_000) < 0x80
    wait_until(lambda: collector.heard)
    assert [len(payload) for _, payload in collector.heard] == [1_000_000]


def test_without_mosquitto_the_embedded_broker_serves_loopback_alone(make_house: Make, connect: Connect) -> None:
    house = make_house(SHOUWANG_BROKER__PROGRAM="embedded")
    house.process.start()
    hears = connect(house.port)
    hears.subscribe("shouwang/v1/+/+/report")
    speaks = connect(house.port)
    assert speaks.publish(f"shouwang/v1/150525/{CENTRE}/report", b"z" * 1_000_000) < 0x80
    wait_until(lambda: hears.heard)
    assert len(hears.heard[0][1]) == 1_000_000
    assert listening_on(house.port) == {"127.0.0.1"}
    assert "no ACL" in house.process.log.read_text()


def test_agents_from_outside_are_refused_without_mosquitto() -> None:
    settings = load(env={}, flags={"broker.host": "0.0.0.0"}).settings
    with pytest.raises(SettingsError, match=r"need Mosquitto.*apt-get install mosquitto"):
        check(settings, None)
    done = subprocess.run(
        [sys.executable, "-P", "-m", "shouwang", "serve", "--mqtt-host", "0.0.0.0"],
        env={**os.environ, "SHOUWANG_BROKER__PROGRAM": "embedded"},
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.returncode == 2
    assert "need Mosquitto" in done.stderr


def test_passwords_are_kept_as_hashes_for_nobody_else_to_read(make_house: Make) -> None:
    house = make_house(SHOUWANG_BROKER__HOST="0.0.0.0")
    password = house.password(CENTRE)
    with house.engine.connect() as connection:
        assert write_passwords(house.settings, connection)
        assert not write_passwords(house.settings, connection)
    path = house.settings.state / "broker" / "passwords"
    text = path.read_text()
    assert path.stat().st_mode & 0o777 == 0o600
    assert f"{CENTRE}:$7$" in text
    assert password not in text
    assert collector_password(house.settings) not in text


def listening_on(port: int) -> set[str]:
    """The addresses on which somebody listens at a port (IPv4 and IPv6, from /proc)."""
    found = set()
    for table, family in (("tcp", socket.AF_INET), ("tcp6", socket.AF_INET6)):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            local, _, state = line.split()[1:4]
            address, _, hexport = local.partition(":")
            if state == "0A" and int(hexport, 16) == port:
                raw = b"".join(bytes.fromhex(address[n : n + 8])[::-1] for n in range(0, len(address), 8))
                found.add(socket.inet_ntop(family, raw))
    return found
