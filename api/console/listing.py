"""What list pages share: the filter that holds, its choices, and the way to the next page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any

from fastapi import Query
from starlette.responses import Response

from api.console import words
from api.console.page import Page, address
from shouwang.ledger import views

LISTED = 100
"""Items of one page of a list."""
Text = Annotated[str, Query(max_length=80)]
Cursor = Annotated[str | None, Query(max_length=600)]


def of(choices: Iterable[str], said: str, otherwise: str = "") -> str:
    """What was chosen; what is no choice filters nothing."""
    return said if said in choices else otherwise


def chosen(filter_: Mapping[str, str]) -> dict[str, Any]:
    """The filter as views take it: what is empty is None."""
    return {name: value or None for name, value in filter_.items()}


def show(
    page: Page, template: str, here: str, filter_: dict[str, str], conditions: Iterable[str] = (), **values: Any
) -> Response:
    """The page of a list at the address that was asked for."""
    assert page.asker is not None
    with page.house.reading() as connection:
        townships = views.townships(connection, page.asker.scope)
    return page.show(
        template,
        here,
        filter=filter_,
        townships=[(each["township"], each["name"] or each["township"]) for each in townships],
        conditions=[(each, words.word(page.language, "condition", each)) for each in conditions],
        more_address=address(page.request.url.path, **filter_),
        **values,
    )
