"""Looks at the store of readings: whether the recorder may write there, who only reads may read, and for how long
InfluxDB keeps what it is given."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import urllib3
from influxdb_client.client.exceptions import InfluxDBError

from collector.doctor.around import Around
from collector.doctor.finding import Finding, found
from collector.service import kinds_of
from shouwang.readings import StoreUnavailable, open_store
from shouwang.readings.connection import Connection, Rejected, client, quoted, reason_of
from shouwang.readings.influx_hours import hourly_bucket
from shouwang.settings import Loaded, Readings, SettingsError, readings_token, secret

ANSWER_WITHIN_MS = 5_000
HELD_BY_AGENTS_DAYS = 8
"""Agents hold 7 days: what they send last is nearly 8 days old when it comes."""
_DAY_S = 86_400


def readings(loaded: Loaded, _around: Around) -> Iterator[Finding]:
    """The store of the settings."""
    said = loaded.settings.readings
    if said.url is not None:
        yield from _influx(said.url, said)
        return
    state = loaded.settings.state
    if not (state / "readings.db").exists():
        yield found("readings_new")
        return
    try:
        store = open_store(None, state, kinds_of(loaded.settings))
        try:
            store.check()
        finally:
            store.close()
    except StoreUnavailable as error:
        yield found("readings_failing", said=error)
    else:
        yield found("readings_good", where=state / "readings.db")


def _influx(url: str, said: Readings) -> Iterator[Finding]:
    try:
        token = readings_token(said, writes=True)
        reader = secret(said.reader_token, said.reader_token_file, "readings.reader_token_file")
    except SettingsError:
        return  # the look at secrets says so
    writing = _may_write(url, said, token)
    if writing is None:
        wrong = list(_kept(url, said, token))
        yield from wrong or [found("readings_good", where=url)]
    else:
        yield writing
    if reader is not None and (writing is None or writing.code != "readings_failing"):
        yield _reader(url, said, reader)


def _may_write(url: str, said: Readings, token: str) -> Finding | None:
    """What is wrong with the recorder's token; None where nothing is. Nothing is written: the lines are none."""
    status, text = _write_nothing(url, said, token)
    match status:
        case 0 | 204:
            return None
        case 401:
            return found("influx_token_wrong")
        case 403:
            return found("influx_reads_only", bucket=said.bucket)
        case 404:
            # So it answers, too, a token that may not see the bucket: one that reads alone sees it.
            if _may_read(url, said, token) is None:
                return found("influx_reads_only", bucket=said.bucket)
            return found("influx_no_bucket", bucket=said.bucket)
    return found("readings_failing", said=text)


def _reader(url: str, said: Readings, token: str) -> Finding:
    if (wrong := _may_read(url, said, token)) is not None:
        return wrong
    status, _ = _write_nothing(url, said, token)
    return found("grafana_writes" if status in (0, 204) else "grafana_good")


def _may_read(url: str, said: Readings, token: str) -> Finding | None:
    connection = Connection(url, said.org, token, timeout_ms=ANSWER_WITHIN_MS)
    try:
        list(connection.query(f"from(bucket: {quoted(said.bucket)}) |> range(start: -1m) |> limit(n: 1)"))
    except StoreUnavailable:
        return found("grafana_token_wrong")
    finally:
        connection.close()
    return None


def _write_nothing(url: str, said: Readings, token: str) -> tuple[int, str]:
    """The status that a write without a line gets (0: taken), and what was said."""
    connection = Connection(url, said.org, token, timeout_ms=ANSWER_WITHIN_MS)
    try:
        connection.write(said.bucket, "")
    except Rejected as rejected:
        return rejected.status, rejected.message
    except StoreUnavailable as error:
        return int(getattr(error.__cause__, "status", None) or -1), str(error)
    finally:
        connection.close()
    return 0, ""


def _kept(url: str, said: Readings, token: str) -> Iterator[Finding]:
    """What is wrong with the buckets' retention."""
    opened: Any = client(url, said.org, token, ANSWER_WITHIN_MS)
    try:
        for name, wanted in ((said.bucket, said.raw_days), (hourly_bucket(said.bucket), said.hourly_days)):
            bucket = opened.buckets_api().find_bucket_by_name(name)
            if bucket is None:
                yield found("influx_no_bucket", bucket=name)
                continue
            days = min(
                (rule.every_seconds / _DAY_S for rule in bucket.retention_rules if rule.every_seconds), default=0
            )
            if days and days < HELD_BY_AGENTS_DAYS:
                yield found("influx_forgets", bucket=name, days=f"{days:g}", wanted=wanted)
            elif days and days != wanted:
                yield found("influx_keeps_other", bucket=name, days=f"{days:g}", wanted=wanted)
    except InfluxDBError as error:
        yield found("readings_failing", said=f"InfluxDB: {reason_of(error)}")
    except (urllib3.exceptions.HTTPError, OSError) as error:
        yield found("readings_failing", said=f"InfluxDB: {error}")
    finally:
        opened.close()
