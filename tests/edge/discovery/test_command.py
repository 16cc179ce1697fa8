"""The command in LANs of their own: real servers, a cable to another machine, Ctrl-C."""

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from shouwang import fleet
from shouwang.kinds import load
from tests.servers.network import own_network
from tests.servers.programs import need_server, skip_or_fail
from tests.timeline.peers import Nginx, RtspServer, Snmpd
from tests.waiting import wait_until


def forward_packets() -> None:
    """In the network that this thread is in, and no other."""
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1")


async def command(*words: str) -> tuple[int, str, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "shouwang", "discover", *words, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--network", "127.0.0.0/24"], "--allow-loopback"),
        (["--network", "10.0.0.0/8", "--large"], "at most 65536"),
        (["--network", "10.0.0.0/30", "--write", "x.csv"], "go together"),
        (["--network", "10.0.0.0/30", "--within", "0"], "between 1 and 3600"),
    ],
)
async def test_wrong_usage(words: list[str], says: str) -> None:
    code, _, err = await command(*words)
    assert code == 2
    assert says in err


@pytest.mark.system
@pytest.mark.slow
@pytest.mark.timeout(60)
async def test_a_camera_a_router_and_a_page_of_real_servers(tmp_path: Path) -> None:
    """GStreamer, snmpd and nginx in a network of their own, found by the command and written as rows."""
    camera, router, page = (f"192.168.77.{last}" for last in (13, 15, 12))
    with ExitStack() as ending:
        network = ending.enter_context(own_network())
        for address in (camera, router, page):
            network.plug(address)
        forward_packets()
        servers = [
            RtspServer(tmp_path / "rtsp", camera, 8554),
            Snmpd(tmp_path / "snmpd", router, 161),
            Nginx(tmp_path / "nginx", page, 443),
        ]
        for server in servers:
            ending.callback(server.stop)
            server.start()
        file = tmp_path / "fleet.csv"
        words = ["--network", "192.168.77.0/24", "--write", str(file), "--centre", "150525100201", "--json"]
        dry, _, said = await command(*words, "--dry-run")
        assert (dry, file.exists()) == (0, False)
        assert "3" in said
        code, out, err = await command(*words)
    assert code == 0, err
    found = json.loads(out)
    assert found["whole"]
    kinds = load()
    parsed = fleet.parse(file.read_bytes(), {name: kinds[name] for name in kinds})
    assert parsed.errors == []
    assert {(row.device, row.kind, row.driver, row.target) for row in parsed.rows} == {
        ("cam-01", "camera", "rtsp", f"rtsp://{camera}:8554/"),
        ("router-01", "site", "snmp", router),
        ("shop-01", "ecommerce_point", "http", f"https://{page}/"),
    }


def need_program(name: str) -> str:
    """Of every Linux."""
    return shutil.which(name) or skip_or_fail(f"{name} is not installed")


@contextmanager
def lan() -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """A cable from this thread's network, where this machine is 192.168.88.1, to another; gives how to run a program at
    its far end, which has the addresses .10 and .254 and answers no ping."""
    ip, nsenter, unshare = need_server("ip"), need_program("nsenter"), need_program("unshare")
    with ExitStack() as ending:
        network = ending.enter_context(own_network())
        far = ending.enter_context(subprocess.Popen([unshare, "-n", "cat"], stdin=subprocess.PIPE))
        assert far.stdin is not None
        ending.callback(far.stdin.close)

        def at_far_end(*words: str) -> subprocess.Popen[bytes]:
            return subprocess.Popen([nsenter, "-t", str(far.pid), "-n", *words])

        own = Path("/proc/thread-self/ns/net").readlink()
        wait_until(lambda: Path(f"/proc/{far.pid}/ns/net").readlink() != own, "a second network", 5)
        network.run("link", "add", "v0", "type", "veth", "peer", "name", "v1", "netns", str(far.pid))
        network.run("address", "add", "192.168.88.1/24", "dev", "v0")
        network.run("link", "set", "v0", "up")
        for address in ("192.168.88.10/24", "192.168.88.254/24"):
            assert at_far_end(str(ip), "address", "add", address, "dev", "v1").wait() == 0
        assert at_far_end("sh", "-c", "echo 1 > /proc/sys/net/ipv4/icmp_echo_ignore_all").wait() == 0
        for device in ("v1", "lo"):
            assert at_far_end(str(ip), "link", "set", device, "up").wait() == 0
        network.run("route", "add", "default", "via", "192.168.88.254")
        yield at_far_end


@pytest.mark.system
@pytest.mark.slow
@pytest.mark.timeout(60)
async def test_a_lan_on_a_cable_is_found_by_itself_and_who_answers_no_ping_by_its_hardware(tmp_path: Path) -> None:
    with lan() as at_far_end:
        server = at_far_end(sys.executable, "-m", "http.server", "8000", "--bind", "192.168.88.10", "-d", str(tmp_path))
        try:
            code, out, err = await command("--json")
        finally:
            server.terminate()
            server.wait()
    assert code == 0, err
    found = {each["address"]: each for each in json.loads(out)["found"]}
    assert set(found) == {"192.168.88.1", "192.168.88.10", "192.168.88.254"}
    router, page = found["192.168.88.254"], found["192.168.88.10"]
    assert (router["driver"], router["device"], router["confidence"]) == ("icmp", "router-01", "high")
    assert page["target"] == "http://192.168.88.10:8000/"
    assert page["mac"] == router["mac"]  # one cable
    assert len(page["mac"]) == 17


@pytest.mark.system
@pytest.mark.slow
async def test_ctrl_c_at_the_terminal(tmp_path: Path) -> None:
    """What was found until then is printed."""
    with own_network() as network:
        network.plug("192.168.77.5")
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "shouwang", "discover", "--network", "192.168.77.0/24", "--lang", "en",
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        assert process.stderr is not None
        await process.stderr.readline()  # how far it is
        os.kill(process.pid, signal.SIGINT)
        out, err = await process.communicate()
    assert "ended early" in err.decode()
    assert b"Traceback" not in err
    assert out
