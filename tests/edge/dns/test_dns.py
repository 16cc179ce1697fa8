"""Names: against unbound, and against name servers that misbehave."""

import asyncio
import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.allowed import Allowed, AllowedFile
from edge.probes.dns.message import KINDS, NotDnsError, Told, encode_name, question, read
from edge.probing import Answer, Around, ProbeConfigError, make_probe
from simulators.devices.dns import NameServer
from tests.servers import ServerProcess, need_server

AROUND = Around(allowed=Allowed(AllowedFile(loopback=True)))
WIRE = Path(__file__).parent / "wire"
NAMES = {"box.banner.example": ["10.8.0.7", "10.8.0.8", "fd00::7"], "www.banner.example": ["box.banner.example"]}


async def ask(port: int, timeout_s: float = 3.0, **settings: Any) -> Answer:
    said = {"name": "box.banner.example"} | settings
    return await make_probe("dns", f"127.0.0.1:{port}", said, AROUND).ask(timeout_s)


class Unbound(ServerProcess):
    """A name server with a zone of its own, and no way out."""

    def command(self) -> Sequence[str | Path]:
        many = "".join(f'local-data: "many.banner.example. A 10.8.{n // 250}.{n % 250 + 1}"\n' for n in range(400))
        config = self.directory / "unbound.conf"
        config.write_text(
            f'server:\ninterface: {self.host}@{self.port}\nusername: ""\nchroot: ""\ndirectory: "{self.directory}"\n'
            f'pidfile: "{self.directory}/pid"\nuse-syslog: no\nlogfile: ""\ndo-daemonize: no\n'
            'module-config: "iterator"\n'
            'local-zone: "banner.example." static\nlocal-data: "box.banner.example. A 10.8.0.7"\n'
            'local-data: "box.banner.example. AAAA fd00::7"\nlocal-zone: "refused.example." refuse\n'
            f"{many}remote-control:\ncontrol-enable: no\n"
        )
        return [need_server("unbound"), "-d", "-c", config]


@pytest.fixture(scope="module")
def unbound(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    need_server("unbound")
    server = Unbound(tmp_path_factory.mktemp("unbound"))
    yield server.start().port
    server.stop()


@pytest.mark.system
@pytest.mark.parametrize(
    ("settings", "ok", "said"),
    [
        ({}, True, ""),
        ({"name": "BOX.Banner.example."}, True, ""),
        ({"kind": "AAAA", "addresses": ["fd00:0:0::7"]}, True, ""),
        ({"addresses": ["10.8.0.9"]}, False, "box.banner.example is 10.8.0.7, and should be 10.8.0.9"),
        ({"name": "none.banner.example"}, False, "the name server answers NXDOMAIN"),
        ({"name": "x.refused.example"}, False, "the name server answers REFUSED"),
        ({"name": "many.banner.example", "addresses": ["10.8.1.150"]}, True, ""),  # too long for UDP
        ({"name": "many.banner.example", "kind": "AAAA"}, False, "many.banner.example has no AAAA record"),
    ],
)
async def test_unbound_answers(unbound: int, settings: dict[str, Any], ok: bool, said: str) -> None:
    answer = await ask(unbound, **settings)
    assert (answer.reachable, answer.fields) == (True, {"dns_ok": ok})
    assert said in str(answer.reason)
    assert answer.latency_ms is not None


@pytest.mark.parametrize(
    ("how", "settings"),
    [
        ({"lose": 1}, {}),
        ({"forged": True}, {}),
        ({"truncate": True}, {"addresses": ["10.8.0.8"]}),
        ({}, {"name": "www.banner.example", "addresses": ["10.8.0.8"]}),
    ],
)
async def test_it_is_asked_until_it_is_known(how: dict[str, Any], settings: dict[str, Any]) -> None:
    server = await NameServer(NAMES, **how).start()
    answer = await ask(server.port, 0.6, **settings)
    assert (answer.fields, answer.reason) == ({"dns_ok": True}, "")
    server.stop()


@pytest.mark.parametrize(
    ("how", "reachable", "said"),
    [
        ({"code": 2}, True, "the name server answers SERVFAIL"),
        ({"code": 9}, True, "the name server answers code 9"),
        ({"silent": True}, False, "no answer within 0.2 s: is UDP port"),
        ({"half": True}, False, "its answer cannot be read"),
        ({"noise": True}, False, "its answer cannot be read"),
        ({"circles": True}, False, "a name that goes round in circles"),
    ],
)
async def test_what_goes_wrong_is_said_within_its_time(how: dict[str, Any], reachable: bool, said: str) -> None:
    server = await NameServer(NAMES, **how).start()
    answer = await ask(server.port, 0.2)
    assert answer.reachable is reachable
    assert said in str(answer.reason)
    server.stop()


async def test_nobody_there() -> None:
    server = await NameServer().start()
    server.stop()
    await asyncio.sleep(0)  # the loop closes it in its next turn
    assert str((await ask(server.port)).reason) == "connection refused"


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"name": ""}, "'' is no name"),
        ({"name": "a..b"}, "is no name"),
        ({"name": "a b"}, "is no name"),
        ({"name": "x" * 64}, "is no name"),
        ({"name": ".".join(["x" * 60] * 5)}, "too long"),
        ({"kind": "MX"}, "Invalid enum value 'MX'"),
        ({"addresses": ["box"]}, "'box' does not appear to be"),
    ],
)
def test_settings_that_cannot_be(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ProbeConfigError, match=said):
        make_probe("dns", "192.168.1.1", {"name": "x"} | settings, AROUND)


async def test_a_hundred_at_once() -> None:
    servers = [await NameServer({"x.example": [f"10.0.0.{n}"]}).start(f"127.0.6.{n}") for n in range(1, 101)]
    probes = [
        make_probe("dns", f"127.0.6.{n}:{server.port}", {"name": "x.example", "addresses": [f"10.0.0.{n}"]}, AROUND)
        for n, server in enumerate(servers, 1)
    ]
    assert all(answer.fields["dns_ok"] for answer in await asyncio.gather(*(probe.ask(5.0) for probe in probes)))
    for server in servers:
        server.stop()


def test_a_recorded_answer() -> None:
    data = bytes.fromhex((WIRE / "unbound-1.17-answer.hex").read_text())
    asked = question(0x5357, encode_name("box.banner.example"), KINDS["A"])
    assert read(data, asked) == Told("", False, ("10.8.0.7",))
    with pytest.raises(NotDnsError, match="another question"):
        read(data, question(0x5358, encode_name("box.banner.example"), KINDS["A"]))
    with pytest.raises(NotDnsError, match="another question"):
        read(data, question(0x5357, encode_name("bank.banner.example"), KINDS["A"]))


def test_a_name_in_chinese_is_asked_for_in_its_ascii_form() -> None:
    assert encode_name("奈曼.中国") == encode_name("xn--ntsu23a.xn--fiqs8s")


@given(st.binary(max_size=200), st.integers(0, 120), st.binary(max_size=6))
def test_any_bytes_are_an_answer_or_none(data: bytes, at: int, junk: bytes) -> None:
    asked = question(0x5357, encode_name("box.banner.example"), KINDS["A"])
    true = bytes.fromhex((WIRE / "unbound-1.17-answer.hex").read_text())
    for each in (data, asked[:12] + data, true[:at] + junk + true[at + len(junk) :], true[: at % len(true)]):
        with contextlib.suppress(NotDnsError):
            assert isinstance(read(each, asked), Told)
