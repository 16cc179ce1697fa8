"""RTSP, full: pictures of simulated cameras, decoded and judged in the child."""

import asyncio
import os
import signal
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from edge.allowed import Allowed, AllowedFile
from edge.probes.rtsp.picture import Pictures
from edge.probing import Answer, Around, ProbeConfigError, make_probe
from edge.secrets import Secrets
from shouwang.reasons import Reason
from simulators.devices.rtsp import Camera, Trouble
from tests.edge.devices import certificate
from tests.edge.rtsp.films import short_film
from tests.waiting import until

pytestmark = pytest.mark.slow


@pytest.fixture
async def around(tmp_path: Path) -> AsyncIterator[Around]:
    allowed = Allowed(AllowedFile(loopback=True))
    made = Around(allowed=allowed, secrets=Secrets(None, {"hall": "p@ss/w:1"}), state_directory=tmp_path)
    yield made
    pid = Pictures.of(made).asker.pid
    made.close()
    if pid is not None:
        await until(lambda: not Path(f"/proc/{pid}").exists() or _is_over(pid), "the child has ended")


def _is_over(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"


async def ask(around: Around, camera: Camera, timeout_s: float = 12.0, **settings: Any) -> Answer:
    settings = {"picture_every_s": 0.1, **settings}
    Pictures.of(around).patient = True
    return await make_probe("rtsp", camera.url, settings, around).ask(timeout_s)


async def test_a_good_picture_by_either_codec_and_transport(around: Around, films: Path) -> None:
    ways = [(codec, transport) for codec in ("h264", "h265") for transport in ("tcp", "udp")]
    cameras = [
        Camera(short_film(films, codec=codec), host=f"127.3.2.{number + 1}", user="admin", password="p@ss/w:1")
        for number, (codec, _) in enumerate(ways)
    ]
    for camera in cameras:
        await camera.start()
    answers = await asyncio.gather(
        *(
            ask(around, camera, user="admin", password="secret:hall", transport=transport)
            for camera, (_, transport) in zip(cameras, ways, strict=True)
        )
    )
    for answer in answers:
        assert (answer.reachable, answer.reason) == (True, "")
        assert answer.fields["picture"] == "ok"
        assert answer.fields["fps_expected"] == 5.0
        assert 4.5 < answer.fields["fps"] < 5.5
        assert 90 < answer.fields["fps_percent"] < 110
        assert 20 < answer.fields["bitrate_kbps"] < 400
    for camera in cameras:
        await camera.stop()


async def test_a_stream_that_goes_black_stalls_and_is_there_again(
    around: Around, films: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.probes.rtsp.picture.BUDGET_S", 3.2)
    camera = Camera(short_film(films), host="127.3.2.10")
    await camera.start()
    assert (await ask(around, camera)).fields["picture"] == "ok"
    camera.stream = short_film(films, fault="black")
    assert (await ask(around, camera)).fields["picture"] == "ok"  # one black look says nothing yet
    assert (await ask(around, camera)).fields["picture"] == "black"
    camera.stream, camera.trouble = short_film(films), Trouble.STALLED
    stalled = await ask(around, camera)
    assert (stalled.fields["fps"], stalled.reason) == (0.0, Reason("no_frames"))
    camera.trouble = Trouble.NONE
    assert (await ask(around, camera)).fields["picture"] == "ok"
    await camera.stop()


async def test_half_the_frames_is_half_the_rate(around: Around, films: Path) -> None:
    camera = Camera(short_film(films), host="127.3.2.11", trouble=Trouble.HALF_RATE)
    await camera.start()
    answer = await ask(around, camera)
    assert 40 < answer.fields["fps_percent"] < 60
    await camera.stop()


async def test_a_child_that_is_killed_or_hangs_is_started_anew_and_harms_nobody(
    around: Around, films: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.picture.asking._PAUSE_S", 0.1)
    monkeypatch.setattr("edge.picture.asking._GRACE_S", 0.5)
    monkeypatch.setattr("edge.probes.rtsp.picture.BUDGET_S", 3.0)
    camera = Camera(short_film(films), host="127.3.2.12")
    await camera.start()
    assert (await ask(around, camera)).fields["picture"] == "ok"
    asker = Pictures.of(around).asker
    first = asker.pid
    assert first is not None

    asking = asyncio.create_task(ask(around, camera))
    await until(lambda: camera.playing == 1, "it looks")
    os.kill(first, signal.SIGKILL)
    answer = await asking
    assert (answer.reachable, answer.reason) == (True, "the picture check ended and is started anew")
    assert "picture" not in answer.fields

    await until(lambda: asker.pid is None, "its end is noticed")
    await asyncio.sleep(0.2)  # the pause before it is tried again
    assert (await ask(around, camera)).fields["picture"] == "ok"
    assert asker.starts == 2
    second = asker.pid
    assert second not in (None, first)
    assert second is not None
    os.kill(second, signal.SIGSTOP)
    hung = await ask(around, camera)
    assert (hung.reachable, hung.reason) == (True, "the picture check hung and was started anew")
    await until(lambda: _is_over(second) if Path(f"/proc/{second}").exists() else True, "what hung is killed")
    await camera.stop()


async def test_an_agent_without_the_libraries_says_so(
    around: Around, films: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.picture.asking.NEEDED", ("av", "none_such"))
    camera = Camera(short_film(films), host="127.3.2.13")
    await camera.start()
    answer = await ask(around, camera)
    assert answer.reachable
    assert answer.reason == "pictures are not checked: none_such not installed (requirements/pictures.txt)"
    await camera.stop()


async def test_mangled_frames_harm_nobody(around: Around, films: Path) -> None:
    mangled = Camera(short_film(films), host="127.3.2.14", trouble=Trouble.MANGLED)
    broken = Camera(short_film(films), host="127.3.2.15", trouble=Trouble.BREAKS_OFF)
    good = Camera(short_film(films), host="127.3.2.16")
    for camera in (mangled, broken, good):
        await camera.start()
    answers = await asyncio.gather(*(ask(around, camera) for camera in (mangled, broken, good)))
    assert all(answer.reachable for answer in answers)
    assert answers[1].fields["fps"] == 0.0
    assert answers[2].fields["picture"] == "ok"
    assert Pictures.of(around).asker.starts == 1
    for camera in (mangled, broken, good):
        await camera.stop()


async def test_a_first_look_is_waited_for_and_later_ones_are_not(around: Around, films: Path) -> None:
    camera = Camera(short_film(films), host="127.3.2.17")
    await camera.start()
    probe = make_probe("rtsp", camera.url, {"picture_every_s": 0.1}, around)
    assert (await probe.ask(12)).fields["picture"] == "ok"
    camera.stream = short_film(films, fault="black")
    async with asyncio.timeout(1):
        for _ in range(3):
            assert (await probe.ask(12)).fields["picture"] == "ok"
    await camera.stop()


async def test_a_camera_that_sends_the_player_elsewhere_is_not_followed(around: Around, films: Path) -> None:
    """It describes its stream to the agent, and sends elsewhere whoever would play it."""
    elsewhere = Camera(short_film(films), host="127.3.3.99")
    await elsewhere.start()
    camera = Camera(short_film(films), host="127.3.2.17", trouble=Trouble.REDIRECT_PLAYER, elsewhere=elsewhere.url)
    await camera.start()
    answer = await ask(around, camera)
    assert answer.reachable
    assert answer.fields["fps"] == 0.0
    assert str(answer.reason) == (
        f"it describes its stream and gives none: it sends elsewhere, to {elsewhere.url}: that is not followed"
    )
    assert elsewhere.asked == []
    for each in (camera, elsewhere):
        await each.stop()


async def test_a_stream_in_tls(around: Around, films: Path, tmp_path: Path) -> None:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(*certificate(tmp_path))
    camera = Camera(short_film(films), host="127.3.2.18", user="admin", password="p@ss/w:1", tls=tls)
    await camera.start()
    untrusted = await ask(around, camera, user="admin", password="secret:hall")
    assert (untrusted.reachable, camera.asked, untrusted.fields["certificate_trusted"]) == (True, [], False)
    assert "self-signed certificate" in str(untrusted.reason)
    answer = await ask(around, camera, user="admin", password="secret:hall", trust=False)
    assert (answer.reachable, answer.reason) == (True, "")
    assert answer.fields["picture"] == "ok"
    with pytest.raises(ProbeConfigError, match="rtsps takes tcp alone"):
        make_probe("rtsp", camera.url, {"transport": "udp"}, around)
    await camera.stop()
