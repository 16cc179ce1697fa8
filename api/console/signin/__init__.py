"""Coming in by a one-time link, and going out.

Opening the link shows a button; pressing it uses the link up. Programs that look at links in messages before people do
(chat clients, mail scanners) open them too, and would use them up.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Path, Request
from starlette.responses import Response

from api.access import Open, cookie_name, drop_session, keep_session, person_signed_in
from api.console.page import Page
from shouwang.ledger import people

router = APIRouter()

Link = Annotated[str, Path(min_length=16, max_length=128, pattern=r"^[A-Za-z0-9_-]+$")]
_AtTheDoor = Annotated[None, Depends(Open("nobody is signed in before they sign in"))]


@router.get("/sign-in")
def door(request: Request, _everybody: _AtTheDoor) -> Response:
    """How to come in."""
    if person_signed_in(request) is not None:
        return Page(request, None).back("/")
    return Page(request, None).show("signin/page.html", link="", expired=False)


@router.get("/sign-in/{link}")
def knock(request: Request, _everybody: _AtTheDoor, link: Link) -> Response:
    """The button; the link is not used yet."""
    return Page(request, None).show("signin/page.html", link=link, expired=False)


@router.post("/sign-in/{link}")
def enter(request: Request, _everybody: _AtTheDoor, link: Link) -> Response:
    """Uses the link up and signs in; one that is used or expired says how to get another."""
    page = Page(request, None)
    with page.house.writing() as connection:
        session = people.sign_in(connection, link, page.now_ms)
    if session is None:
        return page.show("signin/page.html", status=410, link="", expired=True)
    answer = page.back("/")
    keep_session(answer, page.house, session)
    return answer


@router.post("/sign-out")
def leave(
    request: Request, _everybody: _AtTheDoor, back: Annotated[str, Form(max_length=500)] = "/sign-in"
) -> Response:
    """Ends this browser's session."""
    page = Page(request, None)
    secret = request.cookies.get(cookie_name(page.house))
    if secret:
        with page.house.writing() as connection:
            people.sign_out(connection, secret, page.now_ms)
    answer = page.back(back, "/sign-in")
    drop_session(answer, page.house)
    return answer
