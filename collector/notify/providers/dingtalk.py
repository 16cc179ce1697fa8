"""A group robot of DingTalk 钉钉, signed where it has a secret. It answers 200 with an `errcode` inside."""

from __future__ import annotations

import base64
import hashlib
import hmac
from pathlib import Path

import msgspec
from pydantic import SecretStr

from collector.notify.http import Poster
from collector.notify.provider import Answer, Destination, Message, Provider, ProviderConfig
from collector.notify.robots import answer_of
from shouwang import clock
from shouwang.settings import SettingsError, secret

TEXT_BYTES_MAX = 18_000
TOO_OFTEN = frozenset({130101, 660026})
"""More than 20 messages a minute."""


class DingtalkConfig(ProviderConfig):
    """`url` (or `url_file`, for it holds the access token) as DingTalk shows it; `secret` (SEC…) of a robot that checks
    signatures, `keyword` of one that looks for a word."""

    url: SecretStr | None = None
    url_file: Path | None = None
    secret: SecretStr | None = None
    secret_file: Path | None = None
    keyword: str = ""


class DingtalkProvider(Provider):
    """Text, with a link that needs sign-in; no name of a household."""

    Config = DingtalkConfig

    def __init__(self, config: DingtalkConfig) -> None:
        url = secret(config.url, config.url_file, "notify.dingtalk.url_file")
        if url is None:
            raise SettingsError("notify.dingtalk: url is missing (the robot's address, with its access token)")
        self._secret = secret(config.secret, config.secret_file, "notify.dingtalk.secret_file")
        self._keyword = config.keyword
        self._language = config.language
        self._poster = Poster(
            url, allow_private=config.allow_private, timeout_s=self.timeout_s, key="notify.dingtalk.url"
        )

    async def send(self, message: Message) -> Answer:
        text = message.whole_text(self._language, TEXT_BYTES_MAX)
        if self._keyword and self._keyword not in text:
            text = f"{self._keyword} {text}"
        content = msgspec.json.encode({"msgtype": "text", "text": {"content": text}})
        params = signature(self._secret, clock.wall_ms()) if self._secret else None
        return answer_of(await self._poster.post(content, params=params), TOO_OFTEN)

    @property
    def destination(self) -> Destination:
        return self._poster.destination

    async def close(self) -> None:
        await self._poster.close()


def signature(key: str, now_ms: int) -> dict[str, str]:
    """`timestamp` and `sign` as DingTalk asks: base64 of HMAC-SHA256 over "timestamp\\nsecret"."""
    signed = hmac.new(key.encode(), f"{now_ms}\n{key}".encode(), hashlib.sha256).digest()
    return {"timestamp": str(now_ms), "sign": base64.b64encode(signed).decode()}
