"""In which language a page speaks, and its catalogue: Chinese unless the reader chose or prefers English."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Protocol

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import Translations

LOCALES = {"zh": "zh_CN", "en": "en"}
"""Language code → catalogue in `locales/`. The first is the default."""
DEFAULT = "zh"
COOKIE = "language"
_FOLDER = Path(__file__).parent / "locales"


class Labelled(Protocol):
    """A label of a kind file."""

    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class Language:
    """A language with its catalogue. `code` is `zh` or `en`; `tag` is what `<html lang>` says."""

    code: str
    tag: str
    catalogue: Translations

    def text(self, message: str) -> str:
        """The message in this language; messages are written in English."""
        return self.catalogue.ugettext(message) if message else ""

    def counted(self, one: str, many: str, n: int) -> str:
        """The message for `n` of something, with `%(n)s` filled in."""
        return self.catalogue.ungettext(one, many, n) % {"n": n}

    def label(self, label: Labelled) -> str:
        """A kind file's label in this language."""
        return label.en if self.code == "en" else label.zh

    def of_both(self, texts: dict[str, str]) -> str:
        """The one of `{"zh": …, "en": …}` that is in this language."""
        return texts.get(self.code) or texts.get(DEFAULT, "")


@cache
def language(code: str) -> Language:
    """The language of a code. Raises KeyError for one that we do not speak."""
    locale = LOCALES[code]
    with (_FOLDER / f"{locale}.po").open("rb") as file:
        catalogue = read_po(file, locale=locale)
    compiled = BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return Language(code, "zh-CN" if code == "zh" else code, Translations(compiled, domain="console"))


def choose(cookie: str | None, accept_language: str | None) -> Language:
    """The language of the cookie, else the first that the browser prefers and we speak, else Chinese."""
    if cookie in LOCALES:
        return language(cookie)
    wanted: list[tuple[float, int, str]] = []
    for number, part in enumerate((accept_language or "").split(",")[:16]):
        tag, _, parameter = part.partition(";")
        try:
            quality = float(parameter.strip().removeprefix("q=")) if parameter else 1.0
        except ValueError:
            continue
        code = tag.strip().lower().split("-", 1)[0]
        if code in LOCALES and quality > 0:
            wanted.append((-quality, number, code))
    return language(min(wanted)[2] if wanted else DEFAULT)
