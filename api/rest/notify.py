"""A test message by each way of telling people."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path
from starlette.responses import Response

from api.access import TestsNotify
from api.problems import Problem, not_found
from api.rest import shapes
from api.rest.answers import answer
from api.rest.waiting import PROBE_WITHIN_S, ask_collector
from shouwang.ledger import deeds

router = APIRouter(tags=["notify"])


@router.post("/notify/{provider}/test", response_model=shapes.Tested, summary="Send a test message")
async def notify_test(asker: TestsNotify, provider: Annotated[str, Path(max_length=32)]) -> Response:
    """The collector sends it, as it would a notification. A provider's refusal is an answer, not an error."""
    if provider not in asker.house.providers:
        known = ", ".join(asker.house.providers) or "none is configured; see [notify] in shouwang.toml"
        raise not_found(f"provider {provider!r} (configured: {known})")
    done = await ask_collector(asker, deeds.NOTIFY_TEST, PROBE_WITHIN_S, note=provider)
    if done is None:
        raise Problem(
            504, "no-answer", "No answer", f"the collector did not answer within {PROBE_WITHIN_S:g} s; is it running?"
        )
    said = done.reason or str(done.answer.get("answer") or "")
    return answer({"provider": provider, "accepted": done.ok, "answer": said})
