"""What an agent may touch."""

from pathlib import Path

import pytest

from edge.allowed import Allowed, AllowedFile, NotAllowedError, load_allowed

LOCAL = AllowedFile(loopback=True)


@pytest.mark.parametrize(
    ("said", "address", "port", "why"),
    [
        (None, "192.168.1.7", 554, ""),
        (None, "10.9.8.7", None, ""),
        (None, "172.31.0.1", 80, ""),
        (None, "100.64.1.1", 80, ""),
        (None, "fd00::7", 80, ""),
        (None, "127.0.0.1", 80, "this machine itself"),
        (None, "::1", 80, "this machine itself"),
        (None, "::ffff:127.0.0.1", 80, "this machine itself"),
        (None, "169.254.169.254", 80, "link-local"),
        (None, "fe80::1", 80, "link-local"),
        (None, "8.8.8.8", 53, "outside of the allowed networks"),
        (None, "172.32.0.1", 80, "outside of the allowed networks"),
        (None, "0.0.0.0", 80, "no address of a device"),
        (None, "224.0.0.1", 80, "no address of a device"),
        (None, "255.255.255.255", 80, "no address of a device"),
        (LOCAL, "127.0.0.1", 80, ""),
        (LOCAL, "169.254.1.1", 80, "link-local"),
        (AllowedFile(link_local=True), "169.254.1.1", 80, ""),
        (AllowedFile(networks=["0.0.0.0/0"]), "8.8.8.8", 80, ""),
        (AllowedFile(networks=["0.0.0.0/0"]), "127.0.0.1", 80, "this machine itself"),
        (AllowedFile(networks=["192.168.1.0/24"]), "192.168.2.1", 80, "outside of the allowed networks"),
        (AllowedFile(ports=[80, "8000-8100"]), "192.168.1.7", 8050, ""),
        (AllowedFile(ports=[80, "8000-8100"]), "192.168.1.7", 22, "port 22 is not in `ports`"),
    ],
)
def test_addresses_and_ports(said: AllowedFile | None, address: str, port: int | None, why: str) -> None:
    allowed = Allowed(said)
    if not why:
        allowed.check(address, port)
    else:
        with pytest.raises(NotAllowedError, match=why):
            allowed.check(address, port)


async def test_a_name_is_checked_by_what_it_resolves_to() -> None:
    assert await Allowed(LOCAL).resolve("localhost", 80) in ("127.0.0.1", "::1")
    with pytest.raises(NotAllowedError, match="this machine itself"):
        await Allowed().resolve("localhost", 80)


def test_the_file_and_the_command_line_over_it(tmp_path: Path) -> None:
    path = tmp_path / "allowed.toml"
    load_allowed(path).check("192.168.1.7")
    path.write_text('networks = ["192.168.1.0/24"]\ndrivers = ["icmp"]\n')
    allowed = load_allowed(path, loopback=True)
    allowed.check("127.0.0.1")
    allowed.check_driver("icmp")
    with pytest.raises(NotAllowedError, match="driver 'tcp' is not in `drivers`"):
        allowed.check_driver("tcp")
    load_allowed(path, networks=["10.0.0.0/8"]).check("10.1.1.1")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("network = []", "unknown field `network`"),
        ('networks = ["192.168.1.0/33"]', "192.168.1.0/33"),
        ("ports = [0]", "port 0 is not between"),
        ("networks = ", "Invalid value"),
    ],
)
def test_a_wrong_file_says_what_is_wrong(tmp_path: Path, text: str, why: str) -> None:
    path = tmp_path / "allowed.toml"
    path.write_text(text)
    with pytest.raises(ValueError, match=why) as raised:
        load_allowed(path)
    assert str(path) in str(raised.value)
