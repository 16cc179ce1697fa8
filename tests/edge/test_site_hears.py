"""The agent's own process says with its site that a port is taken, and that it is had again."""

import socket

import pytest

from tests.edge.listening import Listener
from tests.edge.test_agent import AgentProcess, agent, config, device, site
from tests.servers import Mosquitto
from tests.waiting import until

pytestmark = pytest.mark.system
__all__ = ["agent"]


async def test_a_port_that_another_program_has(mosquitto: Mosquitto, agent: AgentProcess) -> None:
    agent.state.mkdir()
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        (agent.state / "listen.toml").write_text(f'[scaip]\nbind = "127.0.0.1"\nport = {port}\n')
        async with Listener(mosquitto.url, "centre-1") as listener:
            call = device("call-07", "scaip", "26317", 60, kind="call_terminal")
            await listener.configure(config(call, site(0.5)))
            await agent.start()

            def told() -> object:
                return listener.latest.get("site", {}).get("listeners_out")

            await until(lambda: told() == 1, "the site says so", limit_s=20)
            assert listener.latest["site"]["listeners_out_names"] == f"scaip: port {port}: Address already in use"
            other.close()
            await until(lambda: told() == 0, "it listens after all", limit_s=20)
            assert "listeners_out_names" not in listener.latest["site"]
