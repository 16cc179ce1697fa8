"""When nothing can be written down, people are still told, and agents keep what is theirs."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers import Mosquitto, skip_or_fail
from tests.timeline.agent import Agent, terminal
from tests.timeline.house import CENTRE, House
from tests.timeline.receiver import Receiver

pytestmark = pytest.mark.system


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 24 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "none", folder], capture_output=True)
    if mounted.returncode:
        skip_or_fail(f"cannot mount a small file system: {mounted.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


async def test_disk_of_journal_and_ledger_full(
    small_disk: Path, mosquitto: Mosquitto, receiver: Receiver
) -> None:  # fault 28
    house = House(small_disk, mosquitto.url, receiver.url)
    house.fleet()
    house.collector.log = small_disk.parent / "collector.log"
    house.collector.start()
    agent = await Agent(house.broker, CENTRE).start()
    await agent.report(terminal("call-01"), terminal("call-02"))
    await agent.until_acked()
    free = shutil.disk_usage(small_disk).free
    ballast = small_disk / "ballast"
    ballast.write_bytes(b"x" * free)
    await agent.event("help_call", "call-01")
    await house.until(lambda: "opened help_call" in receiver.types, why="told by another route")
    await house.until(lambda: "opened cannot_record" in receiver.types, within_s=20, why="told by another route")
    seq = agent.seq
    assert not any(low <= seq <= high for low, high in agent.acks[agent.boot]), "nothing is acknowledged"
    ballast.unlink()
    await agent.event("help_call", "call-01", seq=seq, id="6f1c1c1e-0000-4000-8000-000000000009")
    await agent.until_acked(seq, within_s=20)
    await house.until(lambda: house.incidents(cause="help_call"), within_s=20)
    await house.until(lambda: [i for i in house.incidents(cause="cannot_record") if i.closed_at], within_s=20)
    opened = [(id_, body["incident"]["id"]) for id_, body in receiver.received if body["type"] == "incident.opened"]
    assert len(opened) > len(set(opened)), "what was told directly is told again from the ledger …"
    assert len({id_ for id_, _ in opened}) == len({incident for _, incident in opened}), "… under the same identity"
    await agent.stop()
    house.close()
