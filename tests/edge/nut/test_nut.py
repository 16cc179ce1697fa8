"""A UPS through NUT: against upsd with dummy-ups, and against servers that misbehave."""

import asyncio
import os
import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.allowed import Allowed, AllowedFile
from edge.probes.nut import words
from edge.probing import Answer, Around, ProbeConfigError, make_probe
from edge.secrets import Secrets
from simulators.devices.nut import NutServer, on_battery, on_mains
from tests.edge.devices import certificate
from tests.servers import ServerProcess, need_server

AROUND = Around(allowed=Allowed(AllowedFile(loopback=True)), secrets=Secrets(None, {"ups": "m0nitor"}))
WIRE = Path(__file__).parent / "wire"


async def ask(port: int, timeout_s: float = 3.0, **settings: Any) -> Answer:
    return await make_probe("nut", f"127.0.0.1:{port}", settings, AROUND).ask(timeout_s)


class Upsd(ServerProcess):
    """upsd with two UPSes of dummy-ups, whose values are those of a file."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.drivers: list[subprocess.Popen[bytes]] = []

    def values(self, **values: str) -> None:
        """What the UPS says from now on."""
        path = self.directory / "site.dev"
        new = self.directory / "site.new"
        new.write_text("".join(f"{name.replace('_', '.')}: {value}\n" for name, value in values.items()))
        new.replace(path)

    def command(self) -> Sequence[str | Path]:
        self.values(ups_status="OL CHRG", battery_charge="81", battery_runtime="2400", input_voltage="231.5")
        shutil.copy(self.directory / "site.dev", self.directory / "spare.dev")
        upses = "".join(
            f"[{name}]\n driver = dummy-ups\n port = {name}.dev\n mode = dummy-loop\n" for name in ("site", "spare")
        )
        (self.directory / "ups.conf").write_text(f"pollinterval = 1\nmaxretry = 3\n{upses}")
        (self.directory / "upsd.conf").write_text(f"LISTEN {self.host} {self.port}\nMAXAGE 15\n")
        (self.directory / "upsd.users").write_text("[watch]\n password = m0nitor\n upsmon secondary\n")
        for path in self.directory.iterdir():
            path.chmod(0o600)
        # Set for the process to come: both programs look for their files there.
        os.environ |= dict.fromkeys(("NUT_CONFPATH", "NUT_STATEPATH", "NUT_ALTPIDPATH"), str(self.directory))
        driver = need_server("dummy-ups")
        for name in ("site", "spare"):
            made = subprocess.Popen([driver, "-a", name, "-u", "root", "-D"], stderr=subprocess.DEVNULL)
            self.drivers.append(made)
        return [driver.with_name("upsd"), "-F", "-u", "root"]  # what stands in /usr/sbin is a script that looks at /etc

    def ready(self) -> bool:
        """Once it has heard from its drivers; until then it says that it waits."""
        try:
            with socket.create_connection((self.host, self.port), timeout=1) as sock:
                for name in ("site", "spare"):
                    sock.sendall(f"LIST VAR {name}\n".encode())
                    answer = b""
                    while not answer.endswith((b"END LIST VAR site\n", b"END LIST VAR spare\n")):
                        if answer.startswith(b"ERR ") or not (piece := sock.recv(4096)):
                            return False
                        answer += piece
                    if b"battery.charge" not in answer:
                        return False
        except OSError:
            return False
        return True

    def stop(self) -> None:
        super().stop()
        for driver in self.drivers:
            driver.terminate()
            driver.wait(10)


@pytest.fixture(scope="module")
def upsd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Upsd]:
    need_server("upsd")
    need_server("dummy-ups")
    before = dict(os.environ)
    server = Upsd(tmp_path_factory.mktemp("nut"))
    try:
        yield server.start()
    finally:
        server.stop()
    for name in set(os.environ) - set(before):
        del os.environ[name]


@pytest.mark.system
async def test_upsd_tells_of_its_ups(upsd: Upsd) -> None:
    answer = await ask(upsd.port, ups="site", user="watch", password="secret:ups")
    assert (answer.reachable, answer.reason) == (True, "")
    assert answer.latency_ms is not None
    assert answer.fields == {
        "mains_power": True,
        "ups_low_battery": False,
        "ups_battery_replace": False,
        "ups_battery_percent": 81.0,
        "ups_runtime_s": 2400.0,
        "mains_voltage_v": 231.5,
    }


@pytest.mark.system
async def test_upsd_refuses_and_why_is_said(upsd: Upsd) -> None:
    unknown = await ask(upsd.port, ups="nosuch")
    assert (unknown.reachable, str(unknown.reason)) == (True, "it has no UPS nosuch; it has site, spare")
    which = await ask(upsd.port)
    assert str(which.reason) == "it has no UPS ''; it has site, spare"
    assert "STARTTLS" in str((await ask(upsd.port, ups="site", tls=True)).reason)


@pytest.mark.system
@pytest.mark.slow
async def test_upsd_tells_that_the_mains_are_gone(upsd: Upsd) -> None:
    upsd.values(ups_status="OB LB", battery_charge="9", battery_runtime="60")
    answer = await ask(upsd.port, ups="site")
    for _ in range(200):  # it looks at its file each second
        if answer.fields.get("mains_power") is False:
            break
        await asyncio.sleep(0.1)
        answer = await ask(upsd.port, ups="site")
    said = answer.fields
    assert (said["mains_power"], said["ups_low_battery"], said["ups_battery_percent"]) == (False, True, 9.0)


@pytest.mark.parametrize(
    ("status", "fields"),
    [
        ("OL", {"mains_power": True}),
        ("OL CHRG", {"mains_power": True}),
        ("OL BOOST", {"mains_power": True}),
        ("BYPASS", {"mains_power": True}),
        ("OB DISCHRG", {"mains_power": False}),
        ("OL OB", {"mains_power": False}),
        ("OB LB", {"mains_power": False, "ups_low_battery": True}),
        ("FSD OB LB", {"mains_power": False, "ups_low_battery": True}),
        ("OL RB", {"mains_power": True, "ups_battery_replace": True}),
        ("OFF", {}),
        ("ol", {"mains_power": True}),
    ],
)
def test_what_its_status_means(status: str, fields: dict[str, bool]) -> None:
    always = {"ups_low_battery": False, "ups_battery_replace": False}
    assert words.fields({"ups.status": status}) == always | fields


def test_what_is_no_number_is_left_out() -> None:
    assert words.fields({"battery.charge": "N/A", "battery.runtime": "1e999", "ups.load": " 12 "}) == {
        "ups_load_percent": 12.0
    }
    assert words.fields({}) == {}


async def test_the_only_ups_needs_no_name_and_quotes_are_read() -> None:
    server = await NutServer({"x": on_battery(40, 600)}).start()
    answer = await ask(server.port)
    assert (answer.fields["mains_power"], answer.fields["ups_battery_percent"]) == (False, 40)
    assert words.variable('VAR x device.model "A \\"good\\" \\\\ one"', "x") == ("device.model", 'A "good" \\ one')
    assert words.variable('VAR y device.model "A"', "x") is None
    server.stop()


async def test_with_a_password_and_never_a_login() -> None:
    server = await NutServer({"x": on_mains()}, user="watch", password="m0nitor").start()
    assert (await ask(server.port, user="watch", password="secret:ups")).fields["mains_power"] is True
    wrong = await ask(server.port, user="watch", password="wr0ng")
    assert (wrong.reachable, str(wrong.reason)) == (True, "PASSWORD: ERR ACCESS-DENIED")
    assert not any(line.startswith("LOGIN") for line in server.asked)
    server.stop()


@pytest.mark.system
async def test_in_tls(tmp_path: Path) -> None:
    made, key = certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made, key)
    server = await NutServer({"x": on_mains()}, user="watch", password="m0nitor", tls=context).start()
    answer = await ask(server.port, tls=True, ca_file=str(made), user="watch", password="secret:ups")
    assert answer.fields["mains_power"] is True
    assert server.asked[0] == "STARTTLS"
    strange = await ask(server.port, tls=True, user="watch", password="secret:ups")
    assert "certificate is refused" in str(strange.reason)
    assert server.asked.count("PASSWORD m0nitor") == 1
    server.stop()


@pytest.mark.parametrize(
    ("how", "reachable", "said"),
    [
        ({"error": "DATA-STALE"}, False, "has lost the UPS (DATA-STALE)"),
        ({"error": "DRIVER-NOT-CONNECTED"}, False, "has lost the UPS (DRIVER-NOT-CONNECTED)"),
        ({"silent": True}, False, "no answer within 0.2 s"),
        ({"drip_s": 0.05}, False, "no answer within 0.2 s"),
        ({"half": True}, False, "the connection was closed"),
        ({"endless": True}, False, "over 1000 lines"),
        ({"noise": True}, False, ""),
    ],
)
async def test_what_goes_wrong_is_said_within_its_time(how: dict[str, Any], reachable: bool, said: str) -> None:
    server = await NutServer({"x": on_mains()}, **how).start()
    answer = await ask(server.port, 0.2, ups="x")
    assert answer.reachable is reachable
    assert said in str(answer.reason)
    server.stop()


async def test_the_ups_may_stand_before_the_host() -> None:
    server = await NutServer({"x": on_mains(), "y": on_battery(5, 60, low=True)}).start()
    answer = await make_probe("nut", f"y@127.0.0.1:{server.port}", {}, AROUND).ask(3.0)
    assert answer.fields["ups_low_battery"] is True
    server.stop()
    with pytest.raises(ProbeConfigError, match="the target says 'x', and the settings 'y'"):
        make_probe("nut", "x@127.0.0.1", {"ups": "y"}, AROUND)


async def test_nobody_there() -> None:
    server = await NutServer({}).start()
    server.stop()
    assert str((await ask(server.port)).reason) == "connection refused"


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"ups": "a b"}, "ups 'a b'"),
        ({"password": "x"}, "it needs a user"),
        ({"user": "a b"}, "user: without spaces"),
        ({"user": "x", "password": "top secret"}, "^password: without spaces"),
        ({"tls": True, "ca_file": "/none.pem"}, "ca_file '/none.pem': No such file"),
    ],
)
def test_settings_that_cannot_be(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ProbeConfigError, match=said) as refused:
        make_probe("nut", "192.168.1.1", settings, AROUND)
    assert "top secret" not in str(refused.value)


async def test_a_hundred_at_once() -> None:
    servers = [await NutServer({"x": on_mains(charge=n)}).start(f"127.0.4.{n}") for n in range(1, 101)]
    probes = [make_probe("nut", f"127.0.4.{n}:{server.port}", {}, AROUND) for n, server in enumerate(servers, 1)]
    answers = await asyncio.gather(*(probe.ask(5.0) for probe in probes))
    assert [answer.fields["ups_battery_percent"] for answer in answers] == list(range(1, 101))
    for server in servers:
        server.stop()


def test_a_recorded_list() -> None:
    lines = (WIRE / "upsd-2.8.0-list-var.txt").read_text().splitlines()
    variables = dict(filter(None, (words.variable(line, "site") for line in lines)))
    assert len(variables) == len(lines) - 2
    assert words.fields(variables)["ups_battery_percent"] == 81.0


@given(st.text(max_size=120))
def test_any_line_is_a_variable_or_none(line: str) -> None:
    for said in (line, f"VAR x {line}", f'VAR x battery.charge "{line}"'):
        found = words.variable(said, "x")
        assert found is None or isinstance(words.fields({found[0]: found[1]}), dict)
        words.ups_name(said)
        words.error(said)
