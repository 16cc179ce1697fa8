"""A webhook, signed as the Standard Webhooks specification says (standardwebhooks.com, version 1)."""

from __future__ import annotations

import base64
import binascii
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from pydantic import SecretStr
from standardwebhooks import Webhook

from collector.notify.http import Poster
from collector.notify.provider import Answer, Destination, Message, Provider, ProviderConfig
from shouwang import clock
from shouwang.settings import SettingsError, secret


class WebhookConfig(ProviderConfig):
    """`secret` is `whsec_…`, or base64 of 24 to 64 bytes."""

    url: str
    secret: SecretStr | None = None
    secret_file: Path | None = None


class WebhookProvider(Provider):
    """Accepted is any 2xx. The same `webhook-id` stands on every try of a notification."""

    Config = WebhookConfig

    def __init__(self, config: WebhookConfig) -> None:
        key = secret(config.secret, config.secret_file, "notify.webhook.secret_file")
        if key is None:
            raise SettingsError("notify.webhook: secret_file is missing (the receiver checks the signature with it)")
        self._signer = Webhook(_checked(key))
        self._poster = Poster(
            config.url, allow_private=config.allow_private, timeout_s=self.timeout_s, key="notify.webhook.url"
        )

    async def send(self, message: Message) -> Answer:
        content = msgspec.json.encode(message.body)
        now_s = clock.wall_ms() // 1000
        signature = self._signer.sign(message.id, datetime.fromtimestamp(now_s, UTC), content.decode())
        headers = {"webhook-id": message.id, "webhook-timestamp": str(now_s), "webhook-signature": signature}
        reply = await self._poster.post(content, headers)
        return Answer(True, f"{reply.status}") if reply.ok else reply.refusal()

    @property
    def destination(self) -> Destination:
        return self._poster.destination

    async def close(self) -> None:
        await self._poster.close()


def _checked(key: str) -> str:
    """The secret, when it is what the specification asks for. Raises SettingsError, which does not repeat it."""
    try:
        length = len(base64.b64decode(key.removeprefix("whsec_"), validate=True))
    except (binascii.Error, ValueError):
        raise SettingsError("notify.webhook.secret: neither whsec_… nor base64") from None
    if not 24 <= length <= 64:
        raise SettingsError(f"notify.webhook.secret: it holds {length} bytes, and must hold 24 to 64")
    return key
