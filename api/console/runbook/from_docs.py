"""The runbook's section for each cause, taken from the page of docs that everybody reads, and made into HTML."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from markdown_it import MarkdownIt

DOCS = Path(__file__).resolve().parents[3] / "docs"
FILES = {"zh": "runbook.zh-CN.md", "en": "runbook.md"}
_SECTION = re.compile(r'^<a id="(?P<cause>[a-z_]+)"></a>\n## (?P<title>.+)\n', re.MULTILINE)
_LINK = re.compile(r"\[([^\]]+)\]\((?!#)[^)]+\)")
_COMMENT = re.compile(r"<!--.*?-->\n?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Section:
    """`html` is without its heading; nothing in it comes from outside the page of docs."""

    cause: str
    title: str
    html: str


@cache
def sections(language: str) -> dict[str, Section]:
    """By cause, in the page's order; none where docs are not installed beside us."""
    file = DOCS / FILES[language]
    return {each.cause: each for each in split(file.read_text("utf-8"))} if file.is_file() else {}


def split(page: str) -> Iterator[Section]:
    """The sections of a runbook's text. Links to other pages are left as words: those pages may not be here."""
    markdown = MarkdownIt("commonmark", {"html": False})
    found = list(_SECTION.finditer(page))
    for head, following in zip(found, [*found[1:], None], strict=True):
        text = page[head.end() : following.start() if following else len(page)]
        text = _LINK.sub(r"\1", _COMMENT.sub("", text)).replace("](#", "](/runbook/")
        yield Section(head["cause"], head["title"], markdown.render(text))
