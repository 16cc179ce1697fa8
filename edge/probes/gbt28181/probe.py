"""Asks a GB/T 28181 device for its status, over the line on which it registered with the agent."""

from __future__ import annotations

import asyncio
from typing import Any

from edge.allowed import NotAllowedError
from edge.probes.gbt28181.document import Command
from edge.probes.gbt28181.platform import shared_platform
from edge.probes.gbt28181.settings import Gbt28181Settings, code_of
from edge.probing import Answer, Around, Probe
from edge.steps import step
from shouwang.reasons import Reason, reason_of
from shouwang.vocabulary import Driver


class Gbt28181Probe(Probe):
    """Target: the device's code of 20 digits."""

    driver = Driver.GBT28181
    Settings = Gbt28181Settings

    def __init__(self, target: str, settings: Any, around: Around) -> None:
        super().__init__(target, settings, around)
        self._code = code_of(target)

    async def ask(self, timeout_s: float) -> Answer:
        """That its SIP answers means that it is alive; what it then says of itself is taken when it comes in time."""
        platform, clock = shared_platform(self.around), self.around.clock
        if not platform.listening:
            raise PermissionError("only the agent that it registers with can ask it")
        line = platform.lines.get(self._code)
        if line is None or line.port is None:
            return Answer(False, reason=Reason("not_registered", {"user": self._code}))
        started_s = clock.now().mono_s
        try:
            self.around.allowed.check(line.peer.host, line.peer.port)
            async with asyncio.timeout(timeout_s):
                with step("message"):
                    response, document = await platform.query(Command.DEVICE_STATUS, self._code)
        except NotAllowedError as error:
            return Answer(False, reason=str(error))
        except TimeoutError:
            return Answer(False, reason=Reason("no_answer", {"s": timeout_s}))
        except LookupError:
            return Answer(False, reason=Reason("not_registered", {"user": self._code}))
        except OSError as error:
            return Answer(False, reason=reason_of(error))
        latency_ms = (clock.now().mono_s - started_s) * 1000
        fields: dict[str, Any] = {"registered": True, **platform.catalogue(self._code).fields()}
        if response.status < 300:
            left_s = max(0.05, min(1.0, timeout_s - latency_ms / 1000))
            with step("device status"):
                done, _ = await asyncio.wait([document], timeout=left_s)
            if done and not document.cancelled() and document.result().ok is not None:
                platform.ok[self._code] = bool(document.result().ok)
        document.cancel()
        if self._code in platform.ok:
            fields["fault"] = not platform.ok[self._code]
        return Answer(True, latency_ms, fields)
