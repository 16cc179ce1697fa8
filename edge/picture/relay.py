"""Between FFmpeg and a camera: one connection of loopback to one checked address, in TLS where the camera wants it.

Runs in the child alone, a thread for each look.
"""

from __future__ import annotations

import contextlib
import ipaddress
import select
import socket
import ssl
import threading
from types import TracebackType
from typing import Self

from edge.picture.passing import ElsewhereError, Passing, StrangeError
from shouwang.reasons import Reason, reason_of

_LOOK_S = 0.5
_END_S = 1.0
_PIECE = 65_536


class Relay:
    """`where`: where FFmpeg finds the camera while the relay is entered. `trouble`: afterwards, why it did not, or no
    more. `within_s`: for a connection, and for each step of what is sent."""

    def __init__(
        self, address: str, port: int, tls: ssl.SSLContext | None, server_name: str, within_s: float = 5.0
    ) -> None:
        self._address, self._port, self._tls, self._server_name = address, port, tls, server_name
        self._within_s = within_s
        self.where = self.trouble = ""
        self._ending = threading.Event()

    def __enter__(self) -> Self:
        six = ipaddress.ip_address(self._address).version == 6  # frames by UDP are then waited for by IPv6, too
        host, family = ("::1", socket.AF_INET6) if six else ("127.0.0.1", socket.AF_INET)
        self._door = socket.create_server((host, 0), family=family, backlog=1)
        self._door.settimeout(self._within_s)
        self.where = f"{'[::1]' if six else host}:{self._door.getsockname()[1]}"
        self._thread = threading.Thread(target=self._run, name="relay", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ending.set()
        self._door.close()
        self._thread.join(_END_S)

    def _run(self) -> None:
        try:
            with self._door:
                player, _ = self._door.accept()
            with player, self._to_camera() as camera:
                self._pass_on(player, camera)
        except ElsewhereError as error:
            self.trouble = str(Reason("sent_elsewhere", {"where": str(error)}))
        except StrangeError as error:
            self.trouble = f"no RTSP: {error}"
        except ssl.SSLCertVerificationError as error:
            self.trouble = error.verify_message
        except TimeoutError:
            self.trouble = str(Reason("timed_out"))
        except OSError as error:
            if not self._ending.is_set():
                self.trouble = str(reason_of(error))

    def _to_camera(self) -> socket.socket:
        made = socket.create_connection((self._address, self._port), timeout=self._within_s)
        if self._tls is None:
            return made
        try:
            return self._tls.wrap_socket(made, server_hostname=self._server_name or self._address)
        except BaseException:
            made.close()
            raise

    def _pass_on(self, player: socket.socket, camera: socket.socket) -> None:
        """Until either of them is gone, or the look is over."""
        passing = Passing(self._address)
        player.settimeout(self._within_s)
        while not self._ending.is_set():
            waiting = isinstance(camera, ssl.SSLSocket) and camera.pending() > 0
            ready = select.select([player, camera], [], [], 0 if waiting else _LOOK_S)[0]
            if player in ready:
                asked = player.recv(_PIECE)
                if not asked:
                    return
                camera.sendall(asked)
            if waiting or camera in ready:
                said = camera.recv(_PIECE)
                if not said:
                    return
                with contextlib.suppress(ConnectionError):  # FFmpeg has seen enough
                    player.sendall(passing.feed(said))
