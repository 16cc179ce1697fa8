"""Home Assistant at a centre: the agent's devices appear there by MQTT discovery, on the centre's own broker.

It is the agent that says them, not the collector: that way it works where the way out is gone, nothing of a centre goes
to anybody else's broker, and the collector's broker needs no right for it. Off where `homeassistant.toml` is missing.
"""

from edge.homeassistant.file import HomeAssistantFileError, load
from edge.homeassistant.publishing import HomeAssistant

__all__ = ["HomeAssistant", "HomeAssistantFileError", "load"]
