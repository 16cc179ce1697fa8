"""How the robots of WeCom and DingTalk answer: 200 with `errcode` and `errmsg`; only 0 is acceptance."""

from __future__ import annotations

from collections.abc import Container

from collector.notify.http import Reply
from collector.notify.provider import Answer

TOO_OFTEN_WAIT_S = 60.0
"""Both count by the minute."""


def answer_of(reply: Reply, too_often: Container[int]) -> Answer:
    """Acceptance or refusal. `too_often`: the codes that mean "not so many a minute"."""
    if not reply.ok:
        return reply.refusal()
    said = reply.json()
    code = said.get("errcode") if isinstance(said, dict) else None
    if isinstance(code, int) and not isinstance(code, bool) and code == 0:
        return Answer(True, "errcode 0")
    if code is None:
        return Answer(False, f"{reply.status}, but no errcode in the answer: {reply.refusal().text}")
    wait_s = TOO_OFTEN_WAIT_S if code in too_often else reply.retry_after_s
    return Answer(False, f"errcode {code}: {str(said.get('errmsg'))[:300]}", wait_s)
