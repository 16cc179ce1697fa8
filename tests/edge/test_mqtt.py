"""The MQTT client against a real Mosquitto."""

import asyncio
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import paho.mqtt.client as paho
import pytest
import pytest_asyncio

from shouwang.mqtt import LOST, NOT_AUTHORIZED, Message, MqttClient, MqttOptions, Puback, Will, split_url
from tests.conftest import MosquittoStarter
from tests.servers import Mosquitto
from tests.waiting import until

pytestmark = pytest.mark.system


@dataclass
class Heard:
    """What a client was told."""

    messages: list[Message] = field(default_factory=list)
    connected: list[bool] = field(default_factory=list)
    disconnected: list[str] = field(default_factory=list)


class Clients:
    def __init__(self) -> None:
        self.made: list[MqttClient] = []

    async def __call__(
        self, url: str, name: str, will: Will | None = None, **options: object
    ) -> tuple[MqttClient, Heard]:
        heard = Heard()
        settings: dict[str, object] = {"backoff_min_s": 0.05, "backoff_max_s": 0.2, "keepalive_s": 2} | options
        client = MqttClient(
            MqttOptions(url, name, **settings),  # type: ignore[arg-type]
            on_connected=heard.connected.append,
            on_disconnected=heard.disconnected.append,
            on_message=heard.messages.append,
            will=None if will is None else lambda: will,
        )
        self.made.append(client)
        client.start()
        return client, heard


@pytest_asyncio.fixture
async def clients() -> AsyncIterator[Clients]:
    made = Clients()
    yield made
    await asyncio.gather(*(client.close() for client in made.made))


async def test_publishes_and_hears_with_the_properties_of_mqtt_5(mosquitto: Mosquitto, clients: Clients) -> None:
    one, heard = await clients(mosquitto.url, "one")
    two, _ = await clients(mosquitto.url, "two")
    await until(lambda: one.connected and two.connected, "both connected")
    assert await one.subscribe([("a/+", 1)]) == [1]
    answer = await two.publish("a/b", b"x" * 100_000, expiry_s=604800, response_topic="r", correlation=b"\x00c")
    assert answer == Puback(0, "Success")
    await until(lambda: heard.messages, "the message")
    message = heard.messages[0]
    assert (message.topic, len(message.payload), message.qos) == ("a/b", 100_000, 1)
    assert message.expiry_s in (604800, 604799)
    assert (message.response_topic, message.correlation) == ("r", b"\x00c")


async def test_a_publish_without_permission_is_told_apart(
    start_mosquitto: MosquittoStarter, clients: Clients, tmp_path: Path
) -> None:
    acl = tmp_path / "acl"
    acl.write_text("topic write allowed\n")
    acl.chmod(0o700)
    broker = start_mosquitto(["allow_anonymous true", f"acl_file {acl}"])
    one, _ = await clients(broker.url, "one")
    await until(lambda: one.connected, "connected")
    assert (await one.publish("allowed", b"")).ok
    refused = await one.publish("elsewhere", b"")
    assert (refused.code, refused.ok) == (NOT_AUTHORIZED, False)


async def test_reconnects_after_a_broker_restart_and_resends_nothing_by_itself(  # fault 7
    mosquitto: Mosquitto, clients: Clients
) -> None:
    one, heard = await clients(mosquitto.url, "one")
    await until(lambda: one.connected, "connected")
    mosquitto.pause()
    lost = [one.publish("t", b"%d" % number) for number in range(100)]
    mosquitto.kill()
    await until(lambda: not one.connected, "the end of the connection")
    assert {answer.code for answer in await asyncio.gather(*lost)} == {LOST}
    assert (await one.publish("t", b"")).code == LOST
    mosquitto.start()
    await until(lambda: one.connected, "connected again")
    assert heard.connected == [False, False]
    watcher, watched = await clients(mosquitto.url, "watcher")
    await until(lambda: watcher.connected, "the watcher")
    await watcher.subscribe([("t", 1)])
    assert (await one.publish("t", b"last")).ok
    await until(lambda: watched.messages, "what was published last")
    assert [message.payload for message in watched.messages] == [b"last"]


async def test_a_burst_stays_within_the_window_of_the_broker(
    start_mosquitto: MosquittoStarter, clients: Clients
) -> None:
    broker = start_mosquitto(["allow_anonymous true", "max_inflight_messages 3"])
    one, heard = await clients(broker.url, "one")
    await until(lambda: one.connected, "connected")
    answers = await asyncio.gather(*(one.publish("t", b"x" * 2000) for _ in range(500)))
    assert all(answer.ok for answer in answers)
    assert heard.disconnected == []


async def test_acknowledged_by_hand_and_only_on_the_connection_it_came_on(  # fault 8
    mosquitto: Mosquitto, clients: Clients
) -> None:
    one, heard = await clients(mosquitto.url, "one", manual_ack=True, receive_maximum=5)
    two, _ = await clients(mosquitto.url, "two")
    await until(lambda: one.connected and two.connected, "both connected")
    await one.subscribe([("t", 1)])
    for number in range(12):
        await two.publish("t", b"%d" % number)
    await until(lambda: len(heard.messages) == 5, "as many as may be unacknowledged")
    assert one.ack(heard.messages[0])
    # Mosquitto 2.0 then sends more than one of those that waited.
    await until(lambda: len(heard.messages) >= 6, "the next for the one acknowledged")
    old = heard.messages[1]
    one.drop()
    heard.messages.clear()
    assert not one.ack(old)
    await until(lambda: heard.messages, "those not acknowledged, once more")
    assert heard.connected == [False, True]
    assert not one.ack(old)
    for count in range(11):
        await until(lambda: len(heard.messages) > count, "each in turn")  # noqa: B023
        assert one.ack(heard.messages[count])
    assert [int(message.payload) for message in heard.messages] == list(range(1, 12))


async def test_messages_of_every_sort_come_in_order_and_plain_ones_past_paho(
    mosquitto: Mosquitto, clients: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_paho: list[int] = []
    original = paho.Client._handle_publish

    def counted(client: paho.Client) -> object:
        by_paho.append(1)
        return original(client)

    monkeypatch.setattr(paho.Client, "_handle_publish", counted)
    one, heard = await clients(mosquitto.url, "one", receive_maximum=50)
    two, _ = await clients(mosquitto.url, "two")
    await until(lambda: one.connected and two.connected, "both connected")
    await one.subscribe([("t/#", 1)])
    sizes = [0, 1, 5, 12_000, 70_000, 300_000, 3]
    for number in range(200):
        size = sizes[number % len(sizes)]
        extra: dict[str, object] = {"correlation": b"c"} if number % 50 == 49 else {}
        expiry_s = 60 if number % 3 else None
        two.publish(f"t/{number}", b"x" * size, qos=number % 2, expiry_s=expiry_s, **extra)  # type: ignore[arg-type]
    await until(lambda: len(heard.messages) >= 200, "all of them")
    got = {int(message.topic[2:]): message for message in heard.messages}
    assert sorted(got) == list(range(200))
    assert all(len(message.payload) == sizes[number % len(sizes)] for number, message in got.items())
    assert all((message.expiry_s is not None) == bool(number % 3) for number, message in got.items())
    assert [number for number, message in got.items() if message.correlation] == [49, 99, 149, 199]
    assert 4 <= len(by_paho) < 100, "those with other properties, and those larger than what is read at once"
    assert heard.disconnected == []


async def test_a_client_that_pauses_takes_no_more_keeps_its_connection_and_then_hears_it_all(
    mosquitto: Mosquitto, clients: Clients
) -> None:
    one, heard = await clients(mosquitto.url, "one", receive_maximum=20, manual_ack=True, keepalive_s=1)
    two, _ = await clients(mosquitto.url, "two")
    await until(lambda: one.connected and two.connected, "both connected")
    await one.subscribe([("t", 1)])
    one.pause()
    for _ in range(3000):
        two.publish("t", b"x" * 10_000)
    await asyncio.sleep(2.5)  # longer than 1.5 keepalives, after which a silent client would be dropped
    assert heard.messages == []
    assert heard.disconnected == []
    one.resume()
    acked = 0
    while acked < 3000:
        await until(lambda: len(heard.messages) > acked, "more")  # noqa: B023
        one.pause()
        fresh = heard.messages[acked:]
        one.ack(*fresh)
        acked += len(fresh)
        for _ in range(5):
            await asyncio.sleep(0.002)
        assert len(heard.messages) == acked, "while it paused, nothing came"
        one.resume()
    assert len(heard.messages) == 3000
    assert heard.disconnected == []


async def test_the_will_comes_when_the_connection_is_lost_and_not_on_goodbye(
    mosquitto: Mosquitto, clients: Clients
) -> None:
    watcher, watched = await clients(mosquitto.url, "watcher")
    await until(lambda: watcher.connected, "the watcher")
    await watcher.subscribe([("will/#", 1)])
    for name in ("lost", "polite"):
        client, _ = await clients(
            mosquitto.url, name, Will(f"will/{name}", b"", retain=False, delay_s=0), backoff_min_s=60
        )
        await until(lambda: client.connected, name)  # noqa: B023
        if name == "polite":
            await client.close()
        else:
            client.drop()
    await until(lambda: watched.messages, "the will of the lost")
    assert (await watcher.publish("will/end", b"")).ok
    await until(lambda: watched.messages[-1].topic == "will/end", "the end")
    assert [message.topic for message in watched.messages] == ["will/lost", "will/end"]


async def test_a_half_open_connection_is_seen_within_one_and_a_half_keepalives(  # fault 14
    mosquitto: Mosquitto, clients: Clients
) -> None:
    one, heard = await clients(mosquitto.url, "one", keepalive_s=2)
    await until(lambda: one.connected, "connected")
    mosquitto.pause()
    await until(lambda: heard.disconnected, "the silence to be noticed", limit_s=3.6)
    mosquitto.resume()
    await until(lambda: one.connected, "connected again")


async def test_what_is_wrong_is_said_plainly_and_tried_again(clients: Clients) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        _, heard = await clients(f"mqtt://127.0.0.1:{nobody.getsockname()[1]}", "one")
        await until(lambda: len(heard.disconnected) >= 2, "two tries")
        assert "Connection refused" in heard.disconnected[0]
    with socket.create_server(("127.0.0.1", 0)) as mute:
        _, heard = await clients(f"mqtt://127.0.0.1:{mute.getsockname()[1]}", "two", connect_timeout_s=0.3)
        await until(lambda: heard.disconnected, "a broker that never answers")
        assert "no CONNACK within 0.3 s" in heard.disconnected[0]


async def test_a_callback_that_fails_costs_no_connection(mosquitto: Mosquitto) -> None:
    seen: list[bytes] = []

    def failing(message: Message) -> None:
        seen.append(message.payload)
        raise RuntimeError("a mistake of ours")

    client = MqttClient(MqttOptions(mosquitto.url, "one"), on_message=failing)
    client.start()
    await until(lambda: client.connected, "connected")
    await client.subscribe([("t", 1)])
    for payload in (b"1", b"2"):
        assert (await client.publish("t", payload)).ok
    await until(lambda: seen == [b"1", b"2"], "both messages")
    assert client.connected
    await client.close()


def test_addresses_of_brokers() -> None:
    assert split_url("mqtt://broker") == ("broker", 1883, False)
    assert split_url("mqtts://[::1]:8884") == ("::1", 8884, True)
    for wrong in ("tcp://broker", "mqtt://", "mqtt://user:secret@broker", "broker:1883"):
        with pytest.raises(ValueError, match="broker address"):
            split_url(wrong)
