"""Connections that cannot be made are said plainly; a name that no longer resolves is no reason to stop."""

import asyncio
import socket
import ssl
from pathlib import Path
from typing import Any

import pytest

from shouwang import clock, dial
from shouwang.certificates import file_ends_at_ms
from shouwang.dial import DialError, Dialler, certificate_trouble, tls_context
from shouwang.mqtt import MqttClient, MqttOptions
from tests.conftest import MosquittoStarter
from tests.edge.devices import certificate, expired_certificate
from tests.waiting import until


async def test_the_last_good_address_is_used_when_the_name_does_not_resolve(monkeypatch: pytest.MonkeyPatch) -> None:
    # fault 17
    with socket.create_server(("127.0.0.1", 0)) as server:
        dialler = Dialler("broker.test", server.getsockname()[1])
        loop = asyncio.get_running_loop()
        there = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", server.getsockname()[1]))]

        async def gone(*_given: Any, **_named: Any) -> Any:
            raise socket.gaierror(-2, "Name or service not known")

        async def slow(*_given: Any, **_named: Any) -> Any:
            await asyncio.Event().wait()

        async def found(*_given: Any, **_named: Any) -> Any:
            return there

        monkeypatch.setattr(dial, "NAME_TIMEOUT_S", 0.1)
        monkeypatch.setattr(loop, "getaddrinfo", gone)
        with pytest.raises(DialError, match=r"the name 'broker.test' does not resolve: .*not known"):
            await dialler.dial(5)
        monkeypatch.setattr(loop, "getaddrinfo", found)
        (await dialler.dial(5)).close()
        for trouble in (gone, slow):
            monkeypatch.setattr(loop, "getaddrinfo", trouble)
            (await dialler.dial(5)).close()


@pytest.mark.system
async def test_tls_to_a_real_broker_and_the_wrong_certificate_refused(  # fault 18
    start_mosquitto: MosquittoStarter, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    made, key = certificate(tmp_path)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    start_mosquitto(
        ["allow_anonymous true", f"listener {port} 127.0.0.1", f"certfile {made}", f"keyfile {key}", f"cafile {made}"]
    )
    said: list[str] = []

    def client(tls: ssl.SSLContext) -> MqttClient:
        options = MqttOptions(f"mqtts://127.0.0.1:{port}", "one", tls=tls, backoff_min_s=0.1, backoff_max_s=0.2)
        return MqttClient(options, on_disconnected=said.append)

    trusting = client(tls_context(made))
    trusting.start()
    await until(lambda: trusting.connected, "a connection over TLS")
    trusting.drop()
    await until(lambda: trusting.connected and trusting.connection == 2, "a second one")
    assert [each.getMessage().partition(",")[0] for each in caplog.records if each.name == "shouwang.dial"] == [
        f"the certificate in {made} ends in 9 days",  # fault 19
        f"the certificate of 127.0.0.1:{port} ends in 9 days",
    ]
    assert all(answer.ok for answer in await asyncio.gather(*(trusting.publish("t", b"x" * 50_000) for _ in range(40))))
    await trusting.close()
    said.clear()
    strange = client(tls_context())
    strange.start()
    await until(lambda: len(said) >= 2, "refused, and tried again")
    assert "its certificate is refused: self" in said[0]
    await strange.close()


def test_a_clock_that_was_never_set_is_named_where_dates_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    # fault 20
    error = ssl.SSLCertVerificationError()
    error.verify_code, error.verify_message = 9, "certificate is not yet valid"
    monkeypatch.setattr(clock, "wall_ms", lambda: 86_400_000)
    said = certificate_trouble("broker", 8883, error)
    assert "certificate is not yet valid (this machine's clock says 1970-01-02" in said
    assert "the clock is not set" in said
    monkeypatch.setattr(clock, "wall_ms", lambda: 1_800_000_000_000)
    assert "the clock is not set" not in certificate_trouble("broker", 8883, error)


@pytest.mark.system
async def test_a_certificate_that_has_ended_is_named_with_our_own_time(tmp_path: Path) -> None:  # fault 19
    made, key = expired_certificate(tmp_path)
    assert file_ends_at_ms(made) == 1_706_745_600_000  # 2024-02-01
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made, key)
    server = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", 0, ssl=context)
    async with server:
        dialler = dial.Dialler("127.0.0.1", server.sockets[0].getsockname()[1], dial.tls_context(made))
        with pytest.raises(DialError, match=r"certificate has expired \(this machine's clock says 20\d\d-"):
            await dialler.dial(5)
