"""A cash machine through XFS4IoT: its dispenser, cash units, receipt paper, safe door and operator switch."""

from edge.probes.xfs4iot.listener import Xfs4IotListener
from edge.probes.xfs4iot.probe import Xfs4IotProbe

__all__ = ["Xfs4IotListener", "Xfs4IotProbe"]
