"""Instants and spans as people at the centres say them: Asia/Shanghai, and "12 分钟" since."""

from __future__ import annotations

from api.console.language import Language
from shouwang.clock import parse_rfc3339, shanghai

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS


def instant_ms(instant: str | int | None) -> int | None:
    """Epoch milliseconds of an instant as the ledger's views give it (RFC 3339) or as it is kept (already that)."""
    return parse_rfc3339(instant) if isinstance(instant, str) else instant


def local(instant: str | int | None, now_ms: int, *, seconds: bool = False) -> str:
    """`14:02` today, `11-23 14:02` this year, else `2025-11-23 14:02`; the day is Shanghai's."""
    at_ms = instant_ms(instant)
    if at_ms is None:
        return "–"
    at, now = shanghai(at_ms), shanghai(now_ms)
    clock = at.strftime("%H:%M:%S" if seconds else "%H:%M")
    if at.date() == now.date():
        return clock
    return at.strftime("%m-%d " if at.year == now.year else "%Y-%m-%d ") + clock


def whole(instant: str | int | None) -> str:
    """`2026-11-24 14:02:11`, Shanghai's; for titles of what is shown shorter."""
    at_ms = instant_ms(instant)
    return "" if at_ms is None else shanghai(at_ms).strftime("%Y-%m-%d %H:%M:%S")


def span(milliseconds: int, language: Language) -> str:
    """How long that is, in at most two units: `45 秒`, `12 分钟`, `3 小时 5 分`, `2 天 4 小时`. Never negative."""
    ms = max(0, milliseconds)
    chinese = language.code == "zh"
    if ms < MINUTE_MS:
        n = ms // 1000
        return f"{n} 秒" if chinese else f"{n} s"
    if ms < HOUR_MS:
        n = ms // MINUTE_MS
        return f"{n} 分钟" if chinese else f"{n} min"
    if ms < DAY_MS:
        hours, minutes = ms // HOUR_MS, ms % HOUR_MS // MINUTE_MS
        more = (f" {minutes} 分" if chinese else f" {minutes} min") if minutes else ""
        return (f"{hours} 小时" if chinese else f"{hours} h") + more
    days, hours = ms // DAY_MS, ms % DAY_MS // HOUR_MS
    more = (f" {hours} 小时" if chinese else f" {hours} h") if hours else ""
    return (f"{days} 天" if chinese else f"{days} d") + more


def exactly(milliseconds: int, language: Language) -> str:
    """A limit, to the second: `90 秒`, `6 分钟 30 秒`, `25 小时`."""
    seconds = round(milliseconds / 1000)
    if seconds < 120 and seconds % 60:
        return f"{seconds} 秒" if language.code == "zh" else f"{seconds} s"
    if seconds % 60:
        return f"{span(seconds // 60 * MINUTE_MS, language)} {span(seconds % 60 * 1000, language)}"
    if seconds % 3600 == 0 and DAY_MS <= seconds * 1000 < 3 * DAY_MS:
        hours = seconds // 3600
        return f"{hours} 小时" if language.code == "zh" else f"{hours} h"
    return span(seconds * 1000, language)


def since(instant: str | int | None, now_ms: int, language: Language) -> str:
    """How long ago the instant was; empty where there is none."""
    at_ms = instant_ms(instant)
    return "" if at_ms is None else span(now_ms - at_ms, language)
