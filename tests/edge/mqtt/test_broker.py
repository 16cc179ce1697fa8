"""Buttons on a real Mosquitto."""

import asyncio
import hashlib
import json
import logging
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from edge.hearing import Heard, Listened
from edge.probes.mqtt import MqttListener
from edge.probes.mqtt.settings import MqttOptions, MqttSettings
from edge.probing import Around
from edge.secrets import Secrets
from shouwang.mqtt import MqttClient
from shouwang.mqtt_shapes import MqttOptions as ClientOptions
from tests.conftest import MosquittoStarter
from tests.edge.listening import Listener
from tests.edge.mqtt.test_listener import recorded
from tests.edge.test_agent import AgentProcess, agent, config
from tests.servers import Mosquitto
from tests.waiting import until

__all__ = ["agent"]  # the fixture
pytestmark = pytest.mark.system


def button(name: str, target: str, **settings: Any) -> Listened:
    return Listened(name, "call_terminal", target, MqttSettings(**settings), 60.0)


@asynccontextmanager
async def listening(
    options: MqttOptions, state: Path, *devices: Listened, secrets: Secrets | None = None
) -> AsyncIterator[list[Heard]]:
    heard: list[Heard] = []
    around = Around(secrets=secrets or Secrets(None), state_directory=state)
    listener = MqttListener(options, around, heard.append)
    listener.watch(devices)
    await listener.start()
    try:
        yield heard
    finally:
        await listener.stop()


@asynccontextmanager
async def bridge(url: str, user: str = "", password: str = "") -> AsyncIterator[MqttClient]:
    """What publishes for the buttons, as zigbee2mqtt does."""
    client = MqttClient(ClientOptions(url, "bridge", user or None, password or None, backoff_min_s=0.05))
    client.start()
    await until(lambda: client.connected, "the bridge's connection")
    try:
        yield client
    finally:
        await client.close()


async def until_pressed(zigbee2mqtt: MqttClient, heard: list[Heard], after: int = 0) -> None:
    """Presses until somebody has heard it."""
    async with asyncio.timeout(15):
        while not any(each.event for each in heard[after:]):
            await zigbee2mqtt.publish("zigbee2mqtt/sos", b'{"action":"single"}')
            await asyncio.sleep(0.02)


async def test_a_press_is_a_call_for_help(mosquitto: Mosquitto, tmp_path: Path) -> None:
    buttons = [
        button("new", "0xa4c13899607febd1"),
        button("old", "0x847127fffe0542eb"),
        button("wifi", "sos-2", speaks="tasmota"),
        button("zone", "bridge/0xAA75", speaks="tasmota"),
        button("kept", "kept"),
    ]
    async with bridge(mosquitto.url) as zigbee2mqtt:
        await zigbee2mqtt.publish("zigbee2mqtt/kept", b'{"action":"emergency","battery":3}', retain=True)
        await zigbee2mqtt.publish("zigbee2mqtt/kept/availability", b'{"state":"offline"}', retain=True)
        async with listening(MqttOptions(broker=mosquitto.url), tmp_path, *buttons) as heard:
            await until(lambda: any(each.device == "kept" for each in heard), "what the broker had kept")
            for topic, payload in recorded("zigbee2mqtt") + recorded("tasmota"):
                await zigbee2mqtt.publish(topic, payload.encode())
            await until(lambda: len({each.device for each in heard if each.event}) == 4, "four calls for help")
    assert [each.device for each in heard if each.event == "help_call"] == ["new", "old", "wifi", "zone"]
    assert [each.fields for each in heard if each.device == "kept"] == [{"reachable": False}]


async def test_a_broker_that_comes_later_and_goes(mosquitto: Mosquitto, tmp_path: Path) -> None:
    mosquitto.stop()
    async with listening(MqttOptions(broker=mosquitto.url), tmp_path, button("call", "sos")) as heard:
        for _ in range(2):
            mosquitto.start()
            before = len(heard)
            async with bridge(mosquitto.url) as zigbee2mqtt:
                await until_pressed(zigbee2mqtt, heard, before)
            mosquitto.stop()


async def test_many_buttons_at_once(mosquitto: Mosquitto, tmp_path: Path) -> None:
    buttons = [button(f"call-{number}", f"sos-{number}") for number in range(500)]
    async with bridge(mosquitto.url) as zigbee2mqtt:
        await zigbee2mqtt.publish("zigbee2mqtt/sos-499/availability", b"offline", retain=True)
        async with listening(MqttOptions(broker=mosquitto.url), tmp_path, *buttons) as heard:
            await until(lambda: heard, "all are subscribed to")
            said = b'{"action":"emergency","battery":100,"linkquality":18}'
            await asyncio.gather(*(zigbee2mqtt.publish(f"zigbee2mqtt/sos-{number}", said) for number in range(500)))
            await until(lambda: sum(1 for each in heard if each.event) == 500, "500 calls for help")
    assert len({each.device for each in heard if each.event}) == 500


def passwords_file(directory: Path) -> Path:
    """As mosquitto_passwd writes it: PBKDF2 with SHA-512."""
    salt, hashed = b"salt of 12 b", hashlib.pbkdf2_hmac("sha512", b"the right one", b"salt of 12 b", 101)
    file = directory / "passwords"
    file.write_text(f"shouwang:$7$101${b64encode(salt).decode()}${b64encode(hashed).decode()}\n")
    directory.chmod(0o755)
    file.chmod(0o644)
    return file


async def test_a_wrong_password_is_said_once_and_never_shown(
    start_mosquitto: MosquittoStarter, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    broker = start_mosquitto(settings=[f"password_file {passwords_file(tmp_path)}", "allow_anonymous false"])
    options = MqttOptions(broker=broker.url, user="shouwang", password="secret:broker")
    caplog.set_level(logging.DEBUG)
    wrong = Secrets(None, {"broker": "n0t-this-0ne"})
    async with listening(options, tmp_path, button("call", "sos"), secrets=wrong) as heard:
        await until(lambda: "Not authorized" in caplog.text, "the refusal is said")
        await until(lambda: broker.log.read_text().count("not authorised") >= 2, "it tries again")
    assert caplog.text.count("no connection") == 1
    assert "n0t-this-0ne" not in caplog.text
    right = Secrets(None, {"broker": "the right one"})
    async with (
        listening(options, tmp_path, button("call", "sos"), secrets=right) as heard,
        bridge(broker.url, "shouwang", "the right one") as zigbee2mqtt,
    ):
        await until(lambda: "connected broker=" in caplog.text, "the connection")
        await until_pressed(zigbee2mqtt, heard)


async def test_from_a_button_to_the_collector(mosquitto: Mosquitto, agent: AgentProcess) -> None:
    agent.state.mkdir()
    (agent.state / "listen.toml").write_text(f'[mqtt]\nbroker = "{mosquitto.url}"\n')
    said = {
        "device": "call-07",
        "kind": "call_terminal",
        "driver": "mqtt",
        "target": "hall-sos",
        "report_every_s": 60,
        "probe_timeout_s": 2,
        "settings": {"test": ["double"]},
    }
    async with Listener(mosquitto.url, "centre-1") as listener, bridge(mosquitto.url) as zigbee2mqtt:
        await listener.configure(config(said))
        await agent.start()
        await until(
            lambda: "connected broker=" in agent.said() and "listening driver=mqtt" in agent.said(), "the agent", 20
        )
        for action in ("double", "single"):
            payload = json.dumps({"action": action, "battery": 15, "linkquality": 60}).encode()
            async with asyncio.timeout(15):
                while not any(each.detail.get("action") == action for each in listener.events):
                    await zigbee2mqtt.publish("zigbee2mqtt/hall-sos", payload)
                    await asyncio.sleep(0.2)
        assert {each.event for each in listener.events} == {"test_call", "help_call"}
        assert all(each.device == "call-07" for each in listener.events)
        await until(lambda: "call-07" in listener.readings(), "a reading beside it")
        await listener.command(b'{"v":1,"id":"now","command":"probe","device":"call-07"}', b"c1")
        await until(lambda: listener.replies, "what it last said")
        reply = listener.replies[0]
        assert reply.ok
        assert reply.reason.startswith("it speaks of its own accord and cannot be asked; it was heard ")
        reading = json.loads(bytes(reply.reading))  # type: ignore[arg-type]
        assert reading.items() >= {"device": "call-07", "battery_percent": 15, "link_quality": 60}.items()
        assert 0 < reading["age_ms"] < 15_000


async def test_a_press_that_could_not_be_kept_is_given_out_again(mosquitto: Mosquitto, tmp_path: Path) -> None:
    kept: list[asyncio.Future[bool]] = []

    def keep(heard: Heard) -> asyncio.Future[bool] | None:
        if not heard.event:
            return None
        kept.append(asyncio.get_running_loop().create_future())
        return kept[-1]

    listener = MqttListener(MqttOptions(broker=mosquitto.url), Around(state_directory=tmp_path), keep)
    listener.watch([button("call-07", "sos")])
    await listener.start()
    async with bridge(mosquitto.url) as zigbee:
        client = listener._client
        assert client is not None
        await until(lambda: client.connected, "the listener's connection")
        await asyncio.wait_for(client.subscribe([("shouwang-test", 1)]), 5)  # the one before has been answered, too
        await zigbee.publish("zigbee2mqtt/sos", b'{"action":"single"}', qos=1)
        await until(lambda: len(kept) == 1, "the press")
        kept[0].set_result(False)
        await until(lambda: len(kept) == 2, "the same press on the next connection", limit_s=20)
        kept[1].set_result(True)
        await until(lambda: not listener._keeping, "it is acknowledged")
        listener._devices["call-07"].told.clear()  # as if two seconds had passed
        client.drop()
        await until(lambda: client.connected and client.connection >= 3, "the connection after it", limit_s=20)
        await asyncio.wait_for(client.subscribe([("shouwang-test", 1)]), 5)
        assert len(kept) == 2, "what was kept is not given out once more"
    await listener.stop()
