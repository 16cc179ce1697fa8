"""A group robot of WeCom 企业微信. It answers 200 with an `errcode` inside: only 0 is acceptance."""

from __future__ import annotations

from pathlib import Path

import msgspec
from pydantic import SecretStr

from collector.notify.http import Poster
from collector.notify.provider import Answer, Destination, Message, Provider, ProviderConfig
from collector.notify.robots import answer_of
from shouwang.settings import SettingsError, secret

TEXT_BYTES_MAX = 2_048
TOO_OFTEN = frozenset({45009, 45033})
"""More than 20 messages a minute, or too many at once."""


class WecomConfig(ProviderConfig):
    """`url` (or `url_file`, for it holds the robot's key) as WeCom shows it."""

    url: SecretStr | None = None
    url_file: Path | None = None


class WecomProvider(Provider):
    """Text, with a link that needs sign-in; no name of a household."""

    Config = WecomConfig

    def __init__(self, config: WecomConfig) -> None:
        url = secret(config.url, config.url_file, "notify.wecom.url_file")
        if url is None:
            raise SettingsError("notify.wecom: url is missing (the robot's address, with its key)")
        self._language = config.language
        self._poster = Poster(url, allow_private=config.allow_private, timeout_s=self.timeout_s, key="notify.wecom.url")

    async def send(self, message: Message) -> Answer:
        text = message.whole_text(self._language, TEXT_BYTES_MAX)
        content = msgspec.json.encode({"msgtype": "text", "text": {"content": text}})
        return answer_of(await self._poster.post(content), TOO_OFTEN)

    @property
    def destination(self) -> Destination:
        return self._poster.destination

    async def close(self) -> None:
        await self._poster.close()
