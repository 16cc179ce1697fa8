"""Whom the agent trusts in TLS: the system's authorities, without all of them in memory."""

import asyncio
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.allowed import Allowed, AllowedFile
from edge.probes.tls import client_context
from edge.probing import Around, make_probe
from tests.edge.devices import certificate


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    client_context.cache_clear()
    yield
    client_context.cache_clear()


def hash_of(authority: Path) -> str:
    """As `c_rehash` names its file."""
    return subprocess.check_output(["openssl", "x509", "-hash", "-noout", "-in", authority], text=True).strip()


def test_who_names_a_list_of_authorities_has_it_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    authority, _ = certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    assert len(client_context("", trust=True).get_ca_certs()) == 1


@pytest.mark.parametrize("known", [True, False])
async def test_an_authority_in_the_system_s_folder_is_trusted(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, known: bool
) -> None:
    authority, key = certificate(tmp_path)
    folder = tmp_path / "authorities"
    folder.mkdir()
    (folder / "0badcafe.0").write_text("not read unless its hash is asked for")
    if known:
        (folder / f"{hash_of(authority)}.0").symlink_to(authority)
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    monkeypatch.setenv("SSL_CERT_DIR", str(folder))
    assert client_context("", trust=True).get_ca_certs() == []
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(authority, key)
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0, ssl=serving)
    async with server:
        port = server.sockets[0].getsockname()[1]
        around = Around(allowed=Allowed(AllowedFile(loopback=True)))
        answer = await make_probe("tls", f"127.0.0.1:{port}", {}, around).ask(5)
    assert answer.fields["certificate_trusted"] is known
