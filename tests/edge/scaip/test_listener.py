"""The SCAIP receiver against terminals on loopback: heard, answered, and each call told once."""

import asyncio
from pathlib import Path

import pytest

from edge.hearing import Heard
from edge.probes.scaip import ScaipListener
from simulators.devices.scaip import CONTENT_TYPE, Terminal
from tests.edge.keeping import Disk
from tests.edge.sip.listening import listening

ALIVE = {"reachable": True, "last_heard_age_ms": 0}


async def test_heartbeats_and_a_call_for_help(tmp_path: Path) -> None:
    terminal = await Terminal.start("127.0.0.2", user="26317")
    disk = Disk(tmp_path / "outbox.db")
    async with listening(ScaipListener, [("call-07", "26317", {})], tmp_path, say=disk.say) as ear:
        assert await terminal.heartbeat(ear.server) == 200
        assert ear.last("call-07") == ALIVE
        assert await terminal.help_call(ear.server, ref="00001883") == 200
        assert ear.events == [("call-07", "help_call")]
        assert ear.heard[-1].detail["ref"] == "00001883"
        await ear.until(lambda: ("00001883", 0) in terminal.replies, "the reply document")
        # No answer reached it: it sends the same again, in a transaction of its own.
        assert await terminal.help_call(ear.server, ref="00001883") == 200
        assert len(disk.events) == 1
        assert await terminal.help_call(ear.server, ref="00001884") == 200
        assert len(disk.events) == 2
    terminal.stop()
    disk.close()


async def test_what_a_terminal_said_of_itself_stays_over_a_restart(tmp_path: Path) -> None:
    terminal = await Terminal.start("127.0.0.2", user="26317")
    devices: list[tuple[str, str, dict[str, object]]] = [("call-07", "26317", {})]
    async with listening(ScaipListener, devices, tmp_path) as ear:
        await terminal.say_mrq(ear.server, mty="ME", dty="0002", stc="0085")
        await terminal.say_mrq(ear.server, mty="ME", dty="0003", stc="0016")
        await terminal.heartbeat(ear.server)
        assert ear.last("call-07") == ALIVE | {"mains_power": False, "pendant_battery_status": "low"}
        assert ear.events == []
    async with listening(ScaipListener, devices, tmp_path) as ear:
        await terminal.heartbeat(ear.server)
        assert ear.last("call-07")["mains_power"] is False
        await terminal.say_mrq(ear.server, mty="ME", dty="0002", stc="0086")
        assert ear.last("call-07")["mains_power"] is True
    terminal.stop()


async def test_a_terminal_that_must_prove_itself(tmp_path: Path) -> None:
    good = await Terminal.start("127.0.0.2", user="26317", password="hall 2026")
    thief = await Terminal.start("127.0.0.3", user="26317", password="guess")
    async with listening(ScaipListener, [("call-07", "26317", {"password": "hall 2026"})], tmp_path) as ear:
        assert await thief.help_call(ear.server) == 403
        assert ear.heard == []
        assert await good.help_call(ear.server) == 200
        assert good.statuses == [401, 200]
        assert ear.events == [("call-07", "help_call")]
        assert await good.register(ear.server) == 200
    good.stop()
    thief.stop()


async def test_one_that_speaks_from_elsewhere_is_not_it(tmp_path: Path) -> None:
    thief = await Terminal.start("127.0.0.3", user="26317")
    async with listening(ScaipListener, [("call-07", "26317", {"address": "127.0.0.2"})], tmp_path) as ear:
        assert await thief.help_call(ear.server) == 403
        assert ear.heard == []
    thief.stop()


async def test_the_reply_in_the_body_of_the_answer(tmp_path: Path) -> None:
    terminal = await Terminal.start("127.0.0.2", user="26317")
    async with listening(ScaipListener, [("call-07", "26317", {"reply": "response"})], tmp_path) as ear:
        await terminal.help_call(ear.server, ref="7")
        assert terminal.replies == [("7", 0)]
    terminal.stop()


@pytest.mark.parametrize(
    ("body", "told"), [(b"<mrq><ref>9</ref><cid>26317</cid></mrq>", ("9", 7)), (b"<mrq><ref>9", None)]
)
async def test_what_cannot_be_read(tmp_path: Path, body: bytes, told: tuple[str, int] | None) -> None:
    terminal = await Terminal.start("127.0.0.2", user="26317")
    async with listening(ScaipListener, [("call-07", "26317", {"reply": "response"})], tmp_path) as ear:
        status, answer = await terminal.message(ear.server, CONTENT_TYPE, body)
        terminal._told(answer)
        assert status == 200
        assert terminal.replies == ([told] if told else [])
        assert ear.heard == []
    terminal.stop()


async def test_nobody_on_the_list(tmp_path: Path) -> None:
    stranger = await Terminal.start("127.0.0.2", user="999")
    async with listening(ScaipListener, [("call-07", "26317", {})], tmp_path) as ear:
        assert await stranger.help_call(ear.server) == 403
        assert ear.heard == []
    stranger.stop()


async def test_a_call_is_confirmed_when_it_is_on_the_disk(tmp_path: Path) -> None:
    """A terminal whose call was taken tries nobody else: it must not be told so before."""
    terminal = await Terminal.start("127.0.0.2", user="26317")
    kept: list[asyncio.Future[bool]] = []

    def keep(heard: Heard) -> asyncio.Future[bool] | None:
        ear.heard.append(heard)
        kept.append(asyncio.get_running_loop().create_future())
        return kept[-1]

    async with listening(ScaipListener, [("call-07", "26317", {})], tmp_path) as ear:
        ear.listener._say = keep  # type: ignore[attr-defined]
        pressed = asyncio.create_task(terminal.help_call(ear.server, ref="1"))
        await ear.until(lambda: len(kept) == 1, "the call is heard")
        await asyncio.sleep(0.7)  # by UDP it asks again meanwhile
        assert not pressed.done()
        assert terminal.replies == []
        assert len(ear.events) == 1
        kept[0].set_result(True)
        assert await pressed == 200
        await ear.until(lambda: ("1", 0) in terminal.replies, "the reply document")
        pressed = asyncio.create_task(terminal.help_call(ear.server, ref="2"))
        await ear.until(lambda: len(kept) == 2, "the next call")
        kept[1].set_result(False)
        assert await pressed == 503, "no disk took it"
        pressed = asyncio.create_task(terminal.help_call(ear.server, ref="2"))
        await ear.until(lambda: len(kept) == 3, "told again, it is no repeat")
        kept[2].set_result(True)
        assert await pressed == 200
        assert len(ear.events) == 3
    terminal.stop()
