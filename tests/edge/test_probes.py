"""Every probe against a device that speaks its protocol."""

import asyncio
import json
import socket
import ssl
from pathlib import Path
from typing import Any

import pytest

from edge.allowed import Allowed, AllowedFile, NotAllowedError
from edge.probes.icmp import Pinger
from edge.probes.icmp.probe import open_socket
from edge.probing import Answer, Around, NoDriverError, ProbeConfigError, drivers, make_probe
from edge.secrets import Secrets
from edge.steps import collected
from shouwang import clock
from shouwang.certificates import ends_at_ms
from tests.edge.devices import certificate, serve_bytes, terminal

AROUND = Around(allowed=Allowed(AllowedFile(loopback=True)), secrets=Secrets(None, {"hall": "hall 2026"}))


async def ask(driver: str, target: str, timeout_s: float = 5.0, **settings: Any) -> Answer:
    return await make_probe(driver, target, settings, AROUND).ask(timeout_s)


def free_port() -> int:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        return int(nobody.getsockname()[1])


def test_drivers_are_found_by_scanning_their_folder() -> None:
    assert {"host", "http", "icmp", "ntp", "rtsp", "sip", "snmp", "tcp", "tls"} <= set(drivers())
    with pytest.raises(NoDriverError, match="no driver 'opcua'; it has "):
        make_probe("opcua", "192.168.1.2", {}, AROUND)


@pytest.mark.parametrize(
    ("driver", "target", "settings", "said"),
    [
        ("tcp", "192.168.1.2", {}, "its port is missing"),
        ("tcp", "http://192.168.1.2:80/", {}, "expected a host or address"),
        ("tcp", "192.168.1.2:99999", {}, "[Pp]ort"),
        ("icmp", "", {}, "expected a host"),
        ("rtsp", "http://192.168.1.2/", {}, "expected rtsp://host:554/path"),
        ("rtsp", "rtsp://admin:secret@192.168.1.2/", {}, "holds a user or password"),
        ("rtsp", "rtsp://192.168.1.2/ HTTP/1.1", {}, "expected rtsp"),
        ("rtsp", "rtsp://192.168.1.2/", {"pasword": "x"}, "settings of driver rtsp: .*pasword"),
        ("rtsp", "rtsp://192.168.1.2/", {"password": "secret:none"}, "secret 'none' is not in"),
        ("http", "ftp://192.168.1.2/", {}, "expected http://host/path"),
        ("http", "http://192.168.1.2/", {"json_path": "a b"}, "cannot be read from"),
        ("tls", "192.168.1.2:443", {"ca_file": "/none.pem"}, "ca_file '/none.pem': No such file"),
        ("sip", "192.168.1.2", {"user": "a b"}, "none of SIP"),
    ],
)
def test_what_is_wrong_with_a_device_is_said(driver: str, target: str, settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ProbeConfigError, match=said):
        make_probe(driver, target, settings, AROUND)


@pytest.mark.parametrize("driver", ["icmp", "tcp", "tls", "http", "rtsp", "sip"])
async def test_no_probe_touches_what_is_not_allowed(driver: str) -> None:
    port = free_port()
    target = {"icmp": "127.0.0.1", "http": f"http://localhost:{port}/", "rtsp": f"rtsp://127.0.0.1:{port}/"}
    probe = make_probe(driver, target.get(driver, f"127.0.0.1:{port}"), {}, Around())
    with pytest.raises(NotAllowedError, match="allow it with --allow-loopback"):
        await probe.ask(1.0)


async def test_icmp() -> None:
    around = Around(allowed=Allowed(AllowedFile(loopback=True, networks=["198.51.100.0/24"])))
    answers = await asyncio.gather(*(make_probe("icmp", f"127.0.0.{n}", {}, around).ask(2.0) for n in range(1, 40)))
    assert all(answer.reachable and answer.latency_ms is not None and answer.latency_ms < 2000 for answer in answers)
    dead = await make_probe("icmp", "198.51.100.7", {}, around).ask(0.3)
    assert not dead.reachable
    assert dead.reason
    around.close()


@pytest.mark.parametrize("target", ["::1", "0:0:0:0::0001"])
async def test_icmp_of_ipv6(target: str) -> None:
    around = Around(allowed=Allowed(AllowedFile(loopback=True)))
    answer = await make_probe("icmp", target, {}, around).ask(2.0)
    assert answer.reachable
    assert answer.latency_ms is not None
    around.close()


async def test_of_a_thousand_echoes_at_once_none_is_lost() -> None:
    pinger = Pinger(Around())
    addresses = [f"127.22.{number // 250}.{number % 250 + 1}" for number in range(1000)]
    echoes = await asyncio.gather(*(pinger.echo(address, 10.0) for address in addresses))
    assert None not in echoes, "the socket's buffer holds a third of them"
    pinger.close()


@pytest.mark.parametrize(("family", "here"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")])
async def test_other_peoples_icmp_does_not_wake_the_agent(family: socket.AddressFamily, here: str) -> None:
    heard, _ = open_socket(family)
    with heard, socket.socket(family, socket.SOCK_DGRAM) as stray, socket.socket(family, socket.SOCK_DGRAM) as closed:
        closed.bind((here, 0))
        stray.connect(closed.getsockname())
        closed.close()
        stray.send(b"x")  # the kernel answers that the port is unreachable, by ICMP, before `send` returns
        with pytest.raises(ConnectionRefusedError):
            stray.send(b"x")
        with pytest.raises(BlockingIOError):
            heard.recv(100)


async def test_the_steps_of_an_asking_are_timed_for_who_looks() -> None:
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    async with server:
        with collected() as steps:
            await ask("tcp", f"localhost:{server.sockets[0].getsockname()[1]}")
    assert [(each.name, each.ok) for each in steps] == [("name", True), ("connect", True)]
    assert all(each.took_ms > 0 for each in steps)
    with collected() as steps:
        await ask("tcp", "127.0.0.1:1")
    assert [(each.name, each.ok) for each in steps] == [("connect", False)]


async def test_tcp() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        answer = await ask("tcp", f"127.0.0.1:{server.getsockname()[1]}")
        assert answer.reachable
        assert answer.as_fields().keys() == {"reachable", "latency_ms"}
    refused = await ask("tcp", f"127.0.0.1:{free_port()}")
    assert (refused.reachable, refused.reason, refused.as_fields()) == (
        False,
        "Connection refused",
        {"reachable": False},
    )


async def test_a_port_that_swallows_connections_is_bounded_in_time() -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(full.getsockname())
        answer = await ask("tcp", f"127.0.0.1:{full.getsockname()[1]}", 0.3)
        assert (answer.reachable, answer.reason) == (False, "no connection within 0.3 s")
        for filler in fillers:
            filler.close()


@pytest.mark.system  # it is `make test` that installs openssl
async def test_tls_says_how_many_days_a_certificate_is_good(tmp_path: Path) -> None:
    made, key = certificate(tmp_path, days=9)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made, key)
    server = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", 0, ssl=context)
    target = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    trusted = await ask("tls", target, ca_file=str(made))
    assert trusted.reachable
    assert trusted.fields["certificate_trusted"] is True
    assert 8.9 < trusted.fields["certificate_days_left"] <= 9
    strange = await ask("tls", target)
    assert strange.reachable
    assert strange.fields["certificate_trusted"] is False
    assert 8.9 < strange.fields["certificate_days_left"] <= 9
    assert "self" in str(strange.reason)
    own = await ask("tls", target, trust=False)
    assert (own.fields["certificate_trusted"], own.reason) == (True, "")
    server.close()
    der = ssl.PEM_cert_to_DER_cert(made.read_text())
    assert abs(ends_at_ms(der) - clock.wall_ms() - 9 * 86_400_000) < 60_000


async def test_tls_to_a_port_that_does_not_speak_it() -> None:
    server, port = await serve_bytes(lambda _head: b"220 hello\r\n")
    answer = await ask("tls", f"127.0.0.1:{port}", 0.5)
    assert not answer.reachable
    assert "TLS" in str(answer.reason)
    server.close()


def http(status: str, body: bytes = b"", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", *headers]
    if not any(header.lower().startswith("transfer-encoding") for header in headers):
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body


CONTENT = json.dumps({"shop": [{"state": "open", "parcels": 12}], "ok": True}).encode()


@pytest.mark.parametrize(
    ("answer", "settings", "fields", "reason"),
    [
        (http("200 OK"), {}, {"page_ok": True}, ""),
        (http("302 Found", b"", "Location: http://169.254.169.254/"), {}, {"page_ok": True}, ""),
        (http("500 Oops"), {}, {"page_ok": False}, "status 500"),
        (http("404 None"), {"status": [404]}, {"page_ok": True}, ""),
        (http("200 OK", CONTENT), {"json_path": "shop[0].state", "equals": "open"}, {"page_ok": True}, ""),
        (
            http("200 OK", CONTENT),
            {"json_path": "shop[0].state", "equals": "shut"},
            {"page_ok": False},
            "shop[0].state is 'open'",
        ),
        (
            http("200 OK", CONTENT),
            {"json_path": "shop[7].state"},
            {"page_ok": False},
            "shop[7].state is 'None'",
        ),
        (
            http("200 OK", CONTENT),
            {"fields": {"parcels_waiting": "shop[0].parcels", "none": "x"}},
            {"page_ok": True, "parcels_waiting": 12},
            "",
        ),
        (http("200 OK", b"<html>"), {"json_path": "ok"}, {"page_ok": False}, "its JSON cannot be read"),
        (
            http("200 OK", b'5\r\n{"ok"\r\n6;x=y\r\n:true}\r\n0\r\n\r\n', "Transfer-Encoding: chunked"),
            {"json_path": "ok", "equals": True},
            {"page_ok": True},
            "",
        ),
    ],
)
async def test_http(answer: bytes, settings: dict[str, Any], fields: dict[str, Any], reason: str) -> None:
    server, port = await serve_bytes(lambda _head: answer)
    given = await ask("http", f"http://127.0.0.1:{port}/a?b=c", **settings)
    assert (given.reachable, given.fields) == (True, fields)
    assert str(given.reason).startswith(reason)
    assert given.latency_ms is not None
    server.close()


@pytest.mark.system  # it is `make test` that installs openssl
async def test_https_tells_of_its_certificate_and_says_nothing_to_a_stranger(tmp_path: Path) -> None:
    made, key = certificate(tmp_path, days=9)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made, key)
    asked: list[bytes] = []

    def page(head: bytes) -> bytes:
        asked.append(head)
        return http("200 OK", CONTENT)

    server, port = await serve_bytes(page, tls=context)
    target = f"https://127.0.0.1:{port}/"
    own = await ask("http", target, trust=False, json_path="ok", equals=True)
    assert 8.9 < own.fields.pop("certificate_days_left") <= 9
    assert (own.fields, own.reason) == ({"page_ok": True, "certificate_trusted": True}, "")
    strange = await ask("http", target, user="admin", password="secret:hall")
    assert 8.9 < strange.fields.pop("certificate_days_left") <= 9
    assert (strange.reachable, strange.fields) == (True, {"page_ok": False, "certificate_trusted": False})
    assert "self" in str(strange.reason)
    assert len(asked) == 1
    server.close()


async def test_http_that_is_none_or_never_ends_is_not_reachable() -> None:
    server, port = await serve_bytes(lambda _head: b"SSH-2.0-OpenSSH\r\n\r\n")
    assert str((await ask("http", f"http://127.0.0.1:{port}/")).reason).startswith("no HTTP")
    server.close()
    server, port = await serve_bytes(lambda _head: b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000)
    assert not (await ask("http", f"http://127.0.0.1:{port}/")).reachable
    server.close()


async def test_http_with_a_password() -> None:
    seen: list[bytes] = []

    def guarded(head: bytes) -> bytes:
        seen.append(head)
        if b"Authorization: Basic YWRtaW46aGFsbCAyMDI2" in head:
            return http("200 OK")
        return http("401 Who", b"", 'WWW-Authenticate: Basic realm="x"')

    server, port = await serve_bytes(guarded)
    answer = await ask("http", f"http://127.0.0.1:{port}/", user="admin", password="secret:hall")
    assert answer.fields == {"page_ok": True}
    assert len(seen) == 2
    server.close()


@pytest.mark.parametrize(
    ("status", "reachable"), [("200 OK", True), ("405 Not Allowed", True), ("486 Busy", True), ("503 Away", False)]
)
async def test_sip_any_final_answer_is_a_sign_of_life(status: str, reachable: bool) -> None:
    device = await terminal(status)
    answer = await ask("sip", f"127.0.0.1:{device.port}")
    assert answer.reachable is reachable
    device.transport.close()


async def test_sip_asks_again_when_a_datagram_is_lost() -> None:
    device = await terminal(lose=1)
    answer = await ask("sip", f"127.0.0.1:{device.port}", 3.0)
    assert answer.reachable
    assert device.asked == 2
    device.transport.close()
    assert not (await ask("sip", f"127.0.0.1:{free_port()}", 0.5)).reachable
