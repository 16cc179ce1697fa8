"""Simulated agents against a real Mosquitto: the agent's own outbox and uplink, and what befalls them."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest

from shouwang.clock import SystemClock
from shouwang.kinds import load
from shouwang.messages import VERSION, Command, encode
from simulators.agent import Setting, SimAgent
from simulators.banner import Banner
from simulators.faults import FaultKind, World
from simulators.fleet import FEEDS, TERMINAL_FEED, naiman, of_feed, own_devices
from simulators.scenario import ScenarioError
from simulators.scenario import load as load_scenario
from simulators.tempo import Tempo
from tests.edge.listening import REGION, Listener
from tests.servers import Mosquitto
from tests.waiting import until

pytestmark = pytest.mark.system

FLEET = naiman(2)
CENTRE = FLEET[0]
OWN = {device.device for device in own_devices(CENTRE)}
SPEED = 20.0


def setting(broker: Mosquitto, folder: Path, world: World | None = None) -> Setting:
    tempo = Tempo(SPEED, SystemClock().now())
    return Setting(broker.url, tempo, world or World(), load(), folder, 4 << 20)


@asynccontextmanager
async def agent_of(shared: Setting) -> AsyncIterator[SimAgent]:
    agent = SimAgent(shared, CENTRE.region, CENTRE.centre, own_devices(CENTRE))
    await agent.start()
    try:
        yield agent
    finally:
        await agent.stop()


async def followed(agent: SimAgent) -> None:
    await agent.follow(SystemClock().now())


async def test_it_reports_every_device_of_its_centre_and_says_goodbye(mosquitto: Mosquitto, tmp_path: Path) -> None:
    async with Listener(mosquitto.url, CENTRE.centre) as collector:
        async with agent_of(setting(mosquitto, tmp_path)) as agent:
            await until(lambda: set(collector.readings()) == OWN, "a reading of every device")
            await until(lambda: collector.presences and collector.presences[0].online, "presence")
            await until(lambda: agent.pending == 0, "everything acknowledged")
        await until(lambda: collector.presences[-1].reason == "stopped", "its goodbye")
    assert agent.readings_taken == len(collector.readings())


async def test_cut_off_it_reads_on_and_the_backlog_comes_when_the_line_is_back(
    mosquitto: Mosquitto, tmp_path: Path
) -> None:
    world = World()
    async with (
        Listener(mosquitto.url, CENTRE.centre) as collector,
        agent_of(setting(mosquitto, tmp_path, world)) as agent,
    ):
        await until(lambda: set(collector.readings()) == OWN, "a reading of every device")
        lost = world.begin(FaultKind.UPLINK_LOST, [], [CENTRE.centre], 0)
        await followed(agent)
        await until(lambda: collector.presences[-1].reason == "lost", "the will")
        await until(lambda: agent.pending >= 5, "a backlog")
        heard, boot = len(collector.readings()), collector.presences[-1].boot
        world.end(lost)
        await followed(agent)
        await until(lambda: agent.pending == 0, "the backlog's end")
        assert len(collector.readings()) > heard + 60
        assert collector.presences[-1].online
        assert collector.presences[-1].boot == boot, "a lost line is no new boot"
        assert collector.presences[-1].connection == 2
        await until(lambda: len(collector.readings()) == agent.readings_taken, "every reading that was taken")


async def test_without_power_it_is_gone_and_comes_back_as_a_new_boot_with_what_it_had(
    mosquitto: Mosquitto, tmp_path: Path
) -> None:
    world = World()
    async with Listener(mosquitto.url, CENTRE.centre, acking=False) as collector:
        async with agent_of(setting(mosquitto, tmp_path, world)) as agent:
            await until(lambda: set(collector.readings()) == OWN, "a reading of every device")
            cut = world.begin(FaultKind.POWER_CUT, [], [CENTRE.centre], 0, {"ups_s": 0})
            await followed(agent)
            await until(lambda: collector.presences[-1].reason == "lost", "the will")
            taken, first = agent.readings_taken, collector.presences[-1].boot
            assert agent.pending == 0
            world.end(cut)
            await followed(agent)
            await until(lambda: collector.presences[-1].online, "its return")
            assert collector.presences[-1].boot != first
            collector.acking = True
            await until(lambda: agent.readings_taken > taken, "a beat of the new boot")
            await until(lambda: agent.pending == 0, "everything acknowledged, the old boot's rows too")
        assert {each.boot for each in collector.arrived} >= {first, collector.presences[-1].boot}


async def test_a_help_call_goes_at_once_and_a_probe_is_answered(mosquitto: Mosquitto, tmp_path: Path) -> None:
    world = World()
    async with (
        Listener(mosquitto.url, CENTRE.centre) as collector,
        agent_of(setting(mosquitto, tmp_path, world)) as agent,
    ):
        await until(lambda: agent.connected, "its connection")
        await agent.help_call("call-05")
        await until(lambda: collector.events, "the call")
        assert (collector.events[0].device, collector.events[0].event) == ("call-05", "help_call")

        async def probe(device: str) -> tuple[bool, str, dict[str, object]]:
            command = Command(v=VERSION, id=f"id-{device}", command="probe", device=device)
            await collector.command(encode(command), b"1")
            await until(lambda: any(reply.id == command.id for reply in collector.replies), f"a reply for {device}")
            reply = next(reply for reply in collector.replies if reply.id == command.id)
            said = json.loads(bytes(reply.reading)) if isinstance(reply.reading, msgspec.Raw) else {}
            return reply.ok, reply.reason, said

        ok, _, reading = await probe("call-05")
        assert ok
        assert reading["reachable"] is True
        silent = next(device for device in CENTRE.devices if device.device == "call-06")
        world.begin(FaultKind.TERMINAL_SILENT, [silent], [], 0)
        assert await probe("call-06") == (False, "the device does not answer", {})
        assert (await probe("nobody"))[1] == "no device 'nobody' here"


async def test_a_silent_device_is_missing_from_the_reports_and_the_others_are_there(
    mosquitto: Mosquitto, tmp_path: Path
) -> None:
    world = World()
    silent = next(device for device in CENTRE.devices if device.device == "call-07")
    world.begin(FaultKind.TERMINAL_SILENT, [silent], [], 0)
    async with Listener(mosquitto.url, CENTRE.centre) as collector, agent_of(setting(mosquitto, tmp_path, world)):
        await until(lambda: set(collector.readings()) == OWN - {"call-07"}, "all but one")
        await until(lambda: collector.readings().count("call-08") >= 3, "three rounds")
        assert "call-07" not in collector.readings()


async def test_doubled_and_reordered_delivery_loses_nothing(mosquitto: Mosquitto, tmp_path: Path) -> None:
    world = World()
    world.begin(FaultKind.DELIVERY_DISORDERED, [], [CENTRE.centre], 0, {"doubled": 0.6, "held_back": 0.6})
    async with (
        Listener(mosquitto.url, CENTRE.centre) as collector,
        agent_of(setting(mosquitto, tmp_path, world)) as agent,
    ):
        await followed(agent)
        await until(lambda: len([each for each in collector.arrived if not each.repeat]) >= 6, "six rows")
        await until(lambda: any(each.repeat for each in collector.arrived), "a double")

        def mixed_up() -> bool:
            seqs = [each.seq for each in collector.arrived if not each.repeat]
            return seqs != sorted(seqs)

        await until(mixed_up, "an order mixed up", limit_s=30)
        await until(lambda: agent.pending <= 1, "all acknowledged, but for what is under way")


async def test_an_agent_that_restarts_again_and_again_has_a_boot_each_time_and_loses_nothing(
    mosquitto: Mosquitto, tmp_path: Path
) -> None:
    world = World()
    async with (
        Listener(mosquitto.url, CENTRE.centre) as collector,
        agent_of(setting(mosquitto, tmp_path, world)) as agent,
    ):
        fault = world.begin(FaultKind.AGENT_RESTARTS, [], [CENTRE.centre], 0, {"every_s": 30})
        async with asyncio.timeout(20):
            while agent.restarts < 3:
                await followed(agent)
                await asyncio.sleep(0.05)
        world.end(fault)
        await until(lambda: len({presence.boot for presence in collector.presences}) >= 4, "four boots")
        await until(lambda: agent.pending == 0, "all acknowledged")
        await until(lambda: len(collector.readings()) == agent.readings_taken, "every reading that was taken")


async def test_a_banner_plays_its_scenario_and_ends_with_a_goodbye(mosquitto: Mosquitto, tmp_path: Path) -> None:
    said: list[str] = []
    banner = Banner(FLEET, mosquitto.url, tmp_path, speed=SPEED, on_happening=lambda h: said.append(h.fault.value))
    with pytest.raises(ScenarioError, match="at least 60 centres"):
        banner.play(load_scenario("power_cut_township"))
    banner.play(load_scenario("help_call"))
    async with Listener(mosquitto.url, TERMINAL_FEED) as feed, Listener(mosquitto.url, CENTRE.centre) as collector:
        running = asyncio.create_task(banner.run())
        names = {device.name_on_path for device in of_feed(FLEET, TERMINAL_FEED)}
        await until(lambda: set(feed.readings()) == names, "the feed's devices, each under its centre's name")
        await until(lambda: said == ["help_call", "help_call"], "both calls", limit_s=20)
        doing = banner.doing()
        assert doing.agents == doing.connected == len(FLEET) + len(FEEDS)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await until(lambda: feed.presences[-1].reason == collector.presences[-1].reason == "stopped", "the goodbyes")
    assert CENTRE.region == REGION
