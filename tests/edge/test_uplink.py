"""The agent's line against a real Mosquitto."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import pytest_asyncio

from edge.outbox import Outbox
from edge.rows import Event, Reading
from edge.uplink import Login, Uplink
from shouwang.clock import Now, SystemClock
from shouwang.messages import Ack, Command, Reply
from tests.conftest import MosquittoStarter
from tests.edge.listening import REGION, Listener
from tests.servers import Mosquitto
from tests.waiting import until

pytestmark = pytest.mark.system

CLOCK = SystemClock()
FAST = 20.0
"""Divides the agent's intervals: 60 s become 3 s."""

Agents = Callable[..., "Uplink"]


@pytest_asyncio.fixture
async def agents(tmp_path: Path) -> AsyncIterator[Agents]:
    made: list[tuple[Uplink, Outbox]] = []
    executor = ThreadPoolExecutor(1)

    def make(broker: Mosquitto, path: str = "centre-1", file: str = "outbox.db", **more: object) -> Uplink:
        outbox = Outbox(tmp_path / file, CLOCK.now())
        options: dict[str, object] = {"executor": executor, "speed": FAST} | more
        uplink = Uplink(Login(broker.url, REGION, path), outbox, **options)  # type: ignore[arg-type]
        made.append((uplink, outbox))
        return uplink

    yield make
    for uplink, outbox in made:
        await uplink.stop()
        outbox.close()
    executor.shutdown()


def reading(device: str) -> Reading:
    return Reading(device, "call_terminal", CLOCK.now().mono_s, {"reachable": True})


def help_call(device: str = "call-01") -> Event:
    return Event(device, "call_terminal", "help_call", CLOCK.now().mono_s)


async def pending(uplink: Uplink) -> int:
    backlog = await uplink.dispatch.backlog()
    return backlog.pending.events + backlog.pending.reports


async def nothing_pending(uplink: Uplink, limit_s: float = 15.0) -> None:
    async with asyncio.timeout(limit_s):
        while await pending(uplink):  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def test_presence_reports_events_and_acks(mosquitto: Mosquitto, agents: Agents) -> None:
    uplink = agents(mosquitto)
    async with Listener(mosquitto.url, "centre-1") as listener:
        await uplink.start()
        await uplink.report([reading("call-01"), reading("cam-01")])
        await uplink.event(help_call())
        await until(lambda: len(listener.arrived) == 2, "the report and the event")
        await nothing_pending(uplink)
        report = next(each for each in listener.arrived if not each.is_event)
        assert report.devices == ["call-01", "cam-01"]
        assert all(age is not None and age < 5000 for age in report.ages_ms)
        assert listener.events[0].event == "help_call"
        online = listener.presences[0]
        assert (online.online, online.reason, online.connection) == (True, "started", 1)
        await uplink.stop()
        await until(lambda: len(listener.presences) == 2, "the goodbye")
        goodbye = listener.presences[1]
        assert (goodbye.online, goodbye.reason, goodbye.boot, goodbye.connection) == (False, "stopped", online.boot, 1)


async def test_an_agent_that_vanishes_is_told_by_its_will_and_the_next_start_has_a_greater_number(
    mosquitto: Mosquitto, agents: Agents
) -> None:
    async with Listener(mosquitto.url, "centre-1") as listener:
        first = agents(mosquitto)
        await first.start()
        await until(lambda: listener.presences, "presence")
        await first.vanish()
        first.dispatch._outbox.close()
        await until(lambda: len(listener.presences) == 2, "the will")
        will = listener.presences[1]
        assert (will.online, will.reason, will.connection) == (False, "lost", 1)
        second = agents(mosquitto)
        await second.start()
        await until(lambda: len(listener.presences) == 3, "presence again")
        assert listener.presences[2].connection > 1
        assert listener.presences[2].boot != will.boot


async def test_a_broker_restart_is_a_new_connection_and_presence_is_asserted_again(  # fault 7, 8
    mosquitto: Mosquitto, agents: Agents
) -> None:
    uplink = agents(mosquitto)
    async with Listener(mosquitto.url, "centre-1") as listener:
        await uplink.start()
        await until(lambda: listener.presences, "presence")
        mosquitto.kill()
        for stored in mosquitto.directory.glob("*.db"):
            stored.unlink()  # retained messages and sessions are gone too
        await until(lambda: not uplink.connected, "the loss")
        await uplink.report([reading("call-01")])
        mosquitto.start()
        await until(lambda: listener.arrived, "what was read meanwhile")
        await until(lambda: any(said.connection == 2 for said in listener.presences), "presence again")
        assert all(said.online for said in listener.presences)
        await nothing_pending(uplink)


async def test_what_matters_comes_first(mosquitto: Mosquitto, agents: Agents) -> None:
    uplink = agents(mosquitto)
    for number in range(60):
        await uplink.report([reading("call-01"), reading("cam-01")])
        if number == 30:
            await uplink.report([reading("nvr-01")])
    await uplink.event(help_call("call-01"))
    await uplink.event(help_call("call-02"))
    async with Listener(mosquitto.url, "centre-1") as listener:
        await uplink.start()
        await until(lambda: len(listener.readings()) == 123, "everything")
        order = [(each.seq, each.is_event) for each in listener.arrived if not each.repeat]
        assert order[:2] == [(62, True), (63, True)]
        assert order[2:4] == [(32, False), (61, False)]  # each device's newest
        assert [seq for seq, _ in order[4:]] == [seq for seq in range(1, 61) if seq != 32]  # history, oldest first
        await nothing_pending(uplink)


async def test_a_backlog_does_not_starve_what_is_fresh(mosquitto: Mosquitto, agents: Agents) -> None:
    uplink = agents(mosquitto)
    for _ in range(600):
        await uplink.report([reading("call-01")])
    async with Listener(mosquitto.url, "centre-1") as listener:
        await uplink.start()
        await until(lambda: len(listener.arrived) > 50, "the backlog to begin")
        (fresh,) = await uplink.report([reading("call-01")])
        call = await uplink.event(help_call())
        at = len(listener.arrived)
        await until(lambda: {fresh.seq, call.seq} <= {each.seq for each in listener.arrived}, "both")
        late = [each.number - at for each in listener.arrived if each.seq in (fresh.seq, call.seq)]
        assert max(late) <= 40, "at most what was under way already goes before"
        await until(lambda: len({each.seq for each in listener.arrived}) == 602, "all of it", limit_s=30)
        await nothing_pending(uplink)


async def test_without_acks_it_says_not_heard_and_sends_only_what_is_new(  # fault 15
    mosquitto: Mosquitto, agents: Agents
) -> None:
    uplink = agents(mosquitto)
    for _ in range(100):
        await uplink.report([reading("cam-01")])
    async with Listener(mosquitto.url, "centre-1", acking=False) as listener:
        await uplink.start()
        await until(lambda: uplink.unheard, "not heard")
        assert "acknowledges nothing" in uplink.trouble
        seen = {each.seq for each in listener.arrived}
        assert len(seen) <= 32 + 1  # the window, and the newest
        for _ in range(50):
            (row,) = await uplink.report([reading("cam-01")])
            await until(lambda: row.seq in {each.seq for each in listener.arrived}, "each new one")  # noqa: B023
        await uplink.event(help_call())
        await until(lambda: listener.events, "the help call")
        assert len(uplink.dispatch._flight) <= 33
        listener.acking = True
        await until(lambda: {each.seq for each in listener.arrived} == set(range(1, 152)), "the rest", limit_s=30)
        await nothing_pending(uplink)
        assert uplink.trouble == ""


async def test_with_nothing_fresh_a_backlog_goes_on_asking_until_it_is_heard(
    mosquitto: Mosquitto, agents: Agents, tmp_path: Path
) -> None:
    before = Outbox(tmp_path / "outbox.db", CLOCK.now())
    for _ in range(40):
        before.write([reading("cam-01")], CLOCK.now())
    before.close()
    uplink = agents(mosquitto)  # another start of it, which takes no readings
    async with Listener(mosquitto.url, "centre-1", acking=False) as listener:
        await uplink.start()
        await until(lambda: uplink.unheard, "not heard")
        count = len(listener.arrived)
        await until(lambda: len(listener.arrived) > count, "one asks again", limit_s=15)
        listener.acking = True
        await until(lambda: len({each.seq for each in listener.arrived}) == 40, "all of it", limit_s=30)
        await nothing_pending(uplink)


async def test_what_is_not_acknowledged_is_published_again_with_its_age_grown(  # fault 9, 10
    mosquitto: Mosquitto, agents: Agents
) -> None:
    uplink = agents(mosquitto)
    async with Listener(mosquitto.url, "centre-1", acking=False) as listener:
        await uplink.start()
        await uplink.report([reading("call-01")])
        await until(lambda: len(listener.arrived) == 3, "the first time, after 3 s and after 6 more", limit_s=15)
        ages = [each.ages_ms[0] for each in listener.arrived]
        assert None not in ages
        assert 2900 <= ages[1] - ages[0] <= 4500  # type: ignore[operator]
        assert 5900 <= ages[2] - ages[1] <= 7500  # type: ignore[operator]
        assert [each.repeat for each in listener.arrived] == [False, True, True]
        listener.acknowledge()
        await nothing_pending(uplink)


async def test_what_an_ack_no_longer_covers_is_sent_again(mosquitto: Mosquitto, agents: Agents) -> None:
    uplink = agents(mosquitto)
    async with Listener(mosquitto.url, "centre-1") as listener:
        await uplink.start()
        for number in range(10):
            await uplink.report([reading(f"call-{number:02}")])
        await until(lambda: len(listener.arrived) == 10, "all")
        await nothing_pending(uplink)
        await until(lambda: not listener.acks_due, "the last ack of the ten, which would cover all again")
        listener.say(Ack(v=1, boots={uplink._outbox.boot: [(1, 4)]}))
        await until(lambda: len(listener.arrived) == 16, "six once more")
        assert sorted(each.seq for each in listener.arrived if each.repeat) == [5, 6, 7, 8, 9, 10]
        await nothing_pending(uplink)


async def test_commands_are_answered_on_our_own_topic_and_configs_handed_on(
    mosquitto: Mosquitto, agents: Agents
) -> None:
    configs: list[bytes] = []

    async def answer(command: Command) -> Reply:
        if command.device == "broken":
            raise RuntimeError("no such thing")
        return Reply(v=1, id=command.id, ok=True)

    uplink = agents(mosquitto, on_config=configs.append, on_command=answer)
    async with Listener(mosquitto.url, "centre-1") as listener:
        await listener.configure(b'{"v":1,"revision":"a","devices":[]}')
        await uplink.start()
        await until(lambda: configs, "the retained configuration")
        for device in ("call-01", "broken"):
            said = json.dumps({"v": 1, "id": f"id-{device}", "command": "probe", "device": device}).encode()
            await listener.command(said, device.encode())
        await listener.command(b"no json", b"")
        await until(lambda: len(listener.replies) == 2, "both answers")
        answers = {reply.id: reply for reply in listener.replies}
        assert answers["id-call-01"].ok
        assert answers["id-broken"].reason == "the agent failed: no such thing"
        await until(lambda: uplink.asides == 1, "the senseless one is counted")


async def test_a_refused_publish_is_said_and_kept(
    start_mosquitto: MosquittoStarter, agents: Agents, tmp_path: Path
) -> None:
    acl = tmp_path / "acl"
    acl.write_text("topic write shouwang/v1/+/+/presence\ntopic read #\n")
    acl.chmod(0o700)
    broker = start_mosquitto(["allow_anonymous true", f"acl_file {acl}"])
    uplink = agents(broker)
    await uplink.start()
    await uplink.report([reading("call-01")])
    await until(lambda: uplink.trouble == "Not authorized", "the refusal")
    assert await pending(uplink) == 1


async def test_suspended_for_hours_the_ages_go_on(mosquitto: Mosquitto, agents: Agents) -> None:  # fault 24
    class Waking:
        slept_s = 0.0

        def now(self) -> Now:
            real = CLOCK.now()
            return Now(real.mono_s + self.slept_s, real.wall_ms + round(self.slept_s * 1000))

    clock = Waking()
    uplink = agents(mosquitto, clock=clock)
    await uplink.report([reading("call-01")])
    clock.slept_s = 7200
    async with Listener(mosquitto.url, "centre-1") as listener:
        await uplink.start()
        await until(lambda: listener.arrived, "the old reading")
        age_ms = listener.arrived[0].ages_ms[0]
        assert age_ms is not None
        assert 7_200_000 <= age_ms < 7_210_000


async def test_what_was_given_up_is_said_in_presence(mosquitto: Mosquitto, tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "small.db", CLOCK.now(), max_bytes=200_000)
    uplink = Uplink(Login(mosquitto.url, REGION, "centre-1"), outbox, speed=FAST)
    async with Listener(mosquitto.url, "centre-1") as listener:
        await uplink.start()
        await until(lambda: listener.presences, "presence")
        listener.acking = False
        for _ in range(300):
            await uplink.report([Reading("call-01", "call_terminal", CLOCK.now().mono_s, {"x": "y" * 1000})])
        await uplink.tell_lost()
        await until(lambda: len(listener.presences) == 2, "presence with what was lost")
        assert listener.presences[1].lost == outbox.lost()
        assert listener.presences[1].lost[outbox.boot].rows > 50
    await uplink.stop()
    outbox.close()
