"""The registrar's view: who registers, with which password, until when; and that nothing of it is taken for life."""

import asyncio
import logging
from pathlib import Path
from typing import Any

import pytest

from edge.probes.sip import SipListener, SipProbe
from edge.probes.sip.book import shared_book
from edge.probes.sip.settings import SipSettings
from shouwang import clock
from simulators.devices.sip import SipDevice
from tests.edge.sip.listening import listening

BOTH: dict[str, Any] = {"look": "both", "password": "hall 2026"}


async def test_a_device_that_registers_is_heard(tmp_path: Path) -> None:
    device = await SipDevice.start(user="1001", password="hall 2026")
    async with listening(SipListener, [("call-01", "1001", BOTH)], tmp_path) as ear:
        assert await device.register(ear.server) == 200
        assert device.statuses == [401, 200]
        assert ear.last("call-01") == {"reachable": True, "registered": True, "last_heard_age_ms": 0}
        probe = SipProbe("1001", SipSettings(**BOTH), ear.around)  # asked where it registered from
        answer = await probe.ask(2.0)
        assert answer.reachable
        assert answer.fields == {"registered": True}
        assert await device.register(ear.server, expires=0) == 200
        assert ear.last("call-01")["registered"] is False
        assert str((await probe.ask(2.0)).reason) == "1001 is not registered with the agent"
    device.stop()


async def test_a_pulled_plug_stays_registered_and_is_no_sign_of_life(tmp_path: Path) -> None:
    device = await SipDevice.start(user="1001")
    settings = {"look": "registrar"}
    async with listening(SipListener, [("call-01", "1001", settings)], tmp_path) as ear:
        assert await device.register(ear.server) == 200
        device.stop()
        shared_book(ear.around).bindings["1001"].heard_s -= 50.0  # so long ago
        answer = await SipProbe("1001", SipSettings(look="registrar"), ear.around).ask(1.0)
        assert answer.fields["registered"] is True
        assert answer.fields["last_heard_age_ms"] >= 50_000
        both = await SipProbe("1001", SipSettings(look="both"), ear.around).ask(0.12)
        assert not both.reachable
        assert both.fields["registered"] is True
        assert both.fields["last_heard_age_ms"] >= 50_000


async def test_what_is_granted_is_short_so_that_silence_shows(tmp_path: Path) -> None:
    device = await SipDevice.start(user="1001")
    async with listening(SipListener, [("call-01", "1001", {"look": "registrar"})], tmp_path, interval_s=45) as ear:
        _, headers, _ = await device.request("REGISTER", ear.server, ["Contact: <sip:1001@127.0.0.1>", "Expires: 7200"])
        assert headers["expires"] == "90"
        assert headers["contact"].endswith(";expires=90")
        listener = ear.listener
        assert isinstance(listener, SipListener)
        binding = shared_book(ear.around).bindings["1001"]
        binding.until_s = clock.mono_s()
        binding.heard_s -= 90
        listener._ended("1001")  # what its timer does
        assert ear.last("call-01")["registered"] is False
        assert ear.last("call-01")["last_heard_age_ms"] >= 90_000
        assert "reachable" not in ear.last("call-01")
    device.stop()


async def test_before_anybody_could_register_nothing_is_said(tmp_path: Path) -> None:
    async with listening(SipListener, [("call-01", "1001", {"look": "registrar"})], tmp_path) as ear:
        probe = SipProbe("1001", SipSettings(look="registrar"), ear.around)
        with pytest.raises(PermissionError, match="has not registered yet"):
            await probe.ask(1.0)
        shared_book(ear.around).since_s = clock.mono_s() - 121
        assert (await probe.ask(1.0)).fields == {"registered": False}


async def test_another_password_is_refused_and_no_secret_is_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    device = await SipDevice.start(user="1001", password="pass 9999")
    async with listening(SipListener, [("call-01", "1001", BOTH)], tmp_path) as ear:
        assert await device.register(ear.server) == 403
        assert await device.register(ear.server, password="hall 2026") == 200
        assert await device.register(ear.server, password="") == 401
        assert len(ear.heard) == 1
    assert caplog.text.count("another password") == 1
    assert "hall 2026" not in caplog.text
    assert "pass 9999" not in caplog.text
    device.stop()


async def test_a_recorded_register_cannot_be_played_again(tmp_path: Path) -> None:
    device = await SipDevice.start(user="1001", password="hall 2026")
    async with listening(SipListener, [("call-01", "1001", BOTH)], tmp_path) as ear:
        assert await device.register(ear.server) == 200
        proved = device.sent[-1].replace(b"branch=z9hG4bK", b"branch=z9hG4bKb")
        device.say(proved, ear.server)
        await ear.until(lambda: device.asked == 0 and len(ear.port._answered._answers) == 3, "an answer to the replay")
        assert len(ear.heard) == 1
    device.stop()


async def test_many_behind_one_address_prove_themselves_in_the_same_moment(tmp_path: Path) -> None:
    users = [f"{n}" for n in range(1000, 1100)]
    devices = [await SipDevice.start(user=user, password="hall 2026") for user in users]
    async with listening(SipListener, [(f"call-{u}", u, BOTH) for u in users], tmp_path) as ear:
        assert set(await asyncio.gather(*(device.register(ear.server) for device in devices))) == {200}
        assert all(device.statuses == [401, 200] for device in devices)
    for device in devices:
        device.stop()


async def test_who_is_on_no_list_is_believed_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    stranger = await SipDevice.start(user="evil\u2028x")
    async with listening(SipListener, [("call-01", "1001", {"look": "registrar"})], tmp_path) as ear:
        for _ in range(3):
            assert await stranger.register(ear.server) == 403
        assert (await stranger.request("OPTIONS", ear.server, []))[0] == 200
        assert (await stranger.request("INVITE", ear.server, []))[0] == 405
        assert ear.heard == []
    assert caplog.text.count("SIP from nobody on the list") == 1
    stranger.stop()


async def test_a_request_sent_again_gets_the_same_answer_and_is_heard_once(tmp_path: Path) -> None:
    device = await SipDevice.start(user="1001")
    async with listening(SipListener, [("call-01", "1001", {"look": "registrar"})], tmp_path) as ear:
        assert await device.register(ear.server) == 200
        for _ in range(5):
            device.say(device.sent[0], ear.server)
        assert (await device.request("OPTIONS", ear.server, []))[0] == 200  # all before it have been read
        assert len(ear.heard) == 1
    device.stop()


@pytest.mark.parametrize("digests", [["SHA-256"], ["MD5", "SHA-256"], ["SHA-256", "MD5"]])
async def test_which_digests_are_offered_is_said_on_the_machine(tmp_path: Path, digests: list[str]) -> None:
    device = await SipDevice.start(user="1001", password="hall 2026")
    async with listening(SipListener, [("call-01", "1001", BOTH)], tmp_path, digests=digests) as ear:
        assert await device.register(ear.server) == 200
        assert await device.register(ear.server, password="another") == 403
    device.stop()


async def test_a_device_that_never_gives_its_password_is_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    device = await SipDevice.start(user="1001")
    async with listening(SipListener, [("call-01", "1001", BOTH)], tmp_path) as ear:
        for _ in range(5):
            assert await device.register(ear.server) == 401
        assert ear.heard == []
    assert caplog.text.count("it is asked for its password and gives none") == 1
    device.stop()
