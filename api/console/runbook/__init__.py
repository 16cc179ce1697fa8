"""What to do: the runbook's section for the cause of an incident, where whoever is on it reads."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Request
from markupsafe import Markup
from starlette.responses import Response

from api.access import Sees
from api.console.page import Page
from api.console.runbook.from_docs import sections
from api.problems import not_found

router = APIRouter()


@router.get("/runbook")
def listed(request: Request, asker: Sees) -> Response:
    """Every cause."""
    page = Page(request, asker)
    return page.show("runbook/list.html", "runbook", sections=list(sections(page.language.code).values()))


@router.get("/runbook/{cause}")
def section(request: Request, asker: Sees, cause: Annotated[str, Path(max_length=32)]) -> Response:
    """One of them."""
    page = Page(request, asker)
    found = sections(page.language.code).get(cause)
    if found is None:
        raise not_found(f"section {cause!r} of the runbook")
    return page.show("runbook/page.html", "runbook", section=found, body=Markup(found.html))  # noqa: S704 -- ours, from docs/
