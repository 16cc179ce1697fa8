"""Fetches a platform's list over HTTP, page by page, with what Python brings; redirects are not followed."""

from __future__ import annotations

import asyncio
import http.client
import random
import socket
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode, urlsplit

import msgspec

from edge.feed.mapping import Http
from edge.feed.meaning import ENTRIES_MAX, Aside
from edge.feed.sources.source import NotToldError, Source, Take
from edge.json_path import find, parse_path
from edge.secrets import Secrets
from shouwang.clock import Clock
from shouwang.dial import tls_context

_BYTES_MAX = 16 << 20
_PAGES_MAX = 500
_LONGEST_S = 600.0


class HttpSource(Source):
    """One list after the other; a failed one waits longer each time, at most ten minutes."""

    def __init__(self, said: Http, secrets: Secrets, find_entries: Callable[[Any], list[Any]], clock: Clock) -> None:
        super().__init__(find_entries, clock)
        self._said = said
        self._headers = {name: secrets.reveal(value) for name, value in said.headers.items()}
        parts = urlsplit(said.url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username:
            raise ValueError(f"source.url {said.url[:80]!r}: expected http://host/path or https://host/path")
        self._host, self._secure = parts.hostname, parts.scheme == "https"
        self._port = parts.port or (443 if self._secure else 80)
        self._path, self._query = parts.path or "/", parts.query
        self._tls = tls_context(None if not said.ca_file else _path(said.ca_file)) if self._secure else None
        self._parameters = {name: secrets.reveal(value) for name, value in said.parameters.items()}

    async def once(self) -> list[Any]:
        """Raises NotToldError."""
        if self._said.pages is None:
            return self.find(await self._get({}))
        pages, entries, before = self._said.pages, [], b""
        total: int | None = None
        for number in range(pages.first, pages.first + _PAGES_MAX):
            asked = {pages.parameter: str(number)}
            if pages.size_parameter:
                asked[pages.size_parameter] = str(pages.size)
            answer = await self._get(asked)
            found = self.find(answer)
            this = msgspec.json.encode(found)
            if found and this == before:
                self.aside(Aside("paging", f"page {number} is page {number - 1} once more: the list ends here"))
                break
            entries += found
            before = this
            said = find(answer, parse_path(pages.total)) if pages.total else None
            total = said if isinstance(said, int) else total
            if len(found) < pages.size or len(entries) > ENTRIES_MAX or (total is not None and len(entries) >= total):
                break
        if total is not None and total != len(entries):
            self.aside(Aside("paging", f"it says that there are {total}, and gives {len(entries)}"))
        return entries

    async def run(self, take: Take) -> None:
        """Each `every_s`, as long as it lives."""
        failures = 0
        while True:
            try:
                entries = await self.once()
                await take(entries)
            except NotToldError as error:
                failures += 1
                self.ill(error)
            else:
                failures = 0
                self.well()
            pause_s = min(self._said.every_s * 2 ** min(failures, 6), max(_LONGEST_S, self._said.every_s))
            await asyncio.sleep(pause_s * random.uniform(0.9, 1.1))  # noqa: S311

    async def _get(self, asked: dict[str, str]) -> Any:
        timeout_s = self._said.timeout_s
        query = "&".join(filter(None, [self._query, urlencode(self._parameters | asked)]))
        path = self._path + (f"?{query}" if query else "")
        try:
            async with asyncio.timeout(timeout_s * 2):  # the thread's own limit is for each step
                status, body = await asyncio.to_thread(self._fetch, path, timeout_s)
        except TimeoutError:
            raise NotToldError("no_answer", f"no answer within {timeout_s:g} s") from None
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise NotToldError("no_answer", f"{self._host}: {str(error) or type(error).__name__}") from error
        if status != 200:
            raise NotToldError("status", f"{self._host} answers with status {status}")
        try:
            return msgspec.json.decode(body)
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
            raise NotToldError("malformed", f"its JSON cannot be read: {error}") from error

    def _fetch(self, path: str, timeout_s: float) -> tuple[int, bytes]:
        made: http.client.HTTPConnection
        if self._tls is not None:
            made = http.client.HTTPSConnection(self._host, self._port, timeout=timeout_s, context=self._tls)
        else:
            made = http.client.HTTPConnection(self._host, self._port, timeout=timeout_s)
        try:
            made.request("GET", path, headers={"Accept": "application/json", "User-Agent": "shouwang"} | self._headers)
            answer = made.getresponse()
            body = answer.read(_BYTES_MAX + 1)
            if len(body) > _BYTES_MAX:
                raise ValueError(f"an answer over {_BYTES_MAX >> 20} MiB")
            return answer.status, body
        except TimeoutError:
            raise
        except socket.gaierror as error:
            raise OSError(f"the name does not resolve: {error}") from error
        finally:
            made.close()


def _path(text: str) -> Any:
    from pathlib import Path

    return Path(text)
