"""Each server of the tests, asked once for what tests will ask of it."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import paho.mqtt.client as mqtt
import psycopg
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from playwright.async_api import Page

from tests.servers import Bucket, Database, MissingProgramError, Mosquitto, find_program, need_server

pytestmark = pytest.mark.system


def retained(broker: Mosquitto, topic: str) -> bytes | None:
    """What the broker keeps under a topic, or None."""
    found: list[bytes] = []
    client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
    client.on_message = lambda _client, _data, message: found.append(bytes(message.payload))
    client.connect(broker.host, broker.port)
    client.loop_start()
    client.subscribe(topic, qos=1)
    # An own message behind the subscription marks the end of what is retained.
    client.subscribe("end", qos=1)
    client.publish("end", b"end", qos=1).wait_for_publish(5)
    client.disconnect()
    client.loop_stop()
    return next((payload for payload in found if payload != b"end"), None)


def publish_retained(broker: Mosquitto, topic: str, payload: bytes) -> None:
    client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
    client.connect(broker.host, broker.port)
    client.loop_start()
    client.publish(topic, payload, qos=1, retain=True).wait_for_publish(5)
    client.disconnect()
    client.loop_stop()


def test_mosquitto_keeps_what_it_stored_across_a_restart_on_the_same_port(mosquitto: Mosquitto) -> None:
    port = mosquitto.port
    publish_retained(mosquitto, "shouwang/v1/150525/x/config", b"kept")
    mosquitto.stop()
    assert not mosquitto.ready()
    mosquitto.start()
    assert mosquitto.port == port
    assert retained(mosquitto, "shouwang/v1/150525/x/config") == b"kept"


def test_mosquitto_that_is_killed_forgets_what_it_had_not_yet_saved(mosquitto: Mosquitto) -> None:
    publish_retained(mosquitto, "a", b"lost")
    mosquitto.kill()
    assert not mosquitto.running()
    mosquitto.start()
    assert retained(mosquitto, "a") is None


def test_influxdb_stores_and_answers_and_comes_back(influxdb: Bucket) -> None:
    def write(line: str) -> None:
        where = f"{influxdb.url}/api/v2/write?org={influxdb.org}&bucket={influxdb.bucket}"
        httpx.post(where, content=line, headers={"Authorization": f"Token {influxdb.token}"}).raise_for_status()

    write("call_terminal,device=call-07 battery_percent=87")
    influxdb.server.kill()
    assert not influxdb.server.ready()
    influxdb.server.start()
    rows = influxdb.rows('from(bucket: "BUCKET") |> range(start: -1h)')
    assert [(row["device"], row["_value"]) for row in rows] == [("call-07", "87")]


def test_influxdb_gives_each_test_an_empty_bucket(influxdb: Bucket) -> None:
    assert influxdb.rows('from(bucket: "BUCKET") |> range(start: -1h)') == []


def test_postgres_outlives_a_kill_and_gives_each_test_a_database(postgres: Database) -> None:
    address = postgres.url.replace("+psycopg", "")
    with psycopg.connect(address) as connection:
        connection.execute("CREATE TABLE kept AS SELECT '守望' AS name")
    postgres.server.kill()
    postgres.server.start()
    with psycopg.connect(address) as connection:
        assert connection.execute("SELECT name FROM kept").fetchall() == [("守望",)]


@pytest.fixture
async def greeting_url() -> AsyncIterator[str]:
    """A page on loopback that greets."""

    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        body = "<html><title>守望</title><p id=now></p><script>now.textContent = 1 + 1</script>".encode()
        head = f"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(greet, "127.0.0.1", 0)
    yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    server.close()


async def test_chromium_opens_a_page_and_runs_its_script(page: Page, greeting_url: str) -> None:
    await page.goto(greeting_url)
    assert await page.title() == "守望"
    assert await page.text_content("#now") == "2"
    assert await page.evaluate("Intl.DateTimeFormat().resolvedOptions().timeZone") == "Asia/Shanghai"


def test_a_missing_server_is_a_skip_on_a_laptop_and_a_failure_under_ci(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("empty")))
    with pytest.raises(MissingProgramError, match="make test"):
        find_program("influxd")
    monkeypatch.setenv("CI", "")
    with pytest.raises(pytest.skip.Exception, match="not built yet"):
        need_server("influxd")
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="not built yet"):
        need_server("influxd")
