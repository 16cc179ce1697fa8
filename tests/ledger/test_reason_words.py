"""What is of no device is said in words too: why an agent is not heard, what devices that fail together share."""

from __future__ import annotations

import pytest

from shouwang import kinds
from shouwang.kinds import Kinds
from shouwang.ledger.views.words import reason_words

KINDS = Kinds(kinds.load())


@pytest.mark.parametrize(
    ("kind", "code", "zh", "en"),
    [
        (None, "lost", "连接中断", "connection lost"),
        (None, "mains_lost", "市电断开", "mains lost"),
        ("site", "mains_lost", "市电断开", "mains lost"),
        ("camera", "lost", "lost", "lost"),
        (None, "no_such_code", "no_such_code", "no_such_code"),
    ],
)
def test_a_code_in_words(kind: str | None, code: str, zh: str, en: str) -> None:
    assert reason_words(KINDS, kind, [code]) == {"zh": zh, "en": en}
