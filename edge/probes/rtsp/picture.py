"""When a camera's picture is looked at, and what of a look stands in its readings."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlsplit

from edge.picture.asking import NoPictureError, PictureAsker
from edge.picture.messages import Asked, Told
from edge.probes.rtsp.settings import RtspSettings
from edge.probing import Around
from shouwang.clock import parse_rfc3339
from shouwang.reasons import Reason

_log = logging.getLogger("edge.picture")

BUDGET_S = 8.0
"""For one look: a stream may send a key frame every few seconds only."""
_SHARED = "rtsp pictures"
_FRESH_LOOKS = 2.5  # what was seen longer ago than so many intervals is not told any more
_CAMERAS_MAX = 512


@dataclass(slots=True)
class _Camera:
    """What is known of one camera. `told` is of `told_s`, a monotonic instant."""

    told: Told | None = None
    told_s: float = 0.0
    due_s: float = 0.0
    looking: asyncio.Task[None] | None = None
    trouble: str = ""


@dataclass(slots=True)
class Pictures:
    """Of all cameras of an agent. It is shared between probes, which are made anew with each configuration."""

    around: Around
    asker: PictureAsker
    cameras: dict[str, _Camera] = field(default_factory=dict)
    patient: bool = False  # waits for every look, not for a camera's first alone

    @classmethod
    def of(cls, around: Around) -> Pictures:
        """Those of this agent."""
        found = around.shared.get(_SHARED)
        if found is None:
            asker = PictureAsker(around.state_directory / "pictures", around.clock)
            found = around.shared[_SHARED] = cls(around, asker)
        assert isinstance(found, cls)
        return found

    def close(self) -> None:
        """Ends the looks and the child."""
        for camera in self.cameras.values():
            if camera.looking is not None:
                camera.looking.cancel()
        self.asker.close()

    async def see(
        self, target: str, address: str, port: int, settings: RtspSettings, patience_s: float
    ) -> tuple[dict[str, Any], Reason | str]:
        """The fields that the last look gave, and what is to be said of it. Begins a look when one is due. A
        camera's first is waited for, no longer than `patience_s`; what the others give stands in the next reading, so
        that many cameras do not hold up the devices beside them."""
        name = hashlib.sha256(target.encode()).hexdigest()[:24]
        while len(self.cameras) >= _CAMERAS_MAX and name not in self.cameras:
            self.cameras.pop(next(iter(self.cameras)))
        camera = self.cameras.setdefault(name, _Camera())
        now_s = self.around.clock.now().mono_s
        if camera.looking is None and now_s >= camera.due_s:
            camera.due_s = now_s + 0.9 * settings.picture_every_s  # probes come with jitter
            url = _address_of(target, address, port, settings)
            host = urlsplit(target).hostname or address
            camera.looking = asyncio.create_task(self._look(camera, name, url, host, settings))
        if camera.looking is not None and patience_s > 0 and (self.patient or camera.told is None):
            await asyncio.wait([camera.looking], timeout=patience_s)
        now_s = self.around.clock.now().mono_s
        if camera.trouble:
            return {}, camera.trouble
        if camera.told is None or now_s - camera.told_s > _FRESH_LOOKS * settings.picture_every_s + BUDGET_S:
            return {}, ""
        return self._as_fields(camera.told, settings)

    async def _look(self, camera: _Camera, name: str, url: str, server_name: str, settings: RtspSettings) -> None:
        try:
            told = await self.asker.look(
                lambda id_: Asked(
                    id_,
                    name,
                    url,
                    settings.transport,
                    BUDGET_S,
                    settings.reference,
                    server_name,
                    settings.trust,
                    settings.ca_file,
                )
            )
        except NoPictureError as error:
            camera.trouble = str(error)
        else:
            camera.told, camera.told_s, camera.trouble = told, self.around.clock.now().mono_s, ""
            _log.debug("looked camera=%s picture=%s figures=%s", name, told.picture, told.figures)
        finally:
            camera.looking = None

    def _as_fields(self, told: Told, settings: RtspSettings) -> tuple[dict[str, Any], Reason | str]:
        if told.fps is None:  # it described its stream, and then gave none
            return {"fps": 0.0}, Reason("no_stream", {"text": told.reason})
        fields: dict[str, Any] = {"fps": told.fps, "bitrate_kbps": told.bitrate_kbps}
        expected = settings.fps_expected or told.fps_expected
        if expected:
            fields |= {"fps_expected": expected, "fps_percent": round(100 * told.fps / expected, 1)}
        if told.picture is None:
            return fields, Reason("no_frames") if not told.fps else Reason("no_key_frame", {"s": BUDGET_S})
        fields["picture"] = told.picture
        if not told.fps:
            return fields, Reason("no_frames")
        if told.picture == "blurred" and self._excused(settings):
            return fields | {"picture": "ok"}, Reason("blur_excused", {"until": settings.blur_excused_until})
        return fields, ""

    def _excused(self, settings: RtspSettings) -> bool:
        until = settings.blur_excused_until
        return bool(until) and self.around.clock.now().wall_ms < parse_rfc3339(until)


def _address_of(target: str, address: str, port: int, settings: RtspSettings) -> str:
    """The stream's address for the child: the checked address in place of the name, user and password within."""
    scheme, _, rest = target.partition("://")
    path = rest.partition("/")[2]
    who = f"{quote(settings.user, safe='')}:{quote(settings.password, safe='')}@" if settings.user else ""
    host = f"[{address}]" if ":" in address else address
    return f"{scheme.lower()}://{who}{host}:{port}/{path}"
