"""Language and colours: kept in the browser, so that a shared wall screen and a phone may differ."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from starlette.responses import Response

from api.access import Open
from api.console.language import COOKIE as LANGUAGE_COOKIE
from api.console.language import LOCALES
from api.console.page import THEME_COOKIE, THEMES, Page

router = APIRouter()

_KEPT_S = 400 * 86_400
_Everybody = Annotated[None, Depends(Open("a language and colours are chosen before signing in, and tell nothing"))]


@router.post("/preferences")
def choose(
    request: Request,
    _everybody: _Everybody,
    language: Annotated[str, Form(max_length=8)] = "",
    theme: Annotated[str, Form(max_length=8)] = "",
    back: Annotated[str, Form(max_length=500)] = "/",
) -> Response:
    """Sets what was chosen and leads back; what is none of ours is left as it was."""
    answer = Page(request, None).back(back)
    if language in LOCALES:
        answer.set_cookie(LANGUAGE_COOKIE, language, max_age=_KEPT_S, samesite="lax", httponly=True)
    if theme in THEMES:
        answer.set_cookie(THEME_COOKIE, theme, max_age=_KEPT_S, samesite="lax", httponly=True)
    elif theme == "auto":
        answer.delete_cookie(THEME_COOKIE, samesite="lax", httponly=True)
    return answer
