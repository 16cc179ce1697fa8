"""Asks a cash machine's services for their status and storage, over connections that stay open."""

from __future__ import annotations

import ssl
from typing import Any

from edge.probes.xfs4iot.machine import Xfs4IotSettings, machines_of
from edge.probes.xfs4iot.talking import RefusedError, split
from edge.probing import Answer, Around, Probe
from shouwang.reasons import Reason, reason_of
from shouwang.vocabulary import Driver


class Xfs4IotProbe(Probe):
    """Target: `ws://host:port/xfs4iot/v1.0` of the machine's ServicePublisher, or of one service."""

    driver = Driver.XFS4IOT
    Settings = Xfs4IotSettings

    def __init__(self, target: str, settings: Any, around: Around) -> None:
        super().__init__(target, settings, around)
        split(target)
        self._settings: Xfs4IotSettings = settings

    async def ask(self, timeout_s: float) -> Answer:
        """`reachable`: every service that the machine names has answered."""
        clock = self.around.clock
        began_s = clock.now().mono_s
        try:
            fields = await machines_of(self.around).at(self.target, self._settings).ask(timeout_s)
        except TimeoutError:
            return Answer(False, reason=Reason("no_answer", {"s": timeout_s}))
        except RefusedError as error:
            return Answer(False, reason=error.reason)
        except ssl.SSLCertVerificationError as error:
            return Answer(False, reason=Reason("answered", {"text": f"certificate: {error.verify_message}"}))
        except (EOFError, OSError) as error:
            return Answer(False, reason=reason_of(error) if isinstance(error, OSError) else Reason("closed"))
        return Answer(True, (clock.now().mono_s - began_s) * 1000, fields)
