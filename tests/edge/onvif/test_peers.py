"""ONVIF against programs of other hands: onveef finds in our simulated recorder what it looks for in a real one; our
driver finds in ipycam's camera what it looks for, and so does `shouwang discover`."""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path

import pytest
from onveef import OnvifClient, OnvifError

from edge.allowed import Allowed, AllowedFile
from edge.probing import Answer, Around, make_probe
from edge.secrets import Secrets
from shouwang.reasons import Reason
from simulators.devices.onvif import Device
from tests.servers.network import own_network
from tests.servers.programs import need_server

pytestmark = pytest.mark.slow

IPYCAM = Path(__file__).parents[2] / "servers" / "ipycam_camera.py"
CAMERA, PORT = "192.168.79.14", 8080


@pytest.fixture
async def camera(tmp_path: Path) -> AsyncIterator[None]:
    """ipycam's camera in a network of its own, at `CAMERA`."""
    python = need_server("peers")
    with own_network() as network:
        network.plug(CAMERA)
        process = await asyncio.create_subprocess_exec(
            str(python), str(IPYCAM), CAMERA, str(PORT),
            cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            async with asyncio.timeout(20):
                while (line := await process.stdout.readline()) != b"ready\n":
                    assert line, "ipycam ended"
            yield
        finally:
            process.kill()
            await process.wait()


@pytest.mark.system
@pytest.mark.usefixtures("camera")
async def test_our_driver_reads_a_camera_that_is_not_ours() -> None:
    around = Around(
        allowed=Allowed(AllowedFile(networks=[f"{CAMERA}/32"])), secrets=Secrets(None, {"hall": "hall 2026"})
    )

    async def ask(**settings: str) -> Answer:
        return await make_probe("onvif", f"{CAMERA}:{PORT}", {"slow_every_s": 0, **settings}, around).ask(10)

    answer = await ask(user="admin", password="secret:hall")
    refused = await ask(user="admin", password="guessed")
    around.close()
    assert (answer.reachable, answer.reason) == (True, "")
    # It tells its clock to users alone, and knows no GetVideoSources: then nothing is said of channels.
    assert abs(answer.fields.pop("clock_offset_ms")) < 2000
    assert answer.fields.pop("firmware").startswith("1.")
    assert answer.fields == {"model": "PythonCam VirtualCam-1", "stream_path": "/hall_main"}
    assert refused.reachable
    assert isinstance(refused.reason, Reason)
    assert refused.reason.code == "login_refused"


@pytest.mark.system
@pytest.mark.usefixtures("camera")
async def test_a_camera_that_is_not_ours_is_discovered() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "shouwang", "discover", "--network", f"{CAMERA}/32", "--json",
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    found = {each["address"]: each for each in json.loads(out)["found"]}
    print(found)
    assert found[CAMERA]["driver"] == "onvif"


async def test_a_client_that_is_not_ours_reads_our_recorder() -> None:
    device = Device(host="127.3.3.9", password="hall 2026", channels=8, oldest_days=31.5)
    device.stream = f"rtsp://{device.host}:8554/live/1"
    await device.start()

    def ask() -> None:
        client = OnvifClient(device.host, device.port, "admin", "hall 2026", retries=0)
        assert client.get_device_information()["Model"] == "NVR-8"
        assert len(client.get_video_sources()) == 8
        token = client.get_profiles()[0]["token"]
        assert client.get_stream_uri(profile_token=token) == device.stream
        summary = client.get_recording_summary()
        assert summary["NumberRecordings"] == "8"
        assert datetime.fromisoformat(summary["DataFrom"]) < datetime.fromisoformat(summary["DataUntil"])
        assert len(client.get_storage_configurations()) == 1

    await asyncio.to_thread(ask)
    assert {"GetServices", "GetDeviceInformation", "GetStreamUri", "GetRecordingSummary"} <= set(device.asked)

    def ask_as_nobody() -> None:
        with pytest.raises(OnvifError, match="not authorized"):
            OnvifClient(device.host, device.port, "admin", "wrong", retries=0).get_device_information()

    await asyncio.to_thread(ask_as_nobody)
    await device.stop()
