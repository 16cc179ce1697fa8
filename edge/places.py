"""Where this machine listens, and who may speak to it: the networks that the agent may touch, and no others."""

from __future__ import annotations

import array
import fcntl
import ipaddress
import logging
import socket
import struct
from collections import OrderedDict
from collections.abc import Callable, Sequence
from pathlib import Path

from edge.allowed import Allowed, NotAllowedError
from shouwang.clock import Clock

_log = logging.getLogger("edge.places")

_ADDRESSES_MAX = 128
_SIOCGIFCONF = 0x8912
_IFREQ = struct.calcsize("16s24x" if struct.calcsize("P") == 8 else "16s16x")
_IF_INET6 = Path("/proc/net/if_inet6")
_PASSING = 0x01 | 0x08 | 0x20 | 0x40  # temporary, duplicate, deprecated, tentative (if_addr.h): no device is told it
_PEERS_MAX = 1_024
_SAID_EACH_S = 60.0


def own_addresses() -> list[str]:
    """This machine's addresses, IPv4 and lasting IPv6 ones."""
    return [*_ipv4(), *_ipv6(_IF_INET6)]


class Places:
    """Where one listener listens. `said`: addresses of listen.toml; with none, those of this machine that lie in
    networks which the agent may touch, so that nobody speaks to it from the way out."""

    def __init__(
        self, said: str | Sequence[str], allowed: Allowed, own: Callable[[], Sequence[str]] = own_addresses
    ) -> None:
        self._said = tuple(filter(None, [said] if isinstance(said, str) else said))
        self._allowed, self._own = allowed, own
        self._found: tuple[str, ...] = ()

    def find(self) -> tuple[str, ...]:
        """The addresses now. Raises OSError where there is none."""
        self._found = self._said or self._now()
        if not self._found:
            own = ", ".join(self._own()) or "none"
            raise OSError(
                f"no address of this machine ({own}) is in the allowed networks: add its network to `networks` of "
                "allowed.toml, or name the address as `bind` in listen.toml"
            )
        return self._found

    def moved(self) -> bool:
        """Whether this machine has others by now. One that has none for a while (a cable is out) has not moved."""
        now = () if self._said else self._now()
        return bool(now) and bool(self._found) and set(now) != set(self._found)

    def _now(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(each for each in self._own() if _may_touch(self._allowed, each) is None))


class Neighbours:
    """Who may speak to a port at all: whom the agent may touch. Others are refused before anything of theirs is read,
    and named in the log once a minute."""

    def __init__(self, allowed: Allowed, clock: Clock) -> None:
        self._allowed, self._clock = allowed, clock
        self._known: OrderedDict[str, str | None] = OrderedDict()
        self._said_s = float("-inf")
        self.refused = 0

    def may_speak(self, address: str) -> bool:
        """`address`: as the socket has it."""
        if address in self._known:
            why = self._known[address]
        else:
            why = self._known[address] = _may_touch(self._allowed, address)
            if len(self._known) > _PEERS_MAX:
                self._known.popitem(last=False)
        if why is not None:
            self._refuse(why)
        return why is None

    def _refuse(self, why: str) -> None:
        self.refused += 1
        now_s = self._clock.now().mono_s
        if now_s - self._said_s >= _SAID_EACH_S:
            self._said_s = now_s
            _log.warning("not heard count=%d reason=%r", self.refused, why)


def _may_touch(allowed: Allowed, address: str) -> str | None:
    """None where it may; else why not."""
    try:
        allowed.check(address)
    except (NotAllowedError, ValueError) as error:
        return str(error)
    return None


def _ipv4() -> list[str]:
    """Of every interface (netdevice(7), SIOCGIFCONF)."""
    room = array.array("B", bytes(_ADDRESSES_MAX * _IFREQ))
    asked = struct.pack("iP", len(room), room.buffer_info()[0])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        try:
            size = struct.unpack("iP", fcntl.ioctl(any_socket.fileno(), _SIOCGIFCONF, asked))[0]
        except OSError:
            return []
    raw = room.tobytes()[:size]
    return [socket.inet_ntoa(raw[at + 20 : at + 24]) for at in range(0, len(raw) - _IFREQ + 1, _IFREQ)]


def _ipv6(path: Path) -> list[str]:
    found = []
    try:
        lines = path.read_text("ascii").splitlines()[:_ADDRESSES_MAX]
    except OSError:
        return []  # a kernel without IPv6
    for line in lines:
        cells = line.split()
        address = ipaddress.IPv6Address(bytes.fromhex(cells[0]))
        if not int(cells[4], 16) & _PASSING and not address.is_link_local:
            found.append(str(address))
    return found
