"""What codes of reasons mean in words, from the kind's file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shouwang.kinds import Kinds
from shouwang.reasons import reason_in

_OF_A_PATH = {
    "lost": ("连接中断", "connection lost"),
    "stopped": ("人为停止", "stopped on purpose"),
    "silent": ("失联", "silent"),
}
"""Why an agent or a feed is not heard: it has no kind whose file would say."""


def reason_words(
    kinds: Kinds, kind: str | None, codes: list[Any], why: Mapping[str, Any] | None = None
) -> dict[str, str]:
    """The reasons in both languages, gravest first; a code that the kind no longer has stands as it is. `why`:
    what the agent said was wrong, in brackets behind them."""
    zh, en = [], []
    for code in codes:
        if code == "help_call":
            continue  # the cause has said it
        in_zh, in_en = _words_of(kinds, kind, str(code))
        zh.append(in_zh)
        en.append(in_en)
    words = {"zh": "、".join(zh), "en": ", ".join(en)}
    said = reason_in({"why": why}).words()
    if not codes or not said["en"]:
        return words
    return {"zh": f"{words['zh']}（{said['zh']}）", "en": f"{words['en']} ({said['en']})"}


def _words_of(kinds: Kinds, kind: str | None, code: str) -> tuple[str, str]:
    """A code in Chinese and in English. What is of no device (an agent, devices together) has no kind: the first kind
    with that code says it."""
    if not kind and code in _OF_A_PATH:
        return _OF_A_PATH[code]
    for declared in [kinds[kind]] if kind and kind in kinds else [] if kind else kinds.declared.values():
        rule = declared.rule(code)
        if rule:
            return rule.reason.zh, rule.reason.en
    return code, code
