"""The source that a mapping names, its code loaded when it is needed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from edge.feed.mapping import Files, Http, Mapping, Mqtt, NoSource, Push, Sftp
from edge.feed.sources.source import Source
from edge.secrets import Secrets
from shouwang.clock import Clock


def make_source(
    said: Mapping, secrets: Secrets, state: Path, beside: Path, find: Callable[[Any], list[Any]], clock: Clock
) -> Source | None:
    """The source that a mapping names, None for none. Raises UnknownSecretError or OSError."""
    match said.source:
        case Http():
            from edge.feed.sources.http import HttpSource

            return HttpSource(said.source, secrets, find, clock)
        case Push():
            from edge.feed.sources.push import PushSource

            return PushSource(said.source, secrets, find, clock)
        case Mqtt():
            from edge.feed.sources.mqtt import MqttSource

            return MqttSource(said.source, secrets, find, clock)
        case Files():
            from edge.feed.sources.files import FolderSource

            return FolderSource(said.source, beside, state, find, clock)
        case Sftp():
            from edge.feed.sources.sftp import SftpSource

            return SftpSource(said.source, beside, state, find, clock)
        case NoSource():
            return None
