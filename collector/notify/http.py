"""One bounded POST of JSON to a provider: a checked address, no redirects, no proxy, limits on time and answer."""

from __future__ import annotations

import asyncio
import email.utils
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from collector.notify.addresses import Forbidden, allowed_addresses, is_public
from collector.notify.provider import Answer, Destination
from shouwang import clock
from shouwang.settings import SettingsError

ANSWER_BYTES_MAX = 65_536
ANSWER_CHARS_SHOWN = 300
RETRY_AFTER_MAX_S = 3_600.0
_TIMEOUT = httpx.Timeout(10.0, connect=5.0)


@dataclass(frozen=True, slots=True)
class Reply:
    """What the other side said, or (`status` 0) why it said nothing."""

    status: int
    text: str
    retry_after_s: float | None = None

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    def refusal(self) -> Answer:
        """This reply as a failed try."""
        said = _shown(self.text)
        return Answer(False, f"{self.status} {said}".strip() if self.status else said, self.retry_after_s)

    def json(self) -> Any:
        """The answer as JSON; None where it is none."""
        try:
            return json.loads(self.text)
        except ValueError:
            return None


class Poster:
    """Posts to one address, with connections kept. `url` may hold a secret: no error text repeats it."""

    def __init__(self, url: str, *, allow_private: bool, timeout_s: float, key: str) -> None:
        self._url = httpx.URL(url)
        if self._url.scheme not in ("http", "https") or not self._url.host:
            raise SettingsError(f"{key}: it must be an http or https address")
        if self._url.userinfo:
            raise SettingsError(f"{key}: user and password do not belong in an address")
        port = self._url.port or (443 if self._url.scheme == "https" else 80)
        self.destination = Destination(self._url.host, port, allow_private)
        self._timeout_s = timeout_s
        self._client = httpx.AsyncClient(
            transport=_Guarded(allow_private), timeout=_TIMEOUT, follow_redirects=False, trust_env=False
        )

    async def post(
        self, content: bytes, headers: Mapping[str, str] | None = None, params: Mapping[str, str] | None = None
    ) -> Reply:
        """Never raises for what the network or the other side does."""
        url = self._url.copy_merge_params(dict(params)) if params else self._url
        sent = {"content-type": "application/json; charset=utf-8", "user-agent": "shouwang", **(headers or {})}
        try:
            async with asyncio.timeout(self._timeout_s):
                async with self._client.stream("POST", url, content=content, headers=sent) as response:
                    return await _read(response)
        except TimeoutError:
            return Reply(0, f"no answer within {self._timeout_s:g} s")
        except httpx.TimeoutException as error:
            return Reply(0, f"no answer in time ({type(error).__name__})")
        except Forbidden as error:
            return Reply(0, f"refused: {error}")
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
            return Reply(0, f"{type(error).__name__}: {error}")

    async def close(self) -> None:
        await self._client.aclose()


class _Guarded(httpx.AsyncBaseTransport):
    """Connects to an address that was checked, not to a name that is looked up once more."""

    def __init__(self, allow_private: bool) -> None:
        self._allow_private = allow_private
        self._inner = httpx.AsyncHTTPTransport(limits=httpx.Limits(max_connections=16, keepalive_expiry=30.0))

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        host = request.url.host
        port = request.url.port or (443 if request.url.scheme == "https" else 80)
        addresses = await allowed_addresses(host, port, self._allow_private)
        if request.url.scheme == "http" and any(map(is_public, addresses)):
            raise Forbidden("to the internet only by https")
        trouble: httpx.HTTPError | None = None
        for address in addresses:
            request.url = request.url.copy_with(host=address)
            request.extensions = {**request.extensions, "sni_hostname": host}
            try:
                return await self._inner.handle_async_request(request)
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:  # nothing was sent: the next may answer
                trouble = error
        raise trouble or httpx.ConnectError("no address")

    async def aclose(self) -> None:
        await self._inner.aclose()


async def _read(response: httpx.Response) -> Reply:
    body = bytearray()
    async for piece in response.aiter_bytes():
        body += piece
        if len(body) > ANSWER_BYTES_MAX:
            break
    text = bytes(body[:ANSWER_BYTES_MAX]).decode("utf-8", "replace")
    if response.is_redirect:
        text = "a redirect, which is not followed"
    return Reply(response.status_code, text, _retry_after(response.headers.get("retry-after")))


def _retry_after(value: str | None) -> float | None:
    """Seconds, or an HTTP date (RFC 9110, 10.2.3); bounded."""
    if not value:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            at = email.utils.parsedate_to_datetime(value)
        except ValueError:
            return None
        seconds = at.timestamp() - clock.wall_ms() / 1000
    return min(max(seconds, 0.0), RETRY_AFTER_MAX_S) if seconds == seconds else None


def _shown(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= ANSWER_CHARS_SHOWN else line[:ANSWER_CHARS_SHOWN] + "…"
