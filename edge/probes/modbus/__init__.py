"""Modbus TCP: power meters, rectifiers, thermometers, and a digital input that tells whether there are mains."""

from edge.probes.modbus.probe import ModbusProbe, ModbusSettings

__all__ = ["ModbusProbe", "ModbusSettings"]
