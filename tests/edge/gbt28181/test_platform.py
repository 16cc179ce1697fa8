"""The agent as a platform of GB/T 28181: registration, keepalives, catalogues in many messages, the button."""

import asyncio
import logging
from pathlib import Path
from typing import Any

import pytest

from edge.hearing import Heard
from edge.probes.gbt28181 import Gbt28181Listener, Gbt28181Probe
from edge.probes.gbt28181.settings import Gbt28181Settings
from simulators.devices.gbt28181 import GbDevice, channel_codes
from simulators.devices.sip import read
from tests.edge.keeping import Disk
from tests.edge.sip.listening import Ear, listening

NVR, CALL = "34020000001180000001", "34020000001340000007"
PASSWORD: dict[str, Any] = {"password": "hall 2026"}


async def recorder(ear: Ear, channels: int, **how: Any) -> GbDevice:
    on = dict.fromkeys(channel_codes(channels), True)
    return await GbDevice.start("127.0.0.2", user=NVR, password="hall 2026", server=ear.server, channels=on, **how)


async def test_a_recorder_and_its_channels(tmp_path: Path) -> None:
    async with listening(Gbt28181Listener, [("nvr-01", NVR, PASSWORD)], tmp_path, kind="nvr") as ear:
        device = await recorder(ear, 16, extra_items=["34020000002150000001", "3402", "34020000001340000001"])
        off = channel_codes(16)[3]
        device.channels[off] = False
        assert await device.sign_in() == 200
        assert device.statuses[:2] == [401, 200]
        await ear.until(lambda: "channels_total" in ear.last("nvr-01"), "the catalogue")
        assert ear.last("nvr-01") == {
            "reachable": True,
            "registered": True,
            "last_heard_age_ms": 0,
            "channels_on": 15,
            "channels_off": 1,
            "channels_total": 16,
        }
        device.faulty = [off, channel_codes(16)[5]]
        assert await device.keepalive() == 200
        assert ear.last("nvr-01")["channels_off"] == 2
        assert ear.last("nvr-01")["fault"] is False
        device.ok = False
        assert await device.keepalive() == 200
        assert ear.last("nvr-01")["fault"] is True
        assert await device.sign_in(expires=0) == 200
        assert ear.last("nvr-01")["registered"] is False
    device.stop()


async def test_the_answer_to_a_registration_tells_the_time(tmp_path: Path) -> None:
    async with listening(Gbt28181Listener, [("nvr-01", NVR, {})], tmp_path, kind="nvr") as ear:
        device = await recorder(ear, 1)
        _, headers, _ = await device.request(
            "REGISTER", ear.server, ["Contact: <sip:x@127.0.0.2>", "Expires: 99999999"]
        )
        assert len(headers["date"]) == len("2026-11-24T08:00:00.000")
        assert headers["expires"] == "86400"
    device.stop()


async def test_a_catalogue_that_lost_a_message_changes_nothing(tmp_path: Path) -> None:
    settings = PASSWORD | {"catalogue_s": 30}
    async with listening(Gbt28181Listener, [("nvr-01", NVR, settings)], tmp_path, kind="nvr") as ear:
        device = await recorder(ear, 9, items_a_message=2, lose_catalogue=2)
        assert await device.sign_in() == 200
        await ear.until(lambda: device.asked_for_catalogue == 1 and not device._tasks, "a catalogue, all but two items")
        await device.keepalive()
        assert "channels_total" not in ear.last("nvr-01")
        listener = ear.listener
        assert isinstance(listener, Gbt28181Listener)
        listener._asked_at_s[NVR] -= 60  # a minute later
        device.lose_catalogue = -1
        await device.keepalive()
        await ear.until(lambda: ear.last("nvr-01").get("channels_total") == 9, "the catalogue asked for again")
    device.stop()


async def test_many_channels_in_many_messages(tmp_path: Path) -> None:
    async with listening(Gbt28181Listener, [("nvr-01", NVR, PASSWORD)], tmp_path, kind="nvr") as ear:
        device = await recorder(ear, 256, items_a_message=3)
        assert await device.sign_in() == 200
        await ear.until(lambda: ear.last("nvr-01").get("channels_on") == 256, "86 messages")
    device.stop()


async def test_it_is_asked_over_the_line_on_which_it_registered(tmp_path: Path) -> None:
    async with listening(Gbt28181Listener, [("nvr-01", NVR, PASSWORD)], tmp_path, kind="nvr") as ear:
        probe = Gbt28181Probe(NVR, Gbt28181Settings(**PASSWORD), ear.around)
        assert str((await probe.ask(1.0)).reason) == f"{NVR} is not registered with the agent"
        device = await recorder(ear, 4)
        await device.sign_in()
        answer = await probe.ask(2.0)
        assert answer.reachable
        assert answer.latency_ms is not None
        assert answer.fields["fault"] is False
        device.silent = True
        assert not (await probe.ask(0.12)).reachable
    device.stop()
    with pytest.raises(PermissionError, match="only the agent that it registers with"):
        await probe.ask(1.0)


async def test_the_button_of_a_terminal(tmp_path: Path) -> None:
    disk = Disk(tmp_path / "outbox.db")
    async with listening(Gbt28181Listener, [("call-07", CALL, PASSWORD)], tmp_path, say=disk.say) as ear:
        device = await GbDevice.start("127.0.0.3", user=CALL, password="hall 2026", server=ear.server)
        await device.sign_in()
        assert await device.keepalive() == 200
        assert await device.alarm() == 200
        assert ear.events == [("call-07", "help_call")]
        assert "紧急按钮" not in str(ear.heard[-1].detail)
        await ear.until(lambda: len(device.told) == 1, "that the alarm was taken")
        assert b"<Result>OK</Result>" in device.told[0]
        device.say(device.sent[-1].replace(b"branch=z9hG4bK", b"branch=z9hG4bKb"), ear.server)  # the same once more
        await ear.until(lambda: len(ear.events) == 2, "the repeat")
        await ear.until(lambda: len(device.told) == 2, "that the repeat was taken")
        assert len(disk.events) == 1
        await device.alarm(method=2, kind=2)
        await device.alarm(method=5)
        await device.alarm(description="按键测试")
        assert [event for _, event in ear.events[1:]] == ["help_call", "tamper", "help_call", "test_call"]
        assert len(disk.events) == 4
    device.stop()
    disk.close()


async def test_a_button_wired_to_a_recorder(tmp_path: Path) -> None:
    button = "34020000001340000001"
    settings = PASSWORD | {"buttons": [button]}
    async with listening(Gbt28181Listener, [("nvr-01", NVR, settings)], tmp_path, kind="nvr") as ear:
        device = await recorder(ear, 2)
        await device.sign_in()
        await device.alarm(source=button, description="")
        await device.alarm(source="34020000001340000002", description="")
        assert ear.events == [("nvr-01", "help_call")]
    device.stop()


async def test_keepalives_count_from_where_the_password_was_proved_even_after_a_restart(tmp_path: Path) -> None:
    devices = [("nvr-01", NVR, PASSWORD)]
    async with listening(Gbt28181Listener, devices, tmp_path, kind="nvr") as ear:
        device = await recorder(ear, 1)
        assert await device.keepalive() == 403  # it has not registered
        assert ear.heard == []
        await device.sign_in()
    async with listening(Gbt28181Listener, devices, tmp_path, kind="nvr") as ear:
        device.server = ear.server
        assert await device.keepalive() == 200
        thief = await GbDevice.start("127.0.0.9", user=NVR, server=ear.server)
        assert await thief.keepalive() == 403
        assert await thief.alarm() == 403
        assert ear.events == []
        thief.stop()
    device.stop()


async def test_another_password(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with listening(Gbt28181Listener, [("nvr-01", NVR, PASSWORD)], tmp_path, kind="nvr") as ear:
        device = await recorder(ear, 1)
        assert await device.register(ear.server, password="changed 1") == 403
        assert ear.heard == []
    assert "hall 2026" not in caplog.text
    assert "changed 1" not in caplog.text
    device.stop()


@pytest.mark.parametrize("encoding", ["GB2312", "GB18030", "UTF-8", "gbk"])
async def test_encodings(tmp_path: Path, encoding: str) -> None:
    async with listening(Gbt28181Listener, [("nvr-01", NVR, {})], tmp_path, kind="nvr") as ear:
        device = await recorder(ear, 3, encoding=encoding)
        assert await device.sign_in() == 200
        await ear.until(lambda: ear.last("nvr-01").get("channels_total") == 3, "the catalogue")
    device.stop()


async def test_registered_but_dead(tmp_path: Path) -> None:
    async with listening(Gbt28181Listener, [("nvr-01", NVR, {})], tmp_path, kind="nvr") as ear:
        device = await recorder(ear, 3)
        await device.sign_in()
        heard = len(ear.heard)
        device.dead = device.silent = True
        assert await device.keepalive() == 0
        probe = Gbt28181Probe(NVR, Gbt28181Settings(), ear.around)
        assert not (await probe.ask(0.12)).reachable
        assert len(ear.heard) == heard
    device.stop()


def test_the_reader_of_the_simulator_is_apart() -> None:
    assert read(b"A\r\nB: c\r\n\r\nd") == ("A", {"b": "c"}, b"d")


async def test_an_alarm_is_confirmed_when_it_is_on_the_disk(tmp_path: Path) -> None:
    kept: list[asyncio.Future[bool]] = []

    def keep(heard: Heard) -> asyncio.Future[bool] | None:
        ear.heard.append(heard)
        if not heard.event:
            return None
        kept.append(asyncio.get_running_loop().create_future())
        return kept[-1]

    async with listening(Gbt28181Listener, [("call-07", CALL, {})], tmp_path) as ear:
        ear.listener._say = keep  # type: ignore[attr-defined]
        device = await GbDevice.start("127.0.0.2", user=CALL, server=ear.server)
        assert await device.sign_in() == 200
        for taken, status in ((False, 503), (True, 200)):
            pressed = asyncio.create_task(device.alarm())
            calls = len(kept) + 1
            await ear.until(lambda: len(kept) == calls, "the call is heard")  # noqa: B023
            assert not pressed.done()
            kept[-1].set_result(taken)
            assert await pressed == status
        assert len(ear.events) == 2
    device.stop()
