"""What every page is made with: its reader, language, time and templates."""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from functools import cache, partial
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import Depends, Request
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup
from starlette.responses import HTMLResponse, RedirectResponse, Response

from api.access import Asker, Needs, Permission
from api.console import reasons, when, words
from api.console.figures import Figure, figures
from api.console.grafana import Grafana
from api.console.language import COOKIE as LANGUAGE_COOKIE
from api.console.language import LOCALES, Language, choose, language
from api.console.static_files import static_address, takes_gzip
from api.house import House, house_of
from shouwang import __version__
from shouwang.ledger import views
from shouwang.vocabulary import Severity

SeesHouseholds = Annotated[Asker, Depends(Needs(Permission.SEE_HOUSEHOLDS))]
"""Who may see whose terminal it is; whoever shows it notes the viewing first."""

THEME_COOKIE = "theme"
THEMES = ("light", "dark")
WALL_COOKIE = "wall"
SEVERITIES = [each.value for each in Severity]
_HERE = Path(__file__).parent
_EMBLEM = Markup(
    '<svg viewBox="0 0 32 32" aria-hidden="true" fill="none" stroke="currentColor" stroke-width="2.6" '
    'stroke-linecap="round" stroke-linejoin="round"><path d="M3 16c3.500-6 8-8.800 13-8.800S25.500 10 29 16c-3.500 6-8 '
    '8.800-13 8.800S6.500 22 3 16z"/><circle cx="16" cy="16" r="4.200" fill="currentColor" stroke="none"/></svg>'
)
_COMPRESSED_FROM = 1_400
"""Bytes; below, an answer fits a packet as it is."""


class Page:
    """One page for one request. `asker` is None where nobody needs to be signed in."""

    def __init__(self, request: Request, asker: Asker | None) -> None:
        self.request = request
        self.asker = asker
        self.house: House = house_of(request)
        self.now_ms = self.house.now_ms
        self.language = language_of(request, asker)
        theme = request.cookies.get(THEME_COOKIE)
        self.theme = theme if theme in THEMES else ""

    @property
    def is_part(self) -> bool:
        """Whether htmx asks, and wants a part of a page instead of a whole one."""
        return self.request.headers.get("hx-request") == "true"

    def may(self, permission: str) -> bool:
        """Whether the reader may; for what a page offers (each route asks for itself)."""
        return self.asker is not None and self.asker.may(Permission(permission))

    def text(self, message: str) -> str:
        """A message in the reader's language."""
        return self.language.text(message)

    def figures(self, kind: str, fields: Mapping[str, Any]) -> list[Figure]:
        """A reading's fields, labelled."""
        return figures(self.language, self.house.kinds.declared.get(kind), fields)

    def title(self, item: Mapping[str, Any]) -> str:
        """What a device (or the device of an incident) is called."""
        return words.device_title(self.language, self.house.kinds, item)

    def kind_labels(self) -> list[tuple[str, str]]:
        """Every kind with its label, for choices."""
        return [(name, self.language.label(kind.label)) for name, kind in self.house.kinds.declared.items()]

    def span(self, milliseconds: int) -> str:
        """How long that is, in words."""
        return when.span(milliseconds, self.language)

    def show(
        self, template: str, here: str = "", *, status: int = 200, private: bool = False, **values: Any
    ) -> Response:
        """The template with the values, and with the words that every template uses.

        `private`: names of people stand beside something that the asker chose, so it is not compressed (its length
        would tell of them).
        """
        environment = _environment(self.language.code)
        shown = environment.get_template(template).render(self._words() | {"here": here, "status": status} | values)
        content = shown.encode()
        headers = {"vary": "accept-encoding, accept-language, cookie, hx-request"}
        if len(content) >= _COMPRESSED_FROM and not private and takes_gzip(self.request):
            content = gzip.compress(content, 5, mtime=0)
            headers["content-encoding"] = "gzip"
        return HTMLResponse(content, status, headers)

    def back(self, to: str, fallback: str = "/") -> Response:
        """Sends the reader to a page of ours after a write; an address of anybody else's is not followed."""
        ours = to.startswith("/") and not to.startswith(("//", "/\\")) and "\n" not in to and "\r" not in to
        return RedirectResponse(to if ours else fallback, 303)

    def _words(self) -> dict[str, Any]:
        """The words of templates; the reader's language and the present are bound into them."""
        tongue, kinds, now_ms = self.language, self.house.kinds, self.now_ms
        asked = self.request.url
        return {
            "language": tongue,
            "theme": self.theme,
            "wall": self.request.cookies.get(WALL_COOKIE) == "1",
            "who": self.asker.person if self.asker else None,
            "may": self.may,
            "now_ms": now_ms,
            "path": asked.path + (f"?{asked.query}" if asked.query else ""),
            "deaf": self._deafness(),
            "demo_url": self.house.demo_url,
            "to_grafana": Grafana(self.house.grafana_url, tongue.code, now_ms),
            "version": __version__,
            "static": static_address,
            "emblem": lambda: _EMBLEM,
            "severities": SEVERITIES,
            "q": "",
            "said": None,
            "renewed": False,
            "word": partial(words.word, tongue),
            "counted": tongue.counted,
            "kind_label": partial(words.kind_label, tongue, kinds),
            "device_title": self.title,
            "headline": partial(words.headline, tongue, kinds),
            "place": words.place,
            "outcome": partial(words.outcome, tongue),
            "reason": partial(reasons.reason, tongue, kinds, now_ms, {}),
            "local": lambda instant, seconds=False: when.local(instant, now_ms, seconds=seconds),
            "whole": when.whole,
            "since": lambda instant: when.since(instant, now_ms, tongue),
            "span": self.span,
            "instant_ms": when.instant_ms,
        }

    def reasons_with(self, good: reasons.GoodReadings) -> Any:
        """The template's `reason`, with last good readings beside it."""
        return partial(reasons.reason, self.language, self.house.kinds, self.now_ms, good)

    def _deafness(self) -> dict[str, Any] | None:
        if self.asker is None:
            return None
        with self.house.reading() as connection:
            return views.deafness(connection, self.now_ms)


def language_of(request: Request, asker: Asker | None) -> Language:
    """The language chosen on this browser, else the one that the browser prefers, else the person's, else Chinese."""
    said = request.cookies.get(LANGUAGE_COOKIE)
    accepts = request.headers.get("accept-language")
    if said not in LOCALES and not accepts and asker is not None and asker.person.language in LOCALES:
        return language(asker.person.language)
    return choose(said, accepts)


def address(path: str, **query: Any) -> str:
    """A path with the parts of the query that hold something, and room for one more: it ends in `?` or `&`."""
    given = urlencode({name: value for name, value in query.items() if value})
    return f"{path}?{given}&" if given else f"{path}?"


@cache
def _environment(code: str) -> Environment:
    tongue = language(code)
    environment = Environment(
        loader=FileSystemLoader(_HERE),
        extensions=["jinja2.ext.i18n"],
        autoescape=select_autoescape(["html"], default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.install_gettext_translations(tongue.catalogue, newstyle=True)  # type: ignore[attr-defined]
    return environment
