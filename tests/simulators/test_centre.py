"""A simulated centre on real sockets and the agent as it is installed: all are heard; one is unplugged."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from shouwang.fleet.settings import read
from shouwang.messages import Config, ConfiguredDevice, encode
from simulators.centre.plan import as_installed, listen_file, standing
from simulators.centre.running import SimulatedCentre
from simulators.fleet import naiman, write_csv
from tests.edge.listening import REGION, Listener
from tests.servers import Mosquitto, need_server
from tests.servers.network import own_network
from tests.timeline.product import Program
from tests.waiting import until

pytestmark = [pytest.mark.system, pytest.mark.timeout(90)]

NETWORK = f"127.78.{os.getpid() % 250}"  # another for each run at the same time
LAN = "192.168.78"


class Agent(Program):
    """`shouwang agent` at that centre."""

    def __init__(self, directory: Path, broker: str, centre: str, network: str = NETWORK) -> None:
        state = directory / "agent"
        state.mkdir()
        (state / "listen.toml").write_text(listen_file(network))
        arguments = ["agent", "--centre", centre, "--region", REGION, "--broker", broker, "--allow-loopback"]
        super().__init__(directory, "agent", [*arguments, "--state", str(state), "--speed", "20"])


@pytest_asyncio.fixture
async def devices() -> AsyncIterator[SimulatedCentre]:
    (centre,) = naiman(1)
    async with SimulatedCentre(standing(centre, NETWORK), speed=20) as made:
        yield made


async def test_every_device_of_a_centre_is_heard_and_an_unplugged_one_is_not(
    devices: SimulatedCentre, mosquitto: Mosquitto, tmp_path: Path
) -> None:
    (centre,) = naiman(1)
    said = [
        ConfiguredDevice(d.device, d.kind, d.driver, d.target, read(d.settings), 2.0, 1.5)
        for d in as_installed(centre, NETWORK).devices
        if not d.path
    ]
    async with Listener(mosquitto.url, centre.centre) as listener:
        await listener.configure(encode(Config(v=1, revision="one", devices=said)))
        agent = Agent(tmp_path, mosquitto.url, centre.centre).start()
        try:
            wanted = {each.device for each in said}
            await until(lambda: wanted <= set(listener.readings()), "all of them", limit_s=30)
            well = {name for name, reading in listener.latest.items() if reading.get("reachable") is not False}
            assert well == wanted
            assert (
                listener.latest["site"] | {"mains_power": True, "ups_battery_percent": 100.0} == listener.latest["site"]
            )
            assert listener.latest["nvr"]["channels_total"] == 8
            assert listener.latest["pump"]["tank_level_percent"] == 81.0
            assert listener.latest["link"]["host_link"] is True
            await devices.unplug("call-03")
            devices.trouble("cam-02", "reset")
            devices.mains(False)
            await until(lambda: listener.latest["call-03"]["reachable"] is False, "an unplugged terminal")
            await until(lambda: listener.latest["cam-02"]["reachable"] is False, "a camera that resets connections")
            await until(lambda: listener.latest["site"].get("mains_power") is False, "the power cut, by UPS and meter")
            await until(lambda: listener.latest["call-01"].get("mains_power") is False, "and by a terminal's battery")
            assert devices.call_for_help("call-02")
            await until(lambda: [e.device for e in listener.events if e.event == "help_call"] == ["call-02"], "a call")
            await devices.plug("call-03")
            await until(lambda: listener.latest["call-03"]["reachable"] is True, "plugged in again")
        finally:
            agent.stop()


async def test_an_address_that_is_taken_away_in_a_namespace_is_a_pulled_plug(tmp_path: Path) -> None:
    (centre,) = naiman(1)
    stood = standing(centre, LAN)
    watched = ("call-03", "cam-01", "nvr", "pump")
    said = [
        ConfiguredDevice(each.device.device, each.device.kind, each.driver, each.target, each.settings, 2.0, 1.0)
        for each in stood
        if each.device.device in watched
    ]
    with own_network() as network:
        for address in (f"{LAN}.1", *(each.address for each in stood)):
            network.plug(address)
        broker = Mosquitto(need_server("mosquitto"), tmp_path).start()
        async with SimulatedCentre(stood, speed=20), Listener(broker.url, centre.centre) as listener:
            await listener.configure(encode(Config(v=1, revision="one", devices=said)))
            agent = Agent(tmp_path, broker.url, centre.centre, LAN).start()
            try:
                await until(lambda: set(watched) <= set(listener.readings()), "all of them", limit_s=30)
                assert all(listener.latest[name].get("reachable") is not False for name in watched)
                network.unplug(next(each.address for each in stood if each.device.device == "cam-01"))
                await until(lambda: listener.latest["cam-01"]["reachable"] is False, "the camera's plug")
                assert all(listener.latest[name].get("reachable") is not False for name in watched if name != "cam-01")
            finally:
                agent.stop()
        broker.stop()


def test_the_fleet_file_of_a_centre_as_installed_is_taken(tmp_path: Path) -> None:
    from shouwang.fleet import parse
    from shouwang.kinds import load

    (centre,) = naiman(1)
    write_csv([as_installed(centre)], tmp_path / "fleet.csv")
    parsed = parse((tmp_path / "fleet.csv").read_bytes(), load())
    assert parsed.errors == []
    assert len(parsed.rows) == 50
    assert next(row for row in parsed.rows if row.device == "pump").settings
