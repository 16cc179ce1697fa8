"""SNMP: asks routers, UPSes and ATMs by mapping files, and hears their traps."""

from edge.probes.snmp.listener import SnmpListener, SnmpOptions
from edge.probes.snmp.probe import SnmpProbe
from edge.probes.snmp.settings import SnmpSettings

__all__ = ["SnmpListener", "SnmpOptions", "SnmpProbe", "SnmpSettings"]
