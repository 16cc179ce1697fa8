"""A centre on a 4G line that drops for some seconds each minute: nobody is woken, and the site says what it has."""

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.servers import Mosquitto, need_server
from tests.servers.network import Network, own_network
from tests.timeline.house import CENTRE, REGION, House
from tests.timeline.product import Program
from tests.timeline.receiver import Receiver

pytestmark = [pytest.mark.system, pytest.mark.timeout(90)]

BEYOND, TERMINAL = "192.168.77.1", "192.168.77.11"
SPEED = 10  # the agent's keepalive is 3 s; a minute is 6
DROPS, EACH_S, FOR_S, ASKED_EVERY_S = 3, 60 / SPEED, 6 / SPEED, 5 / SPEED


@pytest.fixture
def network() -> Iterator[Network]:
    with own_network() as made:
        made.plug(BEYOND)
        made.plug(TERMINAL)
        yield made


async def test_a_line_that_drops_each_minute_is_a_poor_line_and_no_storm(  # fault 16
    tmp_path: Path, network: Network
) -> None:
    """The collector hears the broker on loopback; the agent reaches it over an address that comes and goes."""
    with ExitStack() as ending:
        broker = Mosquitto(need_server("mosquitto"), tmp_path)
        broker.settings.append(f"listener {broker.port} {BEYOND}")
        ending.callback(broker.stop)
        receiver = ending.enter_context(Receiver())
        house = House(tmp_path, broker.start().url, receiver.url)
        ending.callback(house.close)
        terminal = await asyncio.start_server(lambda _, writer: writer.close(), TERMINAL, 0)
        ending.callback(terminal.close)

        address = f"{TERMINAL}:{terminal.sockets[0].getsockname()[1]}"
        house.fleet(terminals=1, driver="tcp", target=address, silent_after_s=5)
        uplink = {"uplink_targets": [BEYOND], "uplink_every_s": ASKED_EVERY_S, "uplink_rounds": 24}
        house.device("site", "site", target="", settings=uplink)
        house.collector.start()
        to = ["--centre", CENTRE, "--region", REGION, "--broker", f"mqtt://{BEYOND}:{broker.port}"]
        state = ["--state", str(tmp_path / "agent"), "--speed", str(SPEED)]
        agent = Program(tmp_path, "agent", ["agent", *to, *state])
        ending.callback(agent.stop)
        agent.start()
        await house.until(lambda: len(conditions(house)) == 2, why="the agent is not heard")

        for _ in range(DROPS):
            network.unplug(BEYOND)
            await asyncio.sleep(FOR_S)
            network.plug(BEYOND)
            await asyncio.sleep(EACH_S - FOR_S)

        await house.until(lambda: "uplink_poor" in conditions(house)["site"][1], 3, "the line is not seen to be poor")
        assert conditions(house)["site"][0] == "degraded"
        assert conditions(house)["call-01"] == ("ok", "[]")
        incidents = [(incident.cause, incident.device) for incident in house.incidents()]
        assert set(incidents) <= {("device_degraded", "site")}
        assert len(incidents) <= 1
        assert len(receiver.types) <= 1
        changes = "select condition, count(*) from transitions where {} group by condition"
        assert house.query(changes.format("device_id is null")) == [("online", 1)]
        of_terminals = "device_id = (select id from devices where device = 'call-01')"
        assert house.query(changes.format(of_terminals)) == [("ok", 1)]


def conditions(house: House) -> dict[str, tuple[str, str]]:
    """By device: its condition and the codes of its reasons."""
    query = "select device, condition, reasons from conditions join devices on devices.id = conditions.device_id"
    return {device: (condition, reasons) for device, condition, reasons in house.query(query)}
