"""Sources against programs that are not ours: OpenSSH's server, and Mosquitto as a vendor's broker."""

import asyncio
import os
import signal
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from edge.feed.meaning import Aside
from edge.feed.options import FeedOptions
from edge.feed.running import Feed
from edge.feed.sources import NotToldError
from edge.rows import Reading
from shouwang import clock
from shouwang.clock import SystemClock
from shouwang.mqtt import MqttClient, MqttOptions
from tests.edge.feed.samples import mapping, terminal
from tests.edge.feed.test_sources import Kept, made
from tests.servers import Mosquitto, ServerProcess, need_server
from tests.waiting import until

pytestmark = pytest.mark.system


class SftpServer(ServerProcess):
    """sshd that lets one key in, for SFTP alone."""

    def command(self) -> Sequence[str | Path]:
        home = self.directory
        for name in ("host_key", "bank.key"):
            if not (home / name).exists():
                subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", home / name], check=True)
        public = (home / "host_key.pub").read_text().split()[:2]
        (home / "known_hosts").write_text(f"[127.0.0.1]:{self.port} {' '.join(public)}\n")
        Path("/run/sshd").mkdir(exist_ok=True)
        lines = ["ListenAddress 127.0.0.1", f"Port {self.port}", f"HostKey {home / 'host_key'}", "PidFile none"]
        lines += [f"AuthorizedKeysFile {home / 'bank.key.pub'}", "StrictModes no", "UsePAM no"]
        lines += ["PasswordAuthentication no", "PermitRootLogin prohibit-password"]
        lines += ["Subsystem sftp internal-sftp", "ForceCommand internal-sftp"]
        (home / "sshd_config").write_text("\n".join(lines) + "\n")
        return [need_server("sshd"), "-D", "-e", "-f", home / "sshd_config"]


@pytest.fixture
def bank(tmp_path: Path) -> Iterator[SftpServer]:
    (tmp_path / "bank").mkdir()
    server = SftpServer(tmp_path / "bank")
    server.start()
    yield server
    server.stop()


def fetching(bank: SftpServer, tmp_path: Path, **more: Any) -> dict[str, Any]:
    keys = {"key_file": str(bank.directory / "bank.key"), "known_hosts": str(bank.directory / "known_hosts")}
    where = {"host": "127.0.0.1", "port": bank.port, "user": os.environ.get("USER") or "root"}
    return {"type": "sftp", "folder": str(tmp_path / "out"), "every_s": 1.0} | keys | where | more


async def test_files_of_a_bank_by_sftp(bank: SftpServer, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "atm-1.csv").write_text("终端号,状态\nA1,正常\n", "gb18030")
    (out / "notes.txt").write_text("not ours")
    said = fetching(bank, tmp_path, pattern="atm-*.csv", encoding="gb18030")
    source = made(mapping(source=said, entries="", ok=None), "bank-atms", tmp_path)
    source.find = list
    kept = Kept()
    task = asyncio.create_task(source.run(kept.take))
    await until(lambda: len(kept.entries) == 1)
    assert kept.entries == [{"终端号": "A1", "状态": "正常"}]
    (out / "atm-2.csv").write_text("终端号,状态\nA2,离线\n", "gb18030")
    await until(lambda: len(kept.entries) > 1)
    assert kept.entries[1:] == [{"终端号": "A2", "状态": "离线"}], "and the first is not taken again"
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_server_that_is_another_or_refuses_our_key(bank: SftpServer, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    unknown = fetching(bank, tmp_path, known_hosts=str(tmp_path / "nobody"))
    with pytest.raises(NotToldError, match="Host key verification failed"):
        await made(mapping(source=unknown), "bank-atms", tmp_path).once()
    other = fetching(bank, tmp_path, key_file=str(bank.directory / "host_key"))
    with pytest.raises(NotToldError, match="Permission denied"):
        await made(mapping(source=other), "bank-atms", tmp_path).once()


async def test_what_a_bank_sends_is_bounded(bank: SftpServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out, fetched = tmp_path / "out", tmp_path / "fetched"
    out.mkdir()
    monkeypatch.setattr("edge.feed.sources.listing.FILES_MAX", 20)
    for number in range(25):
        (out / f"设备 {number}.csv").write_text("no\nA1\n", "utf-8")
        os.utime(out / f"设备 {number}.csv", (1_700_000_000 + number,) * 2)
    with (out / "huge.csv").open("wb") as huge:
        huge.truncate(33 << 20)
    asides: list[Aside] = []
    source = made(mapping(source=fetching(bank, tmp_path), entries="", ok=None), "bank-atms", tmp_path, asides)
    source.find = list
    assert await source.once() == [{"no": "A1"}]
    here = {path.name for path in fetched.iterdir()}
    assert here == {f"设备 {number}.csv" for number in range(5, 25)}, "the newest"
    assert sorted(aside.reason for aside in asides) == ["too_large", "too_many"]
    for number in range(10, 25):
        (out / f"设备 {number}.csv").unlink()
    assert await source.once() == [{"no": "A1"}]
    assert len(list(fetched.iterdir())) == 10, "what the server has no more is not kept"
    # A server that sends more than it has listed.
    (out / "new.csv").write_bytes(b"no\n" + b"A1\n" * 50_000)
    with monkeypatch.context() as patch:
        patch.setattr("edge.feed.sources.sftp.FILE_MAX", 1_000)
        patch.setattr("edge.feed.sources.sftp._SPARE", 0)
        with pytest.raises(NotToldError, match="which it had listed as less"):
            await source.once()
    assert (fetched / "new.csv").stat().st_size <= 1_000
    with monkeypatch.context() as patch:
        patch.setattr("edge.feed.sources.sftp.TOTAL_MAX", 10)
        with pytest.raises(NotToldError, match="more than it had listed"):
            await source.once()
    assert len(await source.once()) == 50_000, "half a file is fetched again, whole"


async def test_a_bank_that_does_not_end_is_bounded_in_time(bank: SftpServer, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out/a.csv").write_text("no\nA1\n")
    said = fetching(bank, tmp_path, timeout_s=1.0)
    os.kill(bank.pid, signal.SIGSTOP)  # it takes connections, and says nothing
    try:
        with pytest.raises(NotToldError, match="did not end within 1 s"):
            await made(mapping(source=said), "bank-atms", tmp_path).once()
    finally:
        os.kill(bank.pid, signal.SIGCONT)


async def test_a_vendors_broker_waits_until_what_it_said_is_kept(mosquitto: Mosquitto, tmp_path: Path) -> None:
    said = mapping(source={"type": "mqtt", "url": mosquitto.url, "topics": ["vendor/+/up"]}, entries="", ok=None)
    asides: list[Aside] = []
    source = made(said, "nbiot", tmp_path, asides)
    source.find = lambda content: [content] if isinstance(content, dict) else _refuse()
    kept, well = Kept(), asyncio.Event()
    source.well = well.set
    task = asyncio.create_task(source.run(kept.take))
    await asyncio.wait_for(well.wait(), 5)
    vendor = MqttClient(MqttOptions(mosquitto.url, client_id="vendor"))
    vendor.start()
    await until(lambda: vendor.connected)
    entry = terminal("860000000000011", clock.wall_ms())
    await vendor.publish("vendor/1/up", b"{")
    await vendor.publish("vendor/1/up", b"[1]")
    await vendor.publish("vendor/1/up", msgspec.json.encode(entry))
    await until(lambda: kept.entries)
    assert kept.entries == [entry]
    assert [aside.reason for aside in asides] == ["malformed", "no_entries"]
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await vendor.publish("vendor/2/up", msgspec.json.encode(entry | {"imei": "2"}))
    again = made(said, "nbiot", tmp_path)
    again.find = lambda content: [content]
    task = asyncio.create_task(again.run(kept.take))
    await until(lambda: len(kept.entries) == 2)
    assert kept.entries[1]["imei"] == "2", "what came while we were away has waited at their broker"
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await vendor.close()


async def test_what_was_not_kept_is_given_out_again_by_a_vendors_broker(mosquitto: Mosquitto, tmp_path: Path) -> None:
    said = mapping(source={"type": "mqtt", "url": mosquitto.url, "topics": ["vendor/+/up"]}, entries="", ok=None)
    taking: list[list[Any]] = []

    async def never(entries: list[Any]) -> None:
        taking.append(entries)
        await asyncio.Event().wait()  # a disk that hangs

    vendor = MqttClient(MqttOptions(mosquitto.url, client_id="vendor"))
    vendor.start()
    source, well = made(said, "nbiot", tmp_path), asyncio.Event()
    source.find, source.well = lambda content: [content], well.set
    task = asyncio.create_task(source.run(never))
    await asyncio.wait_for(well.wait(), 5)
    await until(lambda: vendor.connected)
    for number in range(3):
        await vendor.publish("vendor/1/up", b'{"imei": "%d"}' % number)
    await until(lambda: taking)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    kept, again = Kept(), made(said, "nbiot", tmp_path)
    again.find = lambda content: [content]
    task = asyncio.create_task(again.run(kept.take))
    await until(lambda: len(kept.entries) == 3)
    assert [each["imei"] for each in kept.entries] == ["0", "1", "2"]
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await vendor.close()


@pytest.mark.parametrize(("kind", "taken_s"), [("payment_kiosk", -7_200.0), ("call_terminal", 0.0)])
async def test_a_state_is_as_old_as_the_platform_has_heard_of_it(
    mosquitto: Mosquitto, tmp_path: Path, kind: str, taken_s: float
) -> None:
    """A kind that has no field for it, too: else a platform that repeats "online" keeps a dead device alive."""
    (tmp_path / "devices.csv").write_text("centre,device,serial\n150525100201,kiosk-01,S1\n", "utf-8")
    (tmp_path / "kiosks.toml").write_text(
        f"""kind = "{kind}"
last_heard = {{ path = "at", format = "ms" }}
[source]
type = "folder"
folder = "{tmp_path}"
[device]
path = "no"
list = "devices.csv"
[fields]
reachable = {{ path = "online" }}
""",
        "utf-8",
    )
    feed = Feed(
        FeedOptions(broker=mosquitto.url, centre="kiosks", region="150525", mapping=str(tmp_path / "kiosks.toml"),
                    state=str(tmp_path / "state"))
    )  # fmt: skip
    kept: list[Reading] = []

    async def report(readings: Sequence[Reading]) -> list[Any]:
        kept.extend(readings)
        return []

    feed._uplink.report = report  # type: ignore[method-assign]
    now = SystemClock().now()
    await feed._take([{"no": "S1", "online": True, "at": now.wall_ms - 7_200_000}])
    [reading] = kept
    assert reading.taken_mono_s - now.mono_s == pytest.approx(taken_s, abs=5)
    feed._outbox.close()


def _refuse() -> list[Any]:
    raise NotToldError("no_entries", "no list")
