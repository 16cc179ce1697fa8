"""InfluxDB by its own client, synchronously: lines out, rows of a query in, and every refusal with its reason."""

from __future__ import annotations

import csv
import gzip
import io
import ipaddress
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import urllib3
from influxdb_client.client.exceptions import InfluxDBError
from influxdb_client.client.influxdb_client import InfluxDBClient
from influxdb_client.domain.dialect import Dialect
from influxdb_client.service.write_service import WriteService

from shouwang.readings.store import StoreUnavailable

TIMEOUT_MS = 10_000
_MESSAGE_MAX = 2_000
_CLIENT: Any = InfluxDBClient  # the client declares no types
_WRITES: Any = WriteService
_DIALECT: Any = Dialect


class Rejected(Exception):
    """InfluxDB will not take this batch as it is (400, 413 or 422)."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class Connection:
    """One InfluxDB, one token. Safe from any thread. Nothing is retried here."""

    def __init__(self, url: str, org: str, token: str, *, timeout_ms: int = TIMEOUT_MS) -> None:
        self._url = url
        self._org = org
        self._client = client(url, org, token, timeout_ms)
        self._writes = _WRITES(self._client.api_client)
        self._zips = not _is_here(url)  # on this machine zipping costs more than it saves

    def write(self, bucket: str, body: str) -> None:
        """Lines with times in ms. Raises Rejected or StoreUnavailable."""
        data = body.encode()
        encoding = "identity"
        if self._zips and len(data) > 1_000:
            data = gzip.compress(data, 1)
            encoding = "gzip"
        try:
            self._writes.post_write(
                org=self._org,
                bucket=bucket,
                body=data,
                precision="ms",
                content_encoding=encoding,
                content_type="text/plain; charset=utf-8",
            )
        except InfluxDBError as error:
            status, message = _said(error)
            if status in (400, 413, 422):
                raise Rejected(status, message) from error
            raise self._unavailable(error, "write") from error
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise StoreUnavailable(f"InfluxDB at {self._url} does not answer: {_short(error)}") from error

    def query(self, flux: str) -> Iterator[dict[str, str]]:
        """Rows as the CSV has them, by column; an absent value is "". Raises StoreUnavailable."""
        dialect = _DIALECT(header=True, delimiter=",", annotations=[])
        try:
            answer = self._client.query_api().query_raw(flux, org=self._org, dialect=dialect)
            try:
                text = answer.data if isinstance(answer.data, bytes) else bytes(answer.read())
            finally:
                answer.release_conn()
        except InfluxDBError as error:
            raise self._unavailable(error, "query") from error
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise StoreUnavailable(f"InfluxDB at {self._url} does not answer: {_short(error)}") from error
        return self._rows(text.decode())

    def close(self) -> None:
        self._client.close()

    def _rows(self, text: str) -> Iterator[dict[str, str]]:
        head: list[str] = []
        for cells in csv.reader(io.StringIO(text, newline="")):
            if not cells or cells == [""]:
                head = []  # the next table has a head of its own
            elif not head:
                head = cells
                if "error" in head and "reference" in head:
                    raise StoreUnavailable(f"InfluxDB could not answer: {text[:_MESSAGE_MAX]}")
            else:
                yield dict(zip(head, cells, strict=False))

    def _unavailable(self, error: InfluxDBError, doing: str) -> StoreUnavailable:
        status, message = _said(error)
        match status:
            case 401:
                return StoreUnavailable("InfluxDB refuses the token: make one with `shouwang setup influxdb`")
            case 403:
                return StoreUnavailable(f"the token of InfluxDB may not {doing}: {message}")
            case 404:
                return StoreUnavailable(f"InfluxDB says {message}: `shouwang setup influxdb` makes what is missing")
        text = f"InfluxDB answers {status}: {message}" if status else f"InfluxDB at {self._url}: {message}"
        return StoreUnavailable(text, _retry_after_s(error))


def client(url: str, org: str, token: str, timeout_ms: int = TIMEOUT_MS) -> Any:
    """InfluxDB's own client, which retries nothing and waits at most so long."""
    return _CLIENT(url=url, token=token or "none", org=org, timeout=timeout_ms, retries=urllib3.Retry(0, redirect=2))


def reason_of(error: InfluxDBError) -> str:
    """What InfluxDB said, in one line."""
    status, message = _said(error)
    return f"{status} {message}" if status else message


def quoted(text: str) -> str:
    """A Flux string."""
    return json.dumps(text, ensure_ascii=False).replace("${", "\\${")


def _said(error: InfluxDBError) -> tuple[int, str]:
    status = int(getattr(error, "status", None) or 0)
    body: Any = getattr(error, "body", None)
    text = body.decode("utf-8", "replace") if isinstance(body, bytes) else str(body or error)
    try:
        found = json.loads(text)
        text = str(found.get("message") or found.get("error") or text) if isinstance(found, dict) else text
    except ValueError:
        pass  # a proxy's page
    return status, text[:_MESSAGE_MAX] if status not in (400, 422) else text


def _retry_after_s(error: InfluxDBError) -> float | None:
    headers: Any = getattr(error, "headers", None) or {}
    try:
        return float(headers.get("Retry-After") or headers.get("retry-after"))
    except (TypeError, ValueError):
        return None


def _short(error: BaseException) -> str:
    reason = getattr(error, "reason", None) or error
    return str(reason)[:300]


def _is_here(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
