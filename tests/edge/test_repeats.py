"""What a device tells again is one event, also where the agent was started anew between the two."""

from pathlib import Path

import pytest

from edge.outbox import Outbox
from edge.probes.gbt28181 import Gbt28181Listener
from edge.probes.scaip import ScaipListener
from edge.rows import Event, Repeat
from shouwang.clock import Now
from simulators.devices.gbt28181 import GbDevice
from simulators.devices.scaip import Terminal
from tests.edge.keeping import Disk, LaterClock
from tests.edge.sip.listening import listening

CALL = "34020000001340000007"
WALL_MS = 1_800_000_000_000


def at(mono_s: float, wall_ms: int | None = None) -> Now:
    return Now(mono_s, WALL_MS + round(mono_s * 1000) if wall_ms is None else wall_ms)


def call(taken_s: float, name: str = "ref 7", event: str = "help_call", device: str = "call-07") -> Event:
    return Event(device, "call_terminal", event, taken_s, repeat=Repeat(name, 900))


def test_a_repeat_is_the_row_that_is_there_already(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "outbox.db", at(0), machine="m")
    first = outbox.write_event(call(0), at(0))
    assert outbox.write_event(call(899), at(899)) == first
    others = [call(1, "ref 8"), call(1, event="test_call"), call(1, device="call-08")]
    assert len({outbox.write_event(each, at(1)).seq for each in others} | {first.seq}) == 4
    assert outbox.write_event(call(901), at(901)).seq == 5, "the same number much later is another call"
    assert outbox.write_event(call(902), at(902)).seq == 5, "and that is now what is repeated"
    assert outbox.write_event(Event("call-07", "call_terminal", "help_call", 903), at(903)).seq == 6
    outbox.close()


@pytest.mark.parametrize(
    ("machine", "later", "rows"),
    [
        ("m", at(60), 1),  # the agent alone was started anew
        ("m", at(60, 0), 1),  # whatever the wall clock says
        ("other", at(5, WALL_MS + 60_000), 1),  # the machine, too
        ("other", at(5, WALL_MS + 3_600_000), 2),
        ("other", at(5, 0), 2),  # and nobody knows how long ago it was: one call too many is better than one too few
    ],
)
def test_over_a_restart(tmp_path: Path, machine: str, later: Now, rows: int) -> None:
    before = Outbox(tmp_path / "outbox.db", at(0), machine="m")
    before.write_event(call(0), at(0))
    before.close()
    after = Outbox(tmp_path / "outbox.db", later, machine=machine)
    after.write_event(call(later.mono_s), later)
    assert after.pending().events == rows
    after.close()


def test_a_number_that_is_given_again_is_no_repeat(tmp_path: Path) -> None:
    """Rows that are acknowledged and gone leave their numbers to others."""
    before = Outbox(tmp_path / "outbox.db", at(0), machine="m")
    before.write_event(call(0), at(0))
    before.acknowledge({before.boot: [(1, 1)]}, at(1))
    before.acknowledge({}, at(49 * 3600))
    before.close()
    after = Outbox(tmp_path / "outbox.db", at(49 * 3600), machine="m")
    other = after.write_event(call(0, "ref 8"), at(49 * 3600))
    assert after.write_event(call(0), at(49 * 3600)).id != other.id
    after.close()


def test_what_memory_held_while_the_disk_was_ill_is_no_news_afterwards(tmp_path: Path) -> None:
    (tmp_path / "outbox.db").mkdir()
    outbox = Outbox(tmp_path / "outbox.db", at(0), machine="m")
    assert outbox.trouble
    outbox.write_event(call(0), at(0))
    (tmp_path / "outbox.db").rmdir()
    assert outbox.retry_disk()
    outbox.write_event(call(1), at(1))
    assert outbox.pending().events == 1
    outbox.close()


async def test_a_terminal_that_calls_again_after_the_agents_restart_has_called_once(tmp_path: Path) -> None:
    terminal = await Terminal.start("127.0.0.2", user="26317")
    clock = LaterClock()
    for life, rows in ((0, 1), (1, 1), (2, 2)):
        clock.later_s = 1_000.0 if life == 2 else 0.0
        disk = Disk(tmp_path / "outbox.db", clock)
        async with listening(ScaipListener, [("call-07", "26317", {})], tmp_path, say=disk.say) as ear:
            assert await terminal.help_call(ear.server, ref="00001883") == 200
            assert await terminal.help_call(ear.server, ref="00001883") == 200
        assert len(disk.events) == rows
        disk.close()
    terminal.stop()


async def test_a_terminal_is_not_told_that_its_call_was_taken_where_it_could_not_be_kept(tmp_path: Path) -> None:
    terminal = await Terminal.start("127.0.0.2", user="26317")
    disk = Disk(tmp_path / "outbox.db")
    async with listening(ScaipListener, [("call-07", "26317", {})], tmp_path, say=disk.say) as ear:
        disk.full = True
        assert await terminal.help_call(ear.server, ref="1") == 503
        disk.full = False
        assert await terminal.help_call(ear.server, ref="1") == 200
    assert len(disk.events) == 1
    disk.close()
    terminal.stop()


async def test_an_alarm_that_is_sent_again_after_a_restart_is_one(tmp_path: Path) -> None:
    device = await GbDevice.start("127.0.0.3", user=CALL)
    for life in (1, 2):
        disk = Disk(tmp_path / "outbox.db")
        async with listening(Gbt28181Listener, [("call-07", CALL, {})], tmp_path, say=disk.say) as ear:
            device.server = ear.server
            if life == 1:
                assert await device.alarm() == 200
                alarm = device.sent[-1]
            else:
                device.say(alarm, ear.server)
            await ear.until(lambda life=life: len(device.told) == life, "that the alarm was taken")  # type: ignore[misc]
        assert len(disk.events) == 1
        disk.close()
    device.stop()
