"""RTSP, light: OPTIONS and DESCRIBE against small cameras, and against the simulator's troubles."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from edge.allowed import Allowed, AllowedFile
from edge.probing import Answer, Around, ProbeConfigError, make_probe
from edge.secrets import Secrets
from shouwang.reasons import Reason
from simulators.devices import rtsp
from simulators.devices.rtsp import Trouble
from tests.edge.devices import SDP, Camera, serve_bytes
from tests.edge.rtsp.films import short_film

AROUND = Around(allowed=Allowed(AllowedFile(loopback=True)), secrets=Secrets(None, {"hall": "hall 2026"}))


async def ask(target: str, timeout_s: float = 5.0, **settings: Any) -> Answer:
    return await make_probe("rtsp", target, {"picture_every_s": 0, **settings}, AROUND).ask(timeout_s)


@pytest.mark.parametrize(
    ("schemes", "used"),
    [
        ((), []),
        (("basic",), ["", "Basic"]),
        (("MD5",), ["", "MD5"]),
        (("SHA-256",), ["", "SHA-256"]),
        (("basic", "MD5", "SHA-256"), ["", "SHA-256"]),
    ],
)
@pytest.mark.parametrize("qop", [True, False])
async def test_it_describes_with_whatever_the_camera_wants(
    schemes: tuple[str, ...], used: list[str], qop: bool
) -> None:
    async with Camera(schemes, qop=qop) as camera:
        answer = await ask(camera.url, user="admin", password="secret:hall")
        assert (answer.reachable, answer.reason) == (True, "")
        assert answer.fields == {"fps_expected": 12.5}
        assert camera.used == used
        assert camera.asked[:2] == ["OPTIONS", "DESCRIBE"]


async def test_it_that_refuses_the_password_is_alive() -> None:
    async with Camera(("SHA-256",)) as camera:
        answer = await ask(camera.url, user="admin", password="wrong")
        assert answer.reachable
        assert answer.reason == "it refuses user 'admin': 401 Unauthorized"
        assert "an unnamed user" in str((await ask(camera.url)).reason)


async def test_it_without_its_stream_is_not_reachable() -> None:
    async with Camera(status="404 Stream Not Found") as camera:
        assert (await ask(camera.url)).reason == "DESCRIBE: 404 Stream Not Found"
    async with Camera(description=SDP.replace("video", "audio")) as camera:
        assert (await ask(camera.url)).reason == "its description names no video"
    async with Camera(hang=True) as camera:
        answer = await ask(camera.url, 0.3)
        assert (answer.reachable, answer.reason) == (False, "no answer within 0.3 s")
    server, port = await serve_bytes(lambda _head: b"HTTP/1.1 400 Bad\r\n\r\n")
    assert str((await ask(f"rtsp://127.0.0.1:{port}/")).reason).startswith("no RTSP")
    server.close()


@pytest.mark.parametrize(
    ("trouble", "reason"),
    [
        (Trouble.RESET, Reason("reset")),
        (Trouble.SILENT, "no answer within 0.5 s"),
        (Trouble.HALF, "no answer within 0.5 s"),
        (Trouble.DRIP, "no answer within 0.5 s"),
        (Trouble.GARBAGE, "no RTSP: it answered 'HTTP/1.1 200 OK'"),
        (Trouble.NO_STREAM, "DESCRIBE: 404 Stream Not Found"),
        (Trouble.REDIRECT, Reason("sent_elsewhere", {"where": "rtsp://127.0.0.99:1/elsewhere"})),
    ],
)
async def test_each_trouble_is_told(trouble: Trouble, reason: Reason | str, films: Path) -> None:
    camera = rtsp.Camera(short_film(films), host="127.3.1.1", trouble=trouble)
    await camera.start()
    answer = await ask(camera.url, 0.5)
    assert (answer.reachable, answer.reason) == (False, reason)
    await camera.stop()


async def test_a_changed_password_is_told_and_never_named(films: Path) -> None:
    camera = rtsp.Camera(short_film(films), host="127.3.1.2", user="admin", password="hall 2026")
    await camera.start()
    assert (await ask(camera.url, user="admin", password="secret:hall")).reason == ""
    camera.after(0, lambda changed: setattr(changed, "password", "spring"))
    await asyncio.sleep(0)
    answer = await ask(camera.url, user="admin", password="secret:hall")
    assert answer.reachable
    assert answer.reason == "it refuses user 'admin': 401 Unauthorized"
    await camera.stop()


def test_an_instant_that_is_none_is_refused() -> None:
    with pytest.raises(ProbeConfigError, match="blur_excused_until 'March': expected an instant as"):
        make_probe("rtsp", "rtsp://192.168.1.2/", {"blur_excused_until": "March"}, AROUND)
