"""Asking by SNMP: against NET-SNMP's snmpd, and against devices that misbehave."""

import asyncio
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from edge.allowed import Allowed, AllowedFile
from edge.probes.snmp.describing import describe
from edge.probing import Answer, Around, ProbeConfigError, make_probe
from edge.secrets import Secrets
from simulators.devices.snmp import SnmpDevice, atm_values, router_values, ups_values, user
from tests.servers import ServerProcess, need_server

AROUND = Around(
    allowed=Allowed(AllowedFile(loopback=True)),
    secrets=Secrets(None, {"auth": "auth pass 1", "priv": "priv pass 1", "read": "r3ad"}),
)
SHA1 = {"version": "3", "user": "tech", "auth": "sha1", "auth_password": "secret:auth"}
SHA256 = SHA1 | {"user": "tech2", "auth": "sha256"}
PRIV = {"priv": "aes128", "priv_password": "secret:priv"}


async def ask(target: str, timeout_s: float = 3.0, **settings: Any) -> Answer:
    return await make_probe("snmp", target, settings, AROUND).ask(timeout_s)


class Snmpd(ServerProcess):
    """NET-SNMP's agent with this machine's real values, a few of a UPS, and users of each kind."""

    def command(self) -> Sequence[str | Path]:
        config = self.directory / "snmpd.conf"
        ups = "1.3.6.1.2.1.33.1"
        config.write_text(
            'rocommunity r3ad 127.0.0.1\ncreateUser nobody\ncreateUser tech SHA "auth pass 1" AES "priv pass 1"\n'
            'createUser tech2 SHA-256 "auth pass 1" AES "priv pass 1"\n'
            "rouser nobody noauth\nrouser tech auth\nrouser tech2 auth\n"
            f"override {ups}.2.4.0 integer 41\noverride {ups}.4.1.0 integer 5\noverride {ups}.2.3.0 integer 7\n"
        )
        listen = f"udp:{self.host}:{self.port}"
        os.environ["SNMP_PERSISTENT_DIR"] = str(self.directory)
        return [need_server("snmpd"), "-f", "-Le", "-C", "-c", config, "-I", "-smux", "-p", "snmpd.pid", listen]

    def ready(self) -> bool:
        return "NET-SNMP version" in self.log.read_text(errors="replace")


@pytest.fixture(scope="module")
def snmpd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    need_server("snmpd")
    before = os.environ.get("SNMP_PERSISTENT_DIR")
    server = Snmpd(tmp_path_factory.mktemp("snmpd")).start()
    yield f"{server.host}:{server.port}"
    server.stop()
    if before is None:
        os.environ.pop("SNMP_PERSISTENT_DIR", None)


@pytest.mark.system
@pytest.mark.parametrize(
    "who",
    [
        {"community": "secret:read"},
        {"community": "secret:read", "version": "1"},
        {"version": "3", "user": "nobody"},
        SHA1,
        SHA256,
        SHA1 | PRIV,
        SHA256 | PRIV,
    ],
    ids=["2c", "1", "noAuth", "sha1", "sha256", "sha1+aes128", "sha256+aes128"],
)
async def test_snmpd_tells_each_of_us_the_same(snmpd: str, who: dict[str, Any]) -> None:
    mappings = ["router", "if-mib", "host-resources", "ups-mib"]
    probe = make_probe("snmp", snmpd, who | {"mapping": mappings, "values": {"interface": "lo"}}, AROUND)
    first, second = await probe.ask(5.0), await probe.ask(5.0)
    assert (first.reachable, first.reason) == (True, "")
    assert second.latency_ms is not None
    told = second.fields
    assert (told["mains_power"], told["ups_battery_percent"], told["ups_runtime_s"]) == (False, 41, 420)
    assert told["router_link"] is True
    assert told["router_uptime_s"] >= 0
    assert 0 <= told["disk_free_percent"] <= 100
    assert abs(told["uptime_s"] - AROUND.clock.now().mono_s) < 600
    assert "uplink_in_kbps" not in first.fields  # the growth of a counter is known from the second time on
    if who.get("version") == "1":
        assert "uplink_in_kbps" not in told  # SNMPv1 has no counter of 64 bits
    else:
        assert told["uplink_in_kbps"] >= 0


@pytest.mark.system
@pytest.mark.parametrize(
    ("who", "reachable", "said"),
    [
        ({"community": "wrong"}, False, "a wrong community is answered by silence"),
        (SHA1 | {"user": "stranger"}, True, "refuses the user or password"),
        (SHA1 | {"auth_password": "wrong pass 1"}, True, "refuses the user or password"),
        (SHA1 | PRIV | {"priv_password": "wrong pass 1"}, True, "is priv_password right?"),
        ({"community": "secret:read", "mapping": ["atm-sample"]}, True, "has nothing that atm-sample names"),
    ],
)
async def test_snmpd_refuses_and_why_is_said(snmpd: str, who: dict[str, Any], reachable: bool, said: str) -> None:
    answer = await ask(snmpd, 1.0, **who)
    assert answer.reachable is reachable
    assert said in str(answer.reason)
    assert "pass 1" not in repr(answer)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"mapping": ["none"]}, "mapping 'none': neither in snmp/ of .* nor one of ours .atm-sample, .*ups-mib"),
        ({"mapping": []}, "between 1 and 8"),
        ({"version": "4"}, "Invalid enum value '4'"),
        ({"user": "x"}, 'are of version "3"'),
        ({"community": ""}, "community: it is empty"),
        ({"version": "3"}, "needs one"),
        ({"version": "3", "user": "x", "auth": "md5"}, "Invalid enum value 'md5'"),
        ({"version": "3", "user": "x", "priv": "aes128"}, "nothing is encrypted without auth"),
        ({"version": "3", "user": "x", "auth": "sha1", "auth_password": "short"}, "auth_password: at least 8"),
        ({"values": {"interface": "x"}}, "knows no interface"),
    ],
)
def test_settings_that_cannot_be(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ProbeConfigError, match=said):
        make_probe("snmp", "192.168.1.1", settings, AROUND)


async def test_an_atm_by_the_sample_mapping() -> None:
    device = await SnmpDevice.start(values=atm_values(paper=2))
    answer = await ask(f"127.0.0.1:{device.port}", mapping=["atm-sample"])
    assert answer.fields == {
        "device_status": "online",
        "dispenser": "ok",
        "receipt_paper": "low",
        "safe_door": "locked",
        "operator_switch": "run",
        "host_link": True,
        "cash_units": [
            {"unit": "cassette 1", "replenishment": "ok", "status": "ok"},
            {"unit": "cassette 2", "replenishment": "low", "status": "ok"},
        ],
    }
    device.stop()


async def test_a_device_put_in_another_s_place_is_found_again() -> None:
    """It has another engine, so that the keys made for the old one are wrong."""
    tech = {"tech": user("tech", "sha256", "auth pass 1", "priv pass 1")}
    device = await SnmpDevice.start(values=router_values(), users=tech)
    probe = make_probe("snmp", f"127.0.0.1:{device.port}", SHA256 | PRIV | {"user": "tech"}, AROUND)
    assert (await probe.ask(3.0)).fields == {"router_uptime_s": 86_400.0}
    device.engine, device.boots = os.urandom(12), 1
    assert (await probe.ask(3.0)).fields == {"router_uptime_s": 86_400.0}
    device.stop()


@pytest.mark.parametrize("how", [{"lose": 1}, {"at_most": 2}, {"at_most": 1}, {"forged": True}])
async def test_a_device_with_whims_is_asked_all_the_same(how: dict[str, Any]) -> None:
    device = await SnmpDevice.start(values=ups_values(), **how)
    answer = await ask(f"127.0.0.1:{device.port}", 0.8, mapping=["ups-mib"])
    assert answer.fields["ups_battery_percent"] == 100
    device.stop()


async def test_a_table_that_goes_round_in_circles_has_an_end() -> None:
    device = await SnmpDevice.start(values=ups_values(), circles=True)
    answer = await ask(f"127.0.0.1:{device.port}", 2.0, mapping=["ups-mib"])
    assert answer.fields["ups_battery_percent"] == 100
    assert device.asked < 10
    device.stop()


@pytest.mark.parametrize("how", [{"silent": True}, {"noise": True}, {"half": True}, {"failing": True}, {"delay_s": 9}])
async def test_what_is_no_answer_is_none_within_its_time(how: dict[str, Any]) -> None:
    device = await SnmpDevice.start(values=ups_values(), **how)
    began = asyncio.get_running_loop().time()
    answer = await ask(f"127.0.0.1:{device.port}", 0.2, mapping=["router"])
    assert asyncio.get_running_loop().time() - began < 1.0
    assert not answer.reachable
    assert answer.reason
    device.stop()


@pytest.mark.slow
async def test_any_bytes_are_no_answer_and_nothing_worse() -> None:
    """Answers of the true device, with bytes changed, cut and added: whatever comes, it is an Answer."""

    class Mangling(asyncio.DatagramProtocol):
        def __init__(self, seed: int) -> None:
            self.seed = seed

        def connection_made(self, transport: Any) -> None:
            self.transport = transport

        def datagram_received(self, data: bytes, addr: Any) -> None:
            for number in range(8):
                chance = int.from_bytes(os.urandom(4), "big") if self.seed == 0 else self.seed * 7919 + number * 104729
                at = chance % len(data)
                made = [
                    data[:at],
                    data[:at] + bytes((chance >> 8 & 0xFF,)) + data[at + 1 :],
                    data.replace(b"\xa0", b"\xa2", 1)[:at] + os.urandom(chance % 9),
                    os.urandom(chance % 1400),
                ][chance % 4]
                self.transport.sendto(made, addr)

    async def one(seed: int, version: dict[str, str]) -> Answer:
        transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: Mangling(seed), local_addr=("127.0.0.1", 0)
        )
        try:
            port = transport.get_extra_info("sockname")[1]
            return await ask(f"127.0.0.1:{port}", 0.2, mapping=["router", "ups-mib"], **version)
        finally:
            transport.close()

    versions: list[dict[str, str]] = [{"community": "public"}, {"version": "3", "user": "nobody"}, SHA1 | PRIV]
    answers = await asyncio.gather(*(one(seed, version) for version in versions for seed in range(1, 41)))
    assert not any(answer.reachable and answer.fields for answer in answers)


@pytest.mark.slow
async def test_two_hundred_at_once() -> None:
    devices = [await SnmpDevice.start(f"127.0.2.{n}", values=ups_values(percent=n % 100)) for n in range(1, 201)]
    answers = await asyncio.gather(
        *(ask(f"{device.address}:{device.port}", 5.0, mapping=["ups-mib"]) for device in devices)
    )
    assert [answer.fields["ups_battery_percent"] for answer in answers] == [n % 100 for n in range(1, 201)]
    for device in devices:
        device.stop()


@pytest.mark.system
async def test_snmpd_says_what_it_is(snmpd: str) -> None:
    host, _, port = snmpd.partition(":")
    found = await describe(host, AROUND, community="r3ad", port=int(port))
    assert found is not None
    assert "Linux" in found.description
    assert found.object_id.startswith("1.3.6.1.4.1.8072.")
    assert found.mappings == ("ups-mib",)
    assert await describe(host, AROUND, community="wrong", port=int(port), timeout_s=0.2) is None


async def test_a_router_is_told_from_a_machine() -> None:
    router = await SnmpDevice.start(values=router_values() | {"1.3.6.1.2.1.4.1.0": 1, "1.3.6.1.2.1.1.5.0": "gateway"})
    machine = await SnmpDevice.start(values={"1.3.6.1.2.1.4.1.0": 2, "1.3.6.1.2.1.25.1.1.0": 5})
    found = await describe("127.0.0.1", AROUND, port=router.port)
    assert found is not None
    assert (found.name, found.mappings) == ("gateway", ("router",))
    other = await describe("127.0.0.1", AROUND, port=machine.port)
    assert other is not None
    assert other.mappings == ("host-resources",)
    for each in (router, machine):
        each.stop()
