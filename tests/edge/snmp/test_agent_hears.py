"""The agent's own process hears an ATM's trap, sent by NET-SNMP's snmptrap: its event is at the collector at once."""

import asyncio
import os
import signal
import time
from pathlib import Path

import pytest

from simulators.devices.snmp import SnmpDevice, atm_values, user
from tests.edge.listening import Listener
from tests.edge.test_agent import AgentProcess, config, device
from tests.servers import Mosquitto, free_port, need_server
from tests.waiting import until

ATM = "1.3.6.1.4.1.8072.9999.9999"


@pytest.mark.system
async def test_an_atm_that_is_tampered_with_is_told_within_a_second(mosquitto: Mosquitto, tmp_path: Path) -> None:
    need_server("snmptrap")
    port = free_port()
    state = tmp_path / "state"
    state.mkdir()
    (state / "listen.toml").write_text(f'[snmp]\nbind = "127.0.0.1"\nport = {port}\n')
    (state / "secrets.toml").write_text('auth = "auth pass 1"\npriv = "priv pass 1"\n')
    (state / "secrets.toml").chmod(0o600)
    keys = {"tech": user("tech", "sha256", "auth pass 1", "priv pass 1")}
    atm = await SnmpDevice.start(values=atm_values(), users=keys)
    said = device("atm-01", "snmp", f"127.0.0.1:{atm.port}", 60, kind="atm")
    said["settings"] = {
        "mapping": ["atm-sample"],
        "version": "3",
        "user": "tech",
        "auth": "sha256",
        "priv": "aes128",
    } | {
        "auth_password": "secret:auth",
        "priv_password": "secret:priv",
    }
    trap = ["-M", "", "-m", "", "-v3", "-u", "tech", "-l", "authPriv", "-a", "SHA-256", "-A", "auth pass 1"]
    trap += ["-x", "AES", "-X", "priv pass 1", "-e", "0x8000000001020304", f"udp:127.0.0.1:{port}", ""]
    agent = AgentProcess(mosquitto.url, state)
    async with Listener(mosquitto.url, "centre-1") as listener:
        await listener.configure(config(said))
        await agent.start()
        try:
            await until(lambda: "atm-01" in listener.readings(), "its first reading", limit_s=20)
            await until(lambda: "listening driver=snmp" in agent.said(), "the agent's ear")
            readings = listener.readings().count("atm-01")
            began = time.monotonic()
            process = await asyncio.create_subprocess_exec(
                "snmptrap", *trap, f"{ATM}.0.1", env=os.environ | {"SNMP_PERSISTENT_DIR": str(tmp_path)}
            )
            assert await process.wait() == 0
            await until(lambda: listener.events, "the event", limit_s=5)
            assert time.monotonic() - began < 1
            assert (listener.events[0].device, listener.events[0].event) == ("atm-01", "tamper")
            await until(lambda: listener.readings().count("atm-01") > readings, "the reading that follows", limit_s=5)
            assert "pass 1" not in agent.said()
        finally:
            await agent.end(signal.SIGKILL)
            atm.stop()
