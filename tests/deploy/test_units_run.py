"""The units of the centre of it, really run as they stand: each says that it is ready and lives, hears an agent, is
stopped in its time; a backup is made and brought back."""

import asyncio
import contextlib
import os
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from shouwang import cli
from tests.deploy.box import may_box
from tests.deploy.composed import ROOT
from tests.deploy.unit import UID, Unit
from tests.servers.network import own_network
from tests.servers.programs import need_server, skip_or_fail
from tests.timeline.agent import Agent, terminal

pytestmark = [pytest.mark.system, pytest.mark.timeout(150)]

UNITS = ROOT / "deploy" / "systemd"
CENTRE = "150525100201"
FLEET = f"region,centre,device,kind,target\n150525,{CENTRE},call-01,call_terminal,192.168.1.80\n"
READY_WITHIN_S = 60.0
HEARD_WITHIN_S = 40.0


@pytest.fixture
def unit(capsys: pytest.CaptureFixture[str]) -> Iterator[Callable[[str], Unit]]:
    """Gives a unit by its name. What it shares with the others: settings in /etc/shouwang, and /var/lib."""
    need_server("mosquitto")
    if not may_box():
        skip_or_fail("mount namespaces need root")
    with own_network(), tempfile.TemporaryDirectory(prefix="shouwang-units-") as folder:
        room = Path(folder)
        room.chmod(0o755)
        settings = room / "etc"
        assert cli.main(["init", str(settings)]) == 0
        capsys.readouterr()
        settings.chmod(0o755)
        (settings / "fleet.csv").write_text(FLEET)
        made: dict[str, Unit] = {}

        def make(name: str) -> Unit:
            return made.setdefault(name, Unit(UNITS / f"{name}.service", room, settings))

        yield make
        for each in reversed(list(made.values())):
            if each.process is not None and each.process.poll() is None:
                each.stop()


async def heard(password: str | None = None) -> None:
    """An agent reports until it is acknowledged, as agents do; then the API is ready."""
    agent = await Agent("mqtt://127.0.0.1:18830", CENTRE, password=password).start()
    async with asyncio.timeout(HEARD_WITHIN_S):
        while not agent.acks.get(agent.boot):
            await agent.report(terminal("call-01"), seq=1)
            with contextlib.suppress(TimeoutError):
                await agent.until_acked(1, within_s=1)
    await agent.stop()
    async with httpx.AsyncClient() as client:
        assert (await client.get("http://127.0.0.1:8420/readyz", timeout=10)).status_code == 200


def test_everything_in_one_unit(unit: Callable[[str], Unit]) -> None:
    whole, backup = unit("shouwang"), unit("shouwang-backup")
    whole.start()
    whole.until_says("READY=1", READY_WITHIN_S)
    asyncio.run(heard())
    whole.until_says("WATCHDOG=1", float(whole.said("WatchdogSec")) / 2)
    assert backup.run() == 0, backup.log
    (made,) = backup.state("shouwang-backup").iterdir()
    assert whole.stop() == 0, whole.log
    state = whole.state("shouwang")
    assert state.stat().st_uid == UID
    before = rows(state / "ledger.db")
    assert ("call-01",) in before
    (state / "ledger.db").write_bytes(b"broken")
    assert cli.main(["restore", str(made), "--state", str(state)]) == 0
    assert rows(state / "ledger.db") == before


def test_each_part_in_a_unit_of_its_own(unit: Callable[[str], Unit], capsys: pytest.CaptureFixture[str]) -> None:
    """Agents come in from outside, so the broker asks for passwords."""
    parts = [unit(f"shouwang-{name}") for name in ("broker", "collector", "api")]
    state, settings = parts[0].state("shouwang"), parts[0].settings
    assert cli.main(["fleet", "import", str(settings / "fleet.csv"), "--state", str(state)]) == 0
    capsys.readouterr()
    assert cli.main(["token", "create", "--centre", CENTRE, "--state", str(state)]) == 0
    password = capsys.readouterr().out.split()[0]
    own(state)
    file = settings / "shouwang.toml"
    file.write_text(file.read_text("utf-8").replace("[broker]\n", '[broker]\nhost = "0.0.0.0"\n'), "utf-8")
    for part in parts:
        part.start()
    for part in parts:
        part.until_says("READY=1", READY_WITHIN_S)
    with pytest.raises(TimeoutError):
        asyncio.run(Agent("mqtt://127.0.0.1:18830", CENTRE).start())
    asyncio.run(heard(password))
    for part in parts:
        part.until_says("WATCHDOG=1", float(part.said("WatchdogSec")) / 2)
    for part in reversed(parts):
        assert part.stop() == 0, part.log
        assert part.said("Conflicts") == "shouwang.service"


def own(state: Path) -> None:
    """What root made there is the unit's."""
    for path in [state, *state.rglob("*")]:
        path.chmod(0o700 if path.is_dir() else 0o600)
        os.chown(path, UID, UID)


def rows(ledger: Path) -> list[tuple[str]]:
    with sqlite3.connect(ledger) as db:
        return db.execute("select device from devices order by device").fetchall()
