"""Which networks are looked at, and which are not."""

from ipaddress import IPv4Network

import pytest

from edge.discovery.aloud import interfaces_of
from edge.discovery.networks import Lan, WrongNetworksError, attached, choose, neighbours

ROUTES = """Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
eth0\t00000000\t0101A8C0\t0003\t0\t0\t0\t00000000\t0\t0\t0
eth0\t0001A8C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0
docker0\t000011AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0
wwan0\t0000FEA9\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0
cut short
"""
ARP = """IP address       HW type     Flags       HW address            Mask     Device
192.168.1.64     0x1         0x2         4C:BD:8F:00:00:01     *        eth0
192.168.1.65     0x1         0x0         00:00:00:00:00:00     *        eth0
"""
LANS = attached(ROUTES)[0]


def test_this_machine_s_own_networks() -> None:
    lans, gateways = attached(ROUTES)
    assert lans == [Lan(IPv4Network("192.168.1.0/24"), "eth0"), Lan(IPv4Network("172.17.0.0/16"), "docker0")]
    assert gateways == {"192.168.1.1"}
    assert neighbours(ARP) == {"192.168.1.64": "4c:bd:8f:00:00:01"}


@pytest.mark.parametrize(
    ("said", "large", "expected"),
    [
        (None, False, ["192.168.1.0/24"]),
        (None, True, ["192.168.1.0/24", "172.17.0.0/16"]),
        (["10.7.0.0/22", "10.7.1.0/24"], False, ["10.7.0.0/22"]),
        (["192.168.0.0/16"], False, ["192.168.1.0/24"]),  # the part of it that we stand in
        (["fd00::/64", "10.0.0.5/32"], False, ["10.0.0.5/32"]),
    ],
)
def test_what_is_looked_at(said: list[str] | None, large: bool, expected: list[str]) -> None:
    chosen = choose(said, LANS, large=large, loopback=False)
    assert [str(each) for each in chosen.networks] == expected


def test_an_address_stands_once_and_a_network_s_own_is_no_device() -> None:
    chosen = choose(["192.168.1.0/30", "192.168.1.0/29"], [], large=False, loopback=False)
    assert chosen.addresses() == [f"192.168.1.{n}" for n in range(1, 7)]
    assert interfaces_of(chosen.networks, LANS) == ["eth0"]


@pytest.mark.parametrize(
    ("said", "lans", "large", "says"),
    [
        (["10.0.0.0/8"], LANS, False, "16777216 addresses, at most 1024"),
        (["10.0.0.0/8"], LANS, True, "at most 65536"),
        (["10.0.0.0/16", "10.1.0.0/16", "10.2.0.0/16"], LANS, True, "196608 addresses in all"),
        (["127.0.0.0/24"], LANS, False, "--allow-loopback"),
        (["192.168.1"], LANS, False, "write it as 192.168.1.0/24"),
        (["fd00::/64"], LANS, False, "announce themselves"),
        (None, [], False, "name one with --network"),
        (None, LANS[1:], False, "65536 addresses, at most 1024"),
    ],
)
def test_what_is_refused_says_what_to_do(said: list[str] | None, lans: list[Lan], large: bool, says: str) -> None:
    with pytest.raises(WrongNetworksError) as caught:
        choose(said, lans, large=large, loopback=False)
    assert says in str(caught.value)
