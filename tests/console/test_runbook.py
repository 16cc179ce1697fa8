"""Whoever is on an incident reads what to do: a section for each cause, as in the docs, linked from its page."""

import re
from collections.abc import Iterator
from html import unescape

import pytest

from api.console.runbook import from_docs
from api.console.runbook.from_docs import DOCS, FILES, sections, split
from shouwang.vocabulary import Cause, Role
from tests.console.conftest import Console
from tests.console.test_pages import Reader

BEGINNINGS = {
    "en": ("**It means**", "**First**", "**Then**", "**It closes**"),
    "zh": ("**意味着**", "**先看**", "**然后**", "**何时关闭**"),
}


@pytest.fixture(params=["zh", "en"])
def reader(request: pytest.FixtureRequest, console: Console) -> Iterator[Reader]:
    made = Reader(console, Role.TECHNICIAN, language=request.param)
    yield made
    made.client.close()


@pytest.mark.parametrize("language", FILES)
def test_every_cause_has_a_section_and_no_other_is_there(language: str) -> None:
    assert set(sections(language)) == set(Cause)
    assert list(sections(language)) == list(sections("en"))
    page = (DOCS / FILES[language]).read_text("utf-8")
    for part in re.split(r'^<a id="', page, flags=re.MULTILINE)[1:]:
        for words in BEGINNINGS[language]:
            assert part.count(words) == 1, f"{part[:20]}: {words}"


def test_a_section_is_html_and_leads_nowhere_that_is_not_here() -> None:
    page = (
        '# Title\n\n<a id="device_down"></a>\n## It is down\n\n<!-- not run: needs root -->\nSee [feeds](feeds.md) and '
        "[silent](#device_silent), `a <b>`.\n\n1. <script>alert(1)</script>\n\n"
        '<a id="help_call"></a>\n## Help\n\nCall.\n'
    )
    down, call = split(page)
    assert (down.cause, down.title, call.html) == ("device_down", "It is down", "<p>Call.</p>\n")
    assert '<p>See feeds and <a href="/runbook/device_silent">silent</a>, <code>a &lt;b&gt;</code>.</p>' in down.html
    assert "<li>&lt;script&gt;" in down.html


@pytest.mark.slow
def test_an_incident_leads_to_its_section(console: Console, reader: Reader) -> None:
    picture = console.picture
    for incident, cause in (
        (picture.silent_incident, Cause.DEVICE_SILENT),
        (picture.offline_incident, Cause.CENTRE_OFFLINE),
        (picture.help_incident, Cause.HELP_CALL),
    ):
        link = re.search(r'<a id="to-runbook" href="([^"]+)">', reader.text(f"/incidents/{incident}"))
        assert link
        assert link[1] == f"/runbook/{cause}"
        language = "zh" if '<html lang="zh-CN"' in reader.text(link[1]) else "en"
        shown = unescape(reader.text(link[1]))
        assert f"<h1>{sections(language)[cause].title}</h1>" in shown
        assert BEGINNINGS[language][0].strip("*") in shown
    listed = reader.text("/runbook")
    assert set(re.findall(r'href="/runbook/(\w+)"', listed)) == set(Cause)
    assert reader.get("/runbook/nothing").status_code == 404


@pytest.mark.slow
def test_where_no_docs_are_no_link_is_shown(console: Console, reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    sections.cache_clear()
    monkeypatch.setattr(from_docs, "DOCS", DOCS / "nowhere")
    try:
        assert "to-runbook" not in reader.text(f"/incidents/{console.picture.silent_incident}")
        assert reader.get("/runbook/device_silent").status_code == 404
    finally:
        sections.cache_clear()
