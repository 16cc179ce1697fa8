"""ONVIF against a client that is not ours: onveef finds in our simulated recorder what it looks for in a real one."""

import asyncio
from datetime import datetime

import pytest
from onveef import OnvifClient, OnvifError

from simulators.devices.onvif import Device

pytestmark = pytest.mark.slow


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
