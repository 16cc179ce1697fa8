"""Traps and informs: sent by NET-SNMP's snmptrap and by simulated devices, believed only where they are a device's."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Awaitable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.allowed import Allowed, AllowedFile
from edge.hearing import Heard, Listened
from edge.probes.snmp import SnmpListener, SnmpOptions, SnmpSettings
from edge.probes.snmp.listener import load_engine
from edge.probes.snmp.notices import Engine, Notices, Sender, Taken
from edge.probes.snmp.talking import user_keys
from edge.probing import Around
from simulators.devices.snmp import SnmpDevice, atm_values, ups_values, user
from tests.servers import need_server
from tests.waiting import until

ON_BATTERY = "1.3.6.1.2.1.33.2.1"
SOURCE, MINUTES = "1.3.6.1.2.1.33.1.4.1.0", "1.3.6.1.2.1.33.1.2.3.0"
ATM = "1.3.6.1.4.1.8072.9999.9999"
V2C = SnmpSettings(mapping=["ups-mib"])
V3 = SnmpSettings(
    mapping=["ups-mib"],
    version="3",
    user="tech",
    auth="sha256",
    auth_password="auth pass 1",
    priv="aes128",
    priv_password="priv pass 1",
)
TECH = user("tech", "sha256", "auth pass 1", "priv pass 1")


class Hearing:
    """A listener, and what it said. `kept`: what tells whether an event is on the disk."""

    def __init__(self, state: Path) -> None:
        self.said: list[Heard] = []
        self.kept: list[asyncio.Future[bool]] = []
        around = Around(allowed=Allowed(AllowedFile(loopback=True)), state_directory=state)
        self.listener = SnmpListener(SnmpOptions(bind="127.0.0.1", port=0), around, self._hear)

    def _hear(self, heard: Heard) -> Awaitable[bool] | None:
        self.said.append(heard)
        if not heard.event:
            return None
        self.kept.append(asyncio.get_running_loop().create_future())
        return self.kept[-1]

    async def watch(self, *devices: tuple[str, str, SnmpSettings]) -> None:
        self.listener.watch([Listened(name, "site", target, chosen, 30.0) for name, target, chosen in devices])
        await until(lambda: len(self.listener._notices._at) > 0, "addresses and keys")

    @property
    def here(self) -> tuple[str, int]:
        return ("127.0.0.1", self.listener.port)


@pytest.fixture
async def hearing(tmp_path: Path) -> AsyncIterator[Hearing]:
    made = Hearing(tmp_path)
    await made.listener.start()
    yield made
    await made.listener.stop()


async def snmptrap(port: int, tmp_path: Path, *how: str, expect: int = 0) -> None:
    told = [MINUTES, "i", "12", SOURCE, "i", "5"]
    trap = ["1.3.6.1.2.1.33.2", "127.0.0.1", "6", "1", "0"] if "-v1" in how else ["", ON_BATTERY]
    process = await asyncio.create_subprocess_exec(
        need_server("snmptrap"),
        *("-M", "", "-m", "", "-t", "1", "-r", "0", *how, f"udp:127.0.0.1:{port}", *trap, *told),
        env=os.environ | {"SNMP_PERSISTENT_DIR": str(tmp_path)},
        stderr=asyncio.subprocess.PIPE,
    )
    _, errors = await process.communicate()
    assert process.returncode == expect, errors.decode()


AUTH_PRIV = "-v3 -u tech -l authPriv -a SHA-256 -A|auth pass 1|-x AES -X|priv pass 1|"


def arguments(text: str) -> list[str]:
    """Passwords stand between bars."""
    parts = text.split("|")
    return [word for n, part in enumerate(parts) for word in ([part] if n % 2 else part.split())]


@pytest.mark.system
@pytest.mark.parametrize(
    ("chosen", "how"),
    [
        (V2C, "-v2c -c public"),
        (V2C, "-v1 -c public"),
        (V2C, "-v2c -Ci -c public"),
        (V3, f"{AUTH_PRIV} -e 0x8000000001020304"),
        (V3, f"{AUTH_PRIV} -Ci"),
        (SnmpSettings(mapping=["ups-mib"], version="3", user="nobody"), "-v3 -u nobody -l noAuthNoPriv -Ci"),
        (
            SnmpSettings(mapping=["ups-mib"], version="3", user="tech", auth="sha1", auth_password="auth pass 1"),
            "-v3 -u tech -l authNoPriv -a SHA -A|auth pass 1|-Ci",
        ),
    ],
    ids=["2c", "1", "2c inform", "3 trap", "3 inform", "3 inform, noAuth", "3 inform, sha1"],
)
async def test_snmptrap_is_heard_and_its_informs_are_answered(
    hearing: Hearing, tmp_path: Path, chosen: SnmpSettings, how: str
) -> None:
    await hearing.watch(("site-1", "127.0.0.1:9", chosen))  # nobody answers there: the trap's own words are taken
    await snmptrap(hearing.listener.port, tmp_path, *arguments(how))
    await until(lambda: hearing.said, "the notification")
    assert hearing.said[0].device == "site-1"
    assert hearing.said[0].fields == {"mains_power": False, "ups_runtime_s": 720}
    assert len(hearing.said) == 1


@pytest.mark.system
@pytest.mark.parametrize(
    "how",
    [
        "-v2c -c wrong",
        "-v2c -c public",
        "-v3 -u tech -l noAuthNoPriv",
        "-v3 -u stranger -l noAuthNoPriv",
        AUTH_PRIV.replace("auth pass 1", "auth pass 2"),
        AUTH_PRIV.replace("priv pass 1", "priv pass 2"),
    ],
)
async def test_a_stranger_is_not_believed_and_is_named_in_the_log(
    hearing: Hearing, tmp_path: Path, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    await hearing.watch(("site-1", "127.0.0.1:9", V3))
    await snmptrap(hearing.listener.port, tmp_path, *arguments(how), "-Ci", expect=1)
    assert hearing.said == []
    assert "not believed" in caplog.text
    assert "pass" not in caplog.text.replace("auth_password", "").replace("priv_password", "")


async def test_a_notification_has_the_device_asked_at_once(hearing: Hearing) -> None:
    ups = await SnmpDevice.start("127.0.1.1", values=ups_values(percent=88, source=5), users={"tech": TECH})
    await hearing.watch(("ups", f"127.0.1.1:{ups.port}", V3))
    ups.trap(hearing.here, ON_BATTERY, {MINUTES: 12}, user="tech")
    await until(lambda: hearing.said, "what it is")
    assert hearing.said[0].fields["mains_power"] is False
    assert hearing.said[0].fields["ups_battery_percent"] == 88  # of the answer
    assert hearing.said[0].fields["reachable"] is True
    ups.stop()


async def test_a_device_taken_off_the_list_is_not_believed_any_more(hearing: Hearing) -> None:
    ups = await SnmpDevice.start("127.0.1.1", silent=True)
    other = await SnmpDevice.start("127.0.1.2", silent=True)
    await hearing.watch(("ups", "127.0.1.1:9", V2C), ("other", "127.0.1.2:9", V2C))
    await until(lambda: len(hearing.listener._notices._at) == 2, "both")
    await hearing.watch(("other", "127.0.1.2:9", V2C))
    ups.trap(hearing.here, ON_BATTERY, {MINUTES: 12})
    other.trap(hearing.here, ON_BATTERY, {MINUTES: 13})
    await until(lambda: hearing.said, "the other's notification")
    assert [heard.device for heard in hearing.said] == ["other"]
    for each in (ups, other):
        each.stop()


async def test_an_event_goes_out_before_the_device_is_asked(hearing: Hearing) -> None:
    atm = await SnmpDevice.start("127.0.1.3", values=atm_values(), delay_s=0.1)
    chosen = SnmpSettings(mapping=["atm-sample"])
    await hearing.watch(("atm-1", f"127.0.1.3:{atm.port}", chosen))
    atm.trap(hearing.here, f"{ATM}.0.1", {f"{ATM}.1.4.0": 5})
    await until(lambda: len(hearing.said) == 2, "event and reading")
    assert (hearing.said[0].event, hearing.said[0].fields) == ("tamper", {})
    assert hearing.said[1].fields["safe_door"] == "locked"  # it is asked, and knows better by now
    atm.stop()


async def test_an_inform_that_is_sent_again_is_taken_once(hearing: Hearing) -> None:
    ups = await SnmpDevice.start("127.0.1.1", silent=True)
    await hearing.watch(("ups", "127.0.1.1:9", V2C))
    for _ in range(3):
        ups.trap(hearing.here, ON_BATTERY, {MINUTES: 12}, inform=77)
    await until(lambda: ups.asked == 3, "three answers")
    await until(lambda: hearing.said, "the notification")
    assert len(hearing.said) == 1
    ups.stop()


async def test_an_inform_is_answered_when_its_event_is_on_the_disk(hearing: Hearing) -> None:
    atm, ups = [await SnmpDevice.start(f"127.0.1.{last}", silent=True) for last in (3, 1)]
    await hearing.watch(("atm-1", "127.0.1.3:9", SnmpSettings(mapping=["atm-sample"])), ("ups", "127.0.1.1:9", V2C))
    await until(lambda: len(hearing.listener._notices._at) == 2, "both")

    def tell() -> None:
        atm.trap(hearing.here, f"{ATM}.0.1", {f"{ATM}.1.4.0": 5}, inform=77)

    tell()
    await until(lambda: len(hearing.kept) == 1, "the event")
    tell()  # it has heard nothing, and tells it again
    ups.trap(hearing.here, ON_BATTERY, {MINUTES: 12}, inform=78)  # which is no event
    await until(lambda: ups.asked == 1, "the answer to the one that need not be kept")
    assert atm.asked == 0
    hearing.kept[0].set_result(False)  # the disk takes nothing
    await until(lambda: not hearing.listener._keeping, "that this is seen")
    tell()
    await until(lambda: len(hearing.kept) == 2, "told again, it is no repeat")
    assert atm.asked == 0, "nobody was told that it was taken"
    hearing.kept[1].set_result(True)
    await until(lambda: atm.asked == 1, "the answer")
    tell()
    await until(lambda: atm.asked == 2, "the answer to the repeat")
    assert [heard.event for heard in hearing.said if heard.event] == ["tamper", "tamper"]
    assert hearing.said[0].repeat is not None
    assert {heard.repeat for heard in hearing.said if heard.event} == {hearing.said[0].repeat}
    for each in (atm, ups):
        each.stop()


@pytest.mark.parametrize("apart_s", [0.0, 1.5])
async def test_a_trap_that_comes_twice_is_one(apart_s: float) -> None:
    notices = Notices(Engine(b"ours-engine", 1, 0.0))
    notices.expect([sender(V2C)])
    assert judged(TRAP, 0.0, notices).notice is not None
    assert judged(TRAP, apart_s, notices).notice is None
    assert judged(TRAP_V1, apart_s, notices).notice is None, "the same, in another version"
    other = TRAP.replace(bytes.fromhex("02010c"), bytes.fromhex("02010d"))  # 13 minutes
    assert other != TRAP
    assert judged(other, apart_s, notices).notice is not None
    assert judged(TRAP, 11.0, notices).notice is not None, "later it is another one"


def sender(chosen: SnmpSettings, device: str = "ups") -> tuple[str, Sender]:
    return "10.0.0.7", Sender(device, chosen, user_keys(chosen) if chosen.version == "3" else None)


def judged(data: bytes, at_s: float, notices: Notices) -> Taken:
    return notices.take(data, "10.0.0.7", at_s)


async def recorded(boots: int, **how: Any) -> bytes:
    """What a device sends, as bytes."""
    heard: list[bytes] = []

    class Ear(asyncio.DatagramProtocol):
        def datagram_received(self, data: bytes, addr: Any) -> None:
            heard.append(data)

    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(Ear, local_addr=("127.0.0.1", 0))
    device = await SnmpDevice.start(users={"tech": TECH}, engine=b"\x80\x00\x00\x00\x05abcdefgh", boots=boots, **how)
    device.trap(transport.get_extra_info("sockname"), ON_BATTERY, {MINUTES: 12}, user="tech")
    await until(lambda: heard, "its trap")
    device.stop()
    transport.close()
    return heard[0]


async def test_what_was_heard_before_is_not_believed_again() -> None:
    notices = Notices(Engine(b"ours-engine", 1, 0.0))
    notices.expect([sender(V3)])
    first, second = await recorded(1), await recorded(2)
    assert judged(first, 0.0, notices).notice is not None
    assert judged(first, 9.0, notices).notice is None  # a repeat
    assert judged(first, 100.0, notices).notice is not None  # within the window of RFC 3414
    assert "replayed" in judged(first, 400.0, notices).wrong
    assert judged(second, 400.0, notices).notice is not None
    assert "replayed" in judged(first, 401.0, notices).wrong  # of a boot that is over


async def test_a_device_that_never_stops_is_heard_20_times_a_second() -> None:
    notices = Notices(Engine(b"ours-engine", 1, 0.0))
    notices.expect([sender(V3)])
    trap = await recorded(1)
    assert sum(not judged(trap, 1.0, notices).wrong for _ in range(1_000)) == 50
    assert "too much" in judged(trap, 1.0, notices).wrong
    assert not judged(trap, 2.0, notices).wrong


TRAP = bytes.fromhex((Path(__file__).parent / "wire/snmptrap-5.9.3-v2c.hex").read_text())
TRAP_V1 = bytes.fromhex((Path(__file__).parent / "wire/snmptrap-5.9.3-v1.hex").read_text())
TRAP_V3 = bytes.fromhex((Path(__file__).parent / "wire/snmptrap-5.9.3-v3-authpriv.hex").read_text())


def test_recorded_traps() -> None:
    for data, chosen in ((TRAP, V2C), (TRAP_V3, V3)):
        notices = Notices(Engine(b"ours-engine", 1, 0.0))
        notices.expect([sender(chosen)])
        notice = judged(data, 0.0, notices).notice
        assert notice is not None
        assert notice.trap == ON_BATTERY
        assert (notice.told[MINUTES], notice.told[SOURCE]) == (12, 5)


@settings(max_examples=300, deadline=None)
@given(
    st.one_of(
        st.binary(max_size=400),
        st.builds(
            lambda base, at, junk: base[: at % len(base)] + junk + base[at % len(base) + len(junk) :],
            st.sampled_from([TRAP, TRAP_V3]),
            st.integers(0, 1_000),
            st.binary(max_size=12),
        ),
    )
)
def test_any_bytes_are_taken_or_named(data: bytes) -> None:
    notices = Notices(Engine(b"ours-engine", 1, 0.0))
    notices.expect([sender(V2C), sender(V3, "ups-3")])
    taken = judged(data, 0.0, notices)
    assert taken.notice is not None or taken.wrong or taken.reply or taken.sender
    assert len(taken.reply) <= len(data) + 200  # it is no amplifier


def test_an_engine_counts_its_starts(tmp_path: Path) -> None:
    first, second = load_engine(tmp_path, 0.0), load_engine(tmp_path, 0.0)
    assert first.id == second.id
    assert (first.boots, second.boots) == (1, 2)
    (tmp_path / "snmp/engine.json").write_text('{"engine": "zz"')
    assert load_engine(tmp_path, 0.0).id != first.id
    with contextlib.suppress(OSError):
        (tmp_path / "file").write_text("")
    assert load_engine(tmp_path / "file", 0.0).boots == 1  # a disk that takes nothing
