"""What codes of reasons mean in words, from the kind's file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shouwang.kinds import Kinds
from shouwang.reasons import reason_in


def reason_words(
    kinds: Kinds, kind: str | None, codes: list[Any], why: Mapping[str, Any] | None = None
) -> dict[str, str]:
    """The reasons in both languages, gravest first; a code that the kind no longer has stands as it is. `why`:
    what the agent said was wrong, in brackets behind them."""
    declared = kinds[kind] if kind and kind in kinds else None
    zh, en = [], []
    for code in codes:
        if code == "help_call":
            continue  # the cause has said it
        rule = declared.rule(str(code)) if declared else None
        zh.append(rule.reason.zh if rule else str(code))
        en.append(rule.reason.en if rule else str(code))
    words = {"zh": "、".join(zh), "en": ", ".join(en)}
    said = reason_in({"why": why}).words()
    if not codes or not said["en"]:
        return words
    return {"zh": f"{words['zh']}（{said['zh']}）", "en": f"{words['en']} ({said['en']})"}
