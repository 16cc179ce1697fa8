"""Ways to tell people, in the order in which they are tried, and "send test" for each."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Path, Request
from starlette.responses import Response

from api.access import Asker, TestsNotify
from api.console.device.probed import Probed
from api.console.page import Page
from api.console.reasons import why
from api.problems import not_found
from api.rest.waiting import ask_collector
from shouwang.ledger import deeds
from shouwang.ledger.deeds import Done

router = APIRouter()

TEST_WITHIN_S = 20.0
"""A provider may take its time; the collector gives up before this."""


@router.get("/notifications")
def page(request: Request, asker: TestsNotify) -> Response:
    """The ways that the settings name."""
    made = Page(request, asker)
    return made.show("notify/page.html", "notify", providers=made.house.providers, tested="", said=None)


@router.post("/notifications/{provider}/test")
async def test(request: Request, asker: TestsNotify, provider: Annotated[str, Path(max_length=32)]) -> Response:
    """Has the collector send a test message by this way, and says what the provider answered."""
    made = Page(request, asker)
    if provider not in made.house.providers:
        raise not_found(f"way {provider!r}")
    said = await _tested(made, asker, provider)
    if made.is_part:
        return made.show("layout/said.html", said=said)
    return await asyncio.to_thread(
        made.show, "notify/page.html", "notify", providers=made.house.providers, tested=provider, said=said
    )


async def _tested(page: Page, asker: Asker, provider: str) -> Probed:
    done: Done | None = await ask_collector(asker, deeds.NOTIFY_TEST, TEST_WITHIN_S, note=provider)
    if done is None:
        return Probed("warn", page.text("The collector did not answer in time."))
    answer = str(done.answer.get("answer") or why(page.language, done.answer))
    if not done.ok:
        return Probed("bad", page.text("The provider did not take it"), answer)
    return Probed("good", page.text("The provider took it: look whether it arrived"), answer)
