"""Shouwang (守望): watches the devices that keep a rural community safe. Here is the language every part shares."""

__version__ = "0.1.0"
