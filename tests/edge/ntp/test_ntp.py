"""The clock's error, against chrony and against time servers that misbehave."""

import asyncio
import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.allowed import Allowed, AllowedFile
from edge.probes.ntp.packet import NotNtpError, offset_ms, read, request
from edge.probing import Answer, Around, ProbeConfigError, make_probe
from shouwang.clock import Now, SystemClock
from simulators.devices.ntp import TimeServer
from tests.servers import ServerProcess, need_server

WIRE = Path(__file__).parent / "wire"


class Shifted:
    """The machine's clock, ahead by so much."""

    def __init__(self, ahead_ms: int) -> None:
        self._ahead_ms = ahead_ms

    def now(self) -> Now:
        now = SystemClock().now()
        return Now(now.mono_s, now.wall_ms + self._ahead_ms)


def around(ahead_ms: int = 0) -> Around:
    return Around(allowed=Allowed(AllowedFile(loopback=True)), clock=Shifted(ahead_ms))


async def ask(port: int, ahead_ms: int = 0, timeout_s: float = 5.0, **settings: Any) -> Answer:
    return await make_probe("ntp", f"127.0.0.1:{port}", settings, around(ahead_ms)).ask(timeout_s)


class Chronyd(ServerProcess):
    """Serves this machine's own time, without ever setting it (-x)."""

    def command(self) -> Sequence[str | Path]:
        config = self.directory / "chrony.conf"
        config.write_text(
            f"port {self.port}\nbindaddress {self.host}\nallow 127.0.0.0/8\nlocal stratum 5\ncmdport 0\n"
            f"bindcmdaddress /\npidfile {self.directory}/chronyd.pid\ndriftfile {self.directory}/drift\n"
        )
        return [need_server("chronyd"), "-d", "-x", "-u", "root", "-f", config]

    def ready(self) -> bool:
        return "Initial frequency" in self.log.read_text() or "chronyd version" in self.log.read_text()


@pytest.fixture
def chronyd(tmp_path: Path) -> Iterator[Chronyd]:
    need_server("chronyd")
    server = Chronyd(tmp_path)
    server.start()
    yield server
    server.stop()


@pytest.mark.system
@pytest.mark.parametrize("ahead_ms", [0, 3_700, -86_400_000])
async def test_chrony_agrees_about_the_clock(chronyd: Chronyd, ahead_ms: int) -> None:
    answer = Answer(False)
    async with asyncio.timeout(20):
        while "clock_offset_ms" not in answer.fields:  # it has just begun, and may not serve yet
            answer = await ask(chronyd.port, ahead_ms, 1.0)
    assert abs(answer.fields["clock_offset_ms"] - ahead_ms) < 100
    assert answer.fields["clock_stratum"] == 5
    assert answer.latency_ms is not None


@pytest.mark.parametrize("ahead_ms", [2_500, -2_500])
async def test_a_clock_that_is_ahead_counts_above_zero(ahead_ms: int) -> None:
    server = await TimeServer.start(ahead_ms=-ahead_ms, delay_s=0.05)
    answer = await ask(server.port)
    assert abs(answer.fields["clock_offset_ms"] - ahead_ms) < 60
    assert answer.reason == ""
    server.stop()


async def test_a_server_that_asks_to_be_left_alone_is_left_alone() -> None:
    server = await TimeServer.start(kiss="RATE")
    here = around()
    first = await make_probe("ntp", f"127.0.0.1:{server.port}", {}, here).ask(2.0)
    second = await make_probe("ntp", f"127.0.0.1:{server.port}", {}, here).ask(2.0)
    assert str(first.reason) == str(second.reason) == "it asks to be left alone (RATE)"
    assert (first.reachable, second.reachable, server.asked) == (True, True, 1)
    assert "clock_offset_ms" not in first.fields | second.fields
    server.stop()


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"leap": 3}, "does not know the time itself"),
        ({"stratum": 16}, "does not know the time itself"),
        ({"root_dispersion_s": 9.0}, "itself uncertain by 90"),
    ],
)
async def test_a_server_that_does_not_know_says_nothing_of_our_clock(how: dict[str, Any], said: str) -> None:
    server = await TimeServer.start(**how)
    answer = await ask(server.port)
    assert answer.reachable
    assert said in str(answer.reason)
    assert "clock_offset_ms" not in answer.fields
    server.stop()


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"silent": True}, "no answer within 0.2 s: is UDP port"),
        ({"half": True}, "an answer of 20 bytes"),
        ({"forged": True}, "an answer to somebody else's question"),
        ({"noise": True}, "an answer"),
    ],
)
async def test_what_is_no_answer_is_none(how: dict[str, Any], said: str) -> None:
    server = await TimeServer.start(**how)
    answer = await ask(server.port, timeout_s=0.2)
    assert not answer.reachable
    assert said in str(answer.reason)
    server.stop()


async def test_nobody_there() -> None:
    server = await TimeServer.start()
    server.stop()
    await asyncio.sleep(0)  # the loop closes it in its next turn
    assert str((await ask(server.port, timeout_s=1.0)).reason) == "connection refused"


async def test_a_setting_out_of_bounds_is_said() -> None:
    with pytest.raises(ProbeConfigError, match="between 1 and 60000"):
        make_probe("ntp", "127.0.0.1", {"believe_up_to_ms": 0}, around())


async def test_fifty_at_once() -> None:
    servers = [await TimeServer.start(f"127.0.1.{n}", ahead_ms=-100 * n) for n in range(1, 51)]
    answers = await asyncio.gather(
        *(
            make_probe("ntp", f"127.0.1.{n}:{server.port}", {}, around()).ask(5.0)
            for n, server in enumerate(servers, start=1)
        )
    )
    for n, answer in enumerate(answers, start=1):
        assert abs(answer.fields["clock_offset_ms"] - 100 * n) < 80
    for server in servers:
        server.stop()


def test_a_recorded_answer() -> None:
    packet = bytes.fromhex((WIRE / "chrony-4.3-answer.hex").read_text())
    told = read(packet, packet[24:32])
    assert (told.stratum, told.synchronised, told.kiss) == (5, True, "")
    assert told.received_s <= told.transmitted_s <= told.received_s + 0.01
    # Asked and answered within 1 ms around the server's time, by a clock that shows the same.
    assert abs(offset_ms(told, 7.0, 7.001, told.transmitted_s * 1000)) < 1.5


@given(st.binary(max_size=80), st.binary(min_size=8, max_size=8))
def test_any_bytes_are_an_answer_or_none(packet: bytes, token: bytes) -> None:
    assert len(request(token)) == 48
    with contextlib.suppress(NotNtpError):
        told = read(packet, token)
        assert 0 <= told.stratum <= 255
        assert packet[24:32] == token
    if len(packet) >= 48:
        told = read(b"\x24" + packet[1:24] + token + packet[32:], token)
        assert told.kiss.isalnum() or told.stratum
