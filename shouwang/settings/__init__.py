"""Settings: `shouwang.toml`, over it environment variables `SHOUWANG_<SECTION>__<KEY>`, over them flags.

`load` gives the settings and, for `shouwang doctor`, where each value came from. A wrong or unknown key is an error
that names the key, where it stood, and the nearest known one.
"""

from shouwang.settings.secrets import readings_token, secret
from shouwang.settings.shape import (
    Agents,
    Api,
    Broker,
    Heartbeat,
    Ledger,
    Limits,
    Notify,
    Readings,
    Section,
    Settings,
    Tracing,
)
from shouwang.settings.sources import FILE_NAME, Loaded, environment_of, load
from shouwang.settings.wrong import SettingsError, complaints, source_of

__all__ = [
    "FILE_NAME",
    "Agents",
    "Api",
    "Broker",
    "Heartbeat",
    "Ledger",
    "Limits",
    "Loaded",
    "Notify",
    "Readings",
    "Section",
    "Settings",
    "SettingsError",
    "Tracing",
    "complaints",
    "environment_of",
    "load",
    "readings_token",
    "secret",
    "source_of",
]
