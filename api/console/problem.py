"""A problem as a page, or as the part of one that htmx asked for."""

from __future__ import annotations

from fastapi import Request
from starlette.responses import Response

from api.console.device.probed import Probed
from api.console.page import Page
from api.console.words import mark
from api.problems import Problem

_TITLES = {
    401: mark("Sign in first"),
    403: mark("Not yours to do"),
    404: mark("Not found"),
    413: mark("That is too large"),
    422: mark("Something is missing or wrong"),
    429: mark("Too many wrong tries"),
    500: mark("Something of ours failed"),
    503: mark("Not possible just now"),
}


def problem_page(request: Request, problem: Problem) -> Response:
    """For `app.state.problem_page`: who is not signed in is led to the door, else the words of the problem."""
    page = Page(request, None)
    status = problem.status_code
    title = page.text(_TITLES[status]) if status in _TITLES else problem.title
    if page.is_part:
        return page.show("layout/said.html", status=status, said=Probed("bad", title, problem.detail))
    if status == 401 and request.method == "GET":
        return page.back("/sign-in")
    return page.show("layout/problem.html", status=status, title=title, detail=problem.detail)
