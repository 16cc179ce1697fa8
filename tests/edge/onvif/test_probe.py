"""ONVIF: the probe against simulated devices, their troubles, and any bytes."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.allowed import Allowed, AllowedFile
from edge.probes.onvif import meaning
from edge.probes.onvif.soap import Fault, NotSoapError, response_of, username_token
from edge.probing import Answer, Around, ProbeConfigError, make_probe
from edge.secrets import Secrets
from shouwang.reasons import Reason
from simulators.devices.onvif import Device, Trouble


@pytest.fixture
async def around() -> AsyncIterator[Around]:
    made = Around(allowed=Allowed(AllowedFile(loopback=True)), secrets=Secrets(None, {"nvr": "p<&>w 2026"}))
    yield made
    made.close()


async def ask(around: Around, device: Device, timeout_s: float = 5.0, **settings: Any) -> Answer:
    settings = {"user": "admin", "password": "secret:nvr", "slow_every_s": 0, **settings}
    return await make_probe("onvif", device.target, settings, around).ask(timeout_s)


def recorder(**said: Any) -> Device:
    return Device(**{"host": "127.3.3.1", "password": "p<&>w 2026", "channels": 8, "oldest_days": 31.5, **said})


@pytest.mark.parametrize("knows_services", [True, False])
@pytest.mark.parametrize("digest_only", [False, True])
async def test_a_recorder_tells_of_itself(around: Around, digest_only: bool, knows_services: bool) -> None:
    device = recorder(digest_only=digest_only, knows_services=knows_services, wrong_host="10.9.9.9")
    await device.start()
    answer = await ask(around, device)
    await device.stop()
    assert (answer.reachable, answer.reason) == (True, "")
    assert answer.latency_ms is not None
    assert answer.latency_ms < 1000
    assert abs(answer.fields.pop("clock_offset_ms")) < 1500
    assert answer.fields.pop("oldest_recording_days") == pytest.approx(31.5, abs=0.01)
    assert answer.fields == {
        "model": "Simulated NVR-8",
        "firmware": "1.0.3",
        "channels_total": 8,
        "recording": True,
        "disk_status": "ok",
        "stream_path": "/live/1",
    }
    assert device.asked[-1] == "Unsubscribe"


async def test_a_clock_that_is_years_off_is_told_and_does_not_lock_us_out(around: Around) -> None:
    device = recorder(ahead_s=-400 * 86_400.0)
    await device.start()
    answer = await ask(around, device)
    await device.stop()
    assert answer.reason == ""
    assert answer.fields["clock_offset_ms"] == pytest.approx(-400 * 86_400_000, abs=2000)
    assert answer.fields["oldest_recording_days"] == pytest.approx(31.5, abs=0.01)


async def test_a_clock_that_is_told_to_users_alone(around: Around) -> None:
    device = recorder(open_clock=False, ahead_s=20.0)
    await device.start()
    answer = await ask(around, device)
    nobody = await ask(around, device, user="", password="", slow_every_s=600)
    await device.stop()
    assert answer.fields["clock_offset_ms"] == pytest.approx(20_000, abs=2000)
    assert nobody.reachable
    assert "clock_offset_ms" not in nobody.fields


async def test_a_recorder_that_has_stopped_recording_and_a_disk_that_fails(around: Around) -> None:
    device = recorder(recorded_until_s=7200.0, disk_fails=True)
    await device.start()
    fields = (await ask(around, device)).fields
    assert (fields["recording"], fields["disk_status"]) == (False, "fault")
    device.oldest_days, device.disk_fails = 0.0, False
    fields = (await ask(around, device)).fields
    assert (fields["recording"], fields["oldest_recording_days"]) == (False, 0.0)
    await device.stop()


async def test_a_camera_that_records_nothing_says_nothing_of_recordings(around: Around) -> None:
    device = Device(host="127.3.3.2", password="p<&>w 2026")
    await device.start()
    fields = (await ask(around, device)).fields
    await device.stop()
    assert set(fields) == {"clock_offset_ms", "model", "firmware", "channels_total", "stream_path"}


async def test_a_wrong_password_is_told_apart_from_silence_and_never_named(around: Around) -> None:
    device = recorder()
    await device.start()
    answer = await ask(around, device, password="guessed 17")
    assert answer.reachable
    assert answer.reason == Reason("login_refused", {"status": "NotAuthorized", "text": "The sender is not authorized"})
    assert "guessed" not in repr(answer)
    nobody = await ask(around, device, user="", password="")
    assert isinstance(nobody.reason, Reason)
    assert nobody.reason.code == "login_asked"
    device.password = "changed"
    assert (await ask(around, device)).reason != ""
    await device.stop()


async def test_what_changes_slowly_is_asked_less_often(around: Around) -> None:
    device = recorder()
    await device.start()
    first = await ask(around, device, slow_every_s=600)
    asked = len(device.asked)
    second = await ask(around, device, slow_every_s=600)
    await device.stop()
    assert device.asked[asked:] == ["GetSystemDateAndTime"]
    assert second.fields["oldest_recording_days"] == first.fields["oldest_recording_days"]


@pytest.mark.parametrize(
    ("trouble", "said"),
    [
        (Trouble.SILENT, "no answer within 0.4 s"),
        (Trouble.HALF, "no answer within 0.4 s"),
        (Trouble.GARBAGE, "no ONVIF: a document 'html' without a body"),
        (Trouble.BOMB, "no ONVIF: "),
        (Trouble.HUGE, "no ONVIF: a body of 4000000000 bytes"),
        (Trouble.ERROR, "ONVIF: 503 Service Unavailable"),
    ],
)
async def test_each_trouble_is_told(around: Around, trouble: Trouble, said: str) -> None:
    device = recorder(trouble=trouble)
    await device.start()
    answer = await ask(around, device, 0.4)
    await device.stop()
    assert not answer.reachable
    assert isinstance(answer.reason, Reason)
    assert str(answer.reason).startswith(said)


async def test_many_at_once(around: Around) -> None:
    devices = [recorder(host=f"127.3.4.{number + 1}", port=0) for number in range(50)]
    devices[0].trouble = Trouble.SILENT
    for device in devices:
        await device.start()
    answers = await asyncio.gather(
        *(ask(around, device, 4.0 if number else 0.3) for number, device in enumerate(devices))
    )
    for device in devices:
        await device.stop()
    assert not answers[0].reachable
    assert all(answer.reachable and answer.fields["disk_status"] == "ok" for answer in answers[1:])


def test_a_path_that_is_none_is_refused(around: Around) -> None:
    with pytest.raises(ProbeConfigError, match="path 'onvif': expected one as"):
        make_probe("onvif", "192.168.1.2", {"path": "onvif"}, around)


def test_the_token_is_that_of_the_profile() -> None:
    # The digest of OASIS WSS UsernameToken Profile 1.0 and ONVIF's application programmer's guide, 6.1.1.3.
    made = username_token("user", "userpassword", 1284617420000, b"\x2c\x80\x87\xfe\x4d\x9a\x5f\x33\x0b\x10\x8e\x92")
    assert "<Username>user</Username>" in made
    assert ">2010-09-16T06:10:20Z</Created>" in made
    assert "userpassword" not in made


@given(st.binary(max_size=400))
def test_any_bytes_are_an_answer_or_refused(data: bytes) -> None:
    with pytest.raises((Fault, NotSoapError)):
        response_of(data, "GetServices")


@given(st.text(max_size=60))
def test_no_address_of_a_device_leads_elsewhere(text: str) -> None:
    path = meaning.path_of(text)
    assert path == "" or (path.startswith("/") and " " not in path and path.isprintable())
