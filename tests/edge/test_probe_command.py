"""What a person reads who probes from where they stand: what answers, what took how long, and why not."""

import asyncio
import json
import socket
from pathlib import Path
from typing import Any

import pytest

from edge import probe_command
from edge.listen_file import ListenFileError, load_listen_file
from edge.second_look import Place, place_of
from simulators.devices.scaip import Terminal
from tests.edge.devices import serve_bytes
from tests.servers import free_port


async def look(driver: str, target: str, timeout_s: float = 1.0, **settings: Any) -> probe_command.Looked:
    return await probe_command.look(driver, target, settings, None, timeout_s)


@pytest.mark.parametrize(
    ("driver", "target", "expected"),
    [
        ("sip", "sip:1002@192.168.1.22:5070", Place("192.168.1.22", 5070)),
        ("sip", "192.168.1.22", Place("192.168.1.22", 5060)),
        ("rtsp", "rtsp://camera/1", Place("camera", 554)),
        ("http", "https://[fd00::1]/x", Place("fd00::1", 443)),
        ("icmp", "192.168.1.22", Place("192.168.1.22", None)),
        ("nut", "site@192.168.1.2", Place("192.168.1.2", 3493)),
        ("host", "", None),
    ],
)
def test_where_a_target_is(driver: str, target: str, expected: Place | None) -> None:
    assert place_of(driver, target) == expected


async def test_what_answers_at_the_address_is_said() -> None:
    server, port = await serve_bytes(lambda _head: b"SSH-2.0-OpenSSH\r\n\r\n")
    strange = await look("rtsp", f"rtsp://127.0.0.1:{port}/hall")
    server.close()
    assert "does not answer as RTSP" in strange.why[-1].words()["en"]
    closed = free_port()
    refused = await look("rtsp", f"rtsp://127.0.0.1:{closed}/hall")
    assert refused.why[-1].words()["en"].startswith(f"127.0.0.1 answers ping, and takes no connection on port {closed}")
    mute = await look("snmp", f"127.0.0.1:{closed}", 0.3)
    assert f"no SNMP on UDP port {closed}" in mute.why[-1].words()["en"]


async def test_what_is_printed() -> None:
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    async with server:
        target = f"localhost:{server.sockets[0].getsockname()[1]}"
        looked = await look("tcp", target)
    lines = probe_command.as_text("tcp", target, looked, "zh").splitlines()
    assert lines[0].startswith("有应答  ")
    assert [line.split()[:2] for line in lines[1:]] == [["✓", "域名解析"], ["✓", "连接"]]
    said = json.loads(probe_command.as_json("tcp", target, looked))
    assert said["reachable"] is True
    assert [step["step"] for step in said["steps"]] == ["name", "connect"]


async def test_listening_for_a_while() -> None:
    heard: list[Any] = []
    port = free_port()
    options = {"port": port, "bind": ["127.0.0.1"]}
    listening = asyncio.create_task(probe_command.listen("scaip", "26317", {}, options, None, 2.0, heard.append))
    terminal = await Terminal.start("127.0.0.2", user="26317")
    while await terminal.help_call(("127.0.0.1", port)) != 200:  # noqa: ASYNC110  (until the port is open)
        await asyncio.sleep(0.05)
    terminal.stop()
    listening.cancel()
    assert "help_call" in probe_command.heard_as_text(heard[-1], "en")
    with pytest.raises(ValueError, match="does not listen"):
        await probe_command.listen("tcp", "x", {}, {}, None, 1.0, heard.append)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[scapi]\nport = 1", r"\[scapi\]: did you mean \[scaip\]\?"),
        ("[scaip]\nprot = 1", "'prot' is unknown; did you mean port"),
        ("[scaip]\nport = 'x'", "Expected `int`"),
        ("[tcp]\nport = 1", "this driver asks, and listens on no port"),
        ("port = 1", "stands outside of a section"),
        ("[scaip", "listen.toml"),
    ],
)
def test_a_wrong_listen_file_is_named(tmp_path: Path, text: str, expected: str) -> None:
    file = tmp_path / "listen.toml"
    file.write_text(text)
    with pytest.raises(ListenFileError, match=expected):
        load_listen_file(file)


def test_a_listen_file_gives_typed_options(tmp_path: Path) -> None:
    assert load_listen_file(tmp_path / "listen.toml") == {}
    file = tmp_path / "listen.toml"
    file.write_text('[scaip]\nport = 5070\nbind = ["192.168.1.2"]\n')
    assert load_listen_file(file)["scaip"].port == 5070


async def test_a_port_that_is_taken_is_said_with_what_to_do() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as has_it:
        has_it.bind(("127.0.0.1", 0))
        options = {"bind": ["127.0.0.1"], "port": has_it.getsockname()[1]}
        with pytest.raises(ValueError, match=r"is taken on this machine.*--option port="):
            await probe_command.listen("scaip", "26317", {}, options, None, 0.1, lambda heard: None)
