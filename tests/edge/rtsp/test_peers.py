"""RTSP against a server that is not ours: GStreamer's, with H.264 and H.265, over TCP and UDP, and with Digest."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from edge.allowed import Allowed, AllowedFile
from edge.probing import Around, make_probe
from edge.secrets import Secrets
from tests.servers.programs import need_server

pytestmark = [pytest.mark.system, pytest.mark.slow]

SCRIPT = Path(__file__).parents[2] / "servers" / "gst_rtsp.py"
HOST = "127.3.9.1"


@pytest.fixture
async def ports() -> AsyncIterator[tuple[int, int]]:
    for program in ("gst-rtsp-server", "gst-x264enc", "gst-x265enc"):
        need_server(program)
    process = await asyncio.create_subprocess_exec(
        "/usr/bin/python3", str(SCRIPT), HOST, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    async with asyncio.timeout(20):
        free, locked = (int(port) for port in (await process.stdout.readline()).split())
    yield free, locked
    process.kill()
    await process.wait()


async def test_both_codecs_and_transports_and_digest(ports: tuple[int, int], tmp_path: Path) -> None:
    free, locked = ports
    around = Around(
        allowed=Allowed(AllowedFile(loopback=True)),
        secrets=Secrets(None, {"hall": "hall 2026"}),
        state_directory=tmp_path,
    )
    asked = [
        (free, "/h264", {"transport": "tcp"}),
        (free, "/h264", {"transport": "udp"}),
        (free, "/h265", {"transport": "tcp"}),
        (free, "/h265", {"transport": "udp"}),
        (locked, "/h264", {"user": "admin", "password": "secret:hall"}),
    ]
    answers = await asyncio.gather(
        *(
            make_probe("rtsp", f"rtsp://{HOST}:{port}{path}", {"picture_every_s": 60.0, **settings}, around).ask(20)
            for port, path, settings in asked
        )
    )
    for answer in answers:
        assert (answer.reachable, answer.reason) == (True, ""), asked[answers.index(answer)]
        assert answer.fields["picture"] == "ok"
        assert answer.fields["fps_expected"] == 10.0
        assert 3 < answer.fields["fps"] < 15  # it encodes while we look, on a machine that may be busy
        assert 20 < answer.fields["bitrate_kbps"] < 2000
    refused = await make_probe("rtsp", f"rtsp://{HOST}:{locked}/h264", {}, around).ask(5)
    assert (refused.reachable, "401" in str(refused.reason)) == (True, True)
    around.close()
    await asyncio.sleep(0)
