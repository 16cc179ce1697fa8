"""Devices, centres and regions that behave, and misbehave."""
