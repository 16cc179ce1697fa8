"""When nobody answers for a help call: other ways to reach somebody, in order, each try kept and told later."""

from edge.fallback.file import FallbackFile, FallbackFileError, SecondUplink, Siren, Sms, Way, load
from edge.fallback.line import UplinkLine
from edge.fallback.running import Fallbacks
from edge.fallback.tries import Tries

__all__ = [
    "FallbackFile",
    "FallbackFileError",
    "Fallbacks",
    "SecondUplink",
    "Siren",
    "Sms",
    "Tries",
    "UplinkLine",
    "Way",
    "load",
]
