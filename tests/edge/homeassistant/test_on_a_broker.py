"""A centre's devices on its own broker, as a Home Assistant beside it sees them, with passwords and the page's ACL."""

import asyncio
import hashlib
import re
import signal
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from shouwang.mqtt import Message, MqttClient
from shouwang.mqtt_shapes import MqttOptions
from tests.conftest import MosquittoStarter
from tests.edge.devices import serve_bytes
from tests.edge.homeassistant.documented import checked
from tests.edge.listening import Listener
from tests.edge.test_agent import AgentProcess, agent, config, device
from tests.servers import Mosquitto
from tests.waiting import until

__all__ = ["agent"]  # the fixture
pytestmark = pytest.mark.system

PAGE = Path(__file__).parents[3] / "docs" / "home-assistant.md"
NODE = "shouwang-centre-1"


def settings_of(folder: Path) -> list[str]:
    """Mosquitto's lines: the ACL as the page has it, and passwords."""
    acl = re.search(r"```text\n(user agent\n.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    assert acl is not None
    (folder / "acl").write_text(acl[1].replace("150525100201", "centre-1"))
    salt = b"0123456789ab"
    hashed = hashlib.pbkdf2_hmac("sha512", b"right", salt, 101)
    line = f"$7$101${b64encode(salt).decode()}${b64encode(hashed).decode()}"
    passwords = folder / "passwords"
    passwords.write_text("".join(f"{user}:{line}\n" for user in ("agent", "homeassistant", "bridge")))
    for each in (passwords, folder / "acl"):
        each.chmod(0o600)
    return ["allow_anonymous false", f"password_file {passwords}", f"acl_file {folder / 'acl'}"]


class Home:
    """What Home Assistant hears: what is retained by topic, and events as they come."""

    def __init__(self, client: MqttClient) -> None:
        self.client = client
        self.kept: dict[str, bytes] = {}
        self.events: list[tuple[str, dict[str, Any]]] = []

    def hear(self, message: Message) -> None:
        if message.topic.endswith("/event"):
            assert not message.retain
            self.events.append((message.topic, msgspec.json.decode(message.payload)))
        elif message.payload:
            self.kept[message.topic] = message.payload
        else:
            self.kept.pop(message.topic, None)

    def state(self, name: str) -> dict[str, Any]:
        return dict(msgspec.json.decode(self.kept.get(f"shouwang/home/centre-1/{name}/state", b"{}")))

    def configs(self, name: str = "") -> dict[str, bytes]:
        found = {topic: said for topic, said in self.kept.items() if topic.startswith("homeassistant/")}
        return {topic: said for topic, said in found.items() if f"/{NODE}/{name}" in topic}

    @property
    def presence(self) -> bytes | None:
        return self.kept.get("shouwang/home/centre-1/presence")


@asynccontextmanager
async def connected(broker: Mosquitto, user: str) -> AsyncIterator[MqttClient]:
    client = MqttClient(MqttOptions(broker.url, f"test-{user}", user, "right", backoff_min_s=0.05))
    client.start()
    try:
        await until(lambda: client.connected, f"{user}'s connection")
        yield client
    finally:
        await client.close()


@asynccontextmanager
async def home(broker: Mosquitto) -> AsyncIterator[Home]:
    heard: list[Home] = []
    options = MqttOptions(broker.url, "home", "homeassistant", "right", backoff_min_s=0.05)
    client = MqttClient(options, on_message=lambda message: heard[0].hear(message))
    heard.append(Home(client))
    client.start()
    try:
        await until(lambda: client.connected, "Home Assistant's connection")
        granted = await client.subscribe([("homeassistant/#", 0), ("shouwang/home/#", 0)])
        assert granted == [0, 0]
        yield heard[0]
    finally:
        await client.close()


async def test_devices_appear_change_call_and_go(
    mosquitto: Mosquitto, start_mosquitto: MosquittoStarter, agent: AgentProcess, tmp_path: Path
) -> None:
    beside = start_mosquitto(settings_of(tmp_path))
    agent.state.mkdir()
    (agent.state / "homeassistant.toml").write_text(
        f'broker = "{beside.url}"\nuser = "agent"\npassword = "secret:home"\nlanguage = "en"\n'
    )
    listen = f'[mqtt]\nbroker = "{beside.url}"\nuser = "agent"\npassword = "secret:home"\n'
    (agent.state / "listen.toml").write_text(listen)
    (agent.state / "secrets.toml").write_text('home = "right"\n')
    (agent.state / "secrets.toml").chmod(0o600)
    server, port = await serve_bytes(lambda _head: b"")
    pump = device("pump-01", "tcp", f"127.0.0.1:{port}", kind="water_pump")
    button = device("call-07", "mqtt", "hall-sos", 60, kind="call_terminal")
    old = f"homeassistant/sensor/{NODE}/old-01-fps/config"
    strange = "homeassistant/sensor/other-node/x/config"
    async with connected(beside, "agent") as client:
        assert (await client.publish(old, b"{}", retain=True)).ok
        assert (await client.publish("shouwang/home/centre-1/old-01/state", b"{}", retain=True)).ok
        assert not (await client.publish(strange, b"{}", retain=True)).ok, "the ACL holds"
    async with (
        Listener(mosquitto.url, "centre-1") as collector,
        home(beside) as seen,
        connected(beside, "bridge") as zigbee2mqtt,
    ):
        assert old in seen.kept
        await collector.configure(config(pump, button))
        await agent.start()
        await until(lambda: seen.state("pump-01").get("reachable"), "the pump's state", limit_s=30)
        await until(lambda: old not in seen.kept and not seen.state("old-01"), "what is gone is cleared")
        await until(lambda: len(seen.configs("call-07-")) > 8 and len(seen.configs("pump-01-")) > 4, "all entities")
        for topic, said in seen.configs().items():
            checked(topic, said)
        assert seen.presence == b"online"

        async with asyncio.timeout(15):
            while not seen.events:
                await zigbee2mqtt.publish("zigbee2mqtt/hall-sos", b'{"action":"single","battery":90}')
                await asyncio.sleep(0.1)
        topic, called = seen.events[0]
        assert (topic, called["event_type"]) == ("shouwang/home/centre-1/call-07/event", "help_call")
        await until(lambda: seen.state("call-07").get("battery_percent") == 90, "its battery")
        await until(lambda: any(each.event == "help_call" for each in collector.events), "the collector hears it too")

        server.close()
        await until(lambda: seen.state("pump-01").get("reachable") is False, "it does not answer")
        await collector.configure(config(button, revision="r2"))
        await until(lambda: not seen.configs("pump-01-") and not seen.state("pump-01"), "it was taken away")

        await agent.end(signal.SIGKILL)
        await until(lambda: seen.presence == b"offline", "its will", limit_s=15)
        await agent.start()
        await until(lambda: seen.presence == b"online", "it is back", limit_s=30)
        assert await agent.end(signal.SIGTERM) == 0
        await until(lambda: seen.presence == b"offline", "its goodbye")
        assert seen.configs("call-07-"), "a stopped agent takes nothing away"
        assert "right" not in agent.said()


async def test_without_the_file_nothing_is_said_and_nothing_loaded(mosquitto: Mosquitto, agent: AgentProcess) -> None:
    async with Listener(mosquitto.url, "centre-1") as collector:
        await collector.configure(config(device("site", "host", "", kind="site")))
        await agent.start()
        await until(lambda: "site" in collector.readings(), "its readings", limit_s=30)
    assert "homeassistant" not in agent.said()
