"""Takes what devices push: anything that can call an address, `/push/call-07?event=help_call`, with a key of its own.

Whoever has no right key gets the same answer whether there is such a device or not, after the same work.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import logging
import secrets
import ssl
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from edge.hearing import Heard, Listened, Listener, Say, is_kept
from edge.places import Neighbours
from edge.probes.http.pushed import event_of, fields_of, told
from edge.probes.http.settings import HttpSettings
from edge.probing import Around
from edge.receiving import Answered, Asked, Receiver
from shouwang import kinds
from shouwang.kinds.declaration import Field
from shouwang.vocabulary import Driver

_log = logging.getLogger("edge.http")

_WHERE = "/push/"
_SAID_EACH_S = 60.0
_NOT_OURS: Answered = (401, {"ok": False, "said": "no such device, or another key"})


class HttpOptions(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """`[http]` of listen.toml. With `certificate_file` and `key_file` (PEM) it speaks https alone."""

    bind: str | tuple[str, ...] = ()
    port: int = 8480
    certificate_file: str = ""
    key_file: str = ""


class HttpListener(Listener):
    """Hears the devices whose settings hold a `push_key`."""

    driver = Driver.HTTP
    Settings = HttpSettings
    Options = HttpOptions

    @classmethod
    def hears(cls, settings: Any) -> bool:
        if not settings.push_key:
            return False
        settings.check_push()
        return True

    def __init__(self, options: Any, around: Around, say: Say) -> None:
        super().__init__(options, around, say)
        self._kinds = kinds.load()
        self._devices: dict[str, Listened] = {}
        self._nobody = secrets.token_hex(16)
        self._receiver = Receiver(self._take, around.clock, neighbours=Neighbours(around.allowed, around.clock))
        self._refused = 0
        self._said_s: float | None = None

    async def start(self) -> None:
        """Opens the port. Raises OSError, also for a certificate that cannot be read."""
        said: HttpOptions = self.options
        tls = None
        if said.certificate_file:
            tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            tls.load_cert_chain(said.certificate_file, said.key_file or None)
        await self._receiver.start(self.places.find(), said.port, tls)

    @property
    def port(self) -> int:
        """The one that it got."""
        return self._receiver.port

    def watch(self, devices: Sequence[Listened]) -> None:
        self._devices = {device.device: device for device in devices}

    async def stop(self) -> None:
        self._receiver.stop()

    # --- what is pushed

    async def _take(self, asked: Asked) -> Answered:
        if not asked.path.startswith(_WHERE):
            return 404, {"ok": False, "said": f"devices push to {_WHERE}<device>"}
        device = self._devices.get(asked.path.removeprefix(_WHERE).strip("/"))
        wanted = self._nobody if device is None else device.settings.push_key
        if not hmac.compare_digest(_key_of(asked).encode(), wanted.encode()) or device is None:
            self._say_refused(asked, device)
            return _NOT_OURS
        is_json = "json" in asked.headers.get("content-type", "") or asked.body[:1] == b"{"
        said = told(asked.parameters, asked.body, is_json=is_json)
        if said is None:
            return 400, {"ok": False, "said": "its JSON cannot be read: an object is expected"}
        return await self._hear(device, said, asked)

    async def _hear(self, device: Listened, said: dict[str, Any], asked: Asked) -> Answered:
        settings: HttpSettings = device.settings
        fields, wrong = fields_of(said, settings, self._fields_of_kind(device.kind))
        event, word = event_of(said, settings)
        alive = {"reachable": True, "last_heard_age_ms": 0}
        detail = {"from": asked.address} if event else {}
        told = self.say(Heard(device.device, asked.at_s, alive | fields, event, detail))
        if event and not await is_kept(told):
            return 503, {"ok": False, "said": "it could not be kept; send it again"}
        answer: dict[str, object] = {"ok": True, "fields": sorted(fields)}
        if event:
            answer["event"] = event
        elif word:
            answer["not_known"] = word
        if wrong:
            answer["left_out"] = wrong
        return 200, answer

    def _fields_of_kind(self, kind: str) -> Mapping[str, Field]:
        """Of every kind, where a person only looks what comes."""
        if kind in self._kinds:
            return self._kinds[kind].fields
        return {name: field for each in self._kinds.values() for name, field in each.fields.items()}

    def _say_refused(self, asked: Asked, device: Listened | None) -> None:
        self._refused += 1
        if self._said_s is None or asked.at_s - self._said_s >= _SAID_EACH_S:
            self._said_s = asked.at_s
            _log.warning(
                "refused from=%s device=%s count=%d reason='no such device here, or another key'",
                asked.address,
                device.device if device else "?",
                self._refused,
            )


def _key_of(asked: Asked) -> str:
    """As `Authorization: Bearer KEY`, as a password (any user), as the header `X-Key`, or as the parameter `key`."""
    scheme, _, rest = asked.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return rest.strip()
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(rest, validate=True).decode("utf-8").partition(":")[2]
        except (binascii.Error, UnicodeDecodeError):
            return ""
    return asked.headers.get("x-key") or asked.parameters.get("key", "")
