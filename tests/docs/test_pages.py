"""How files of the checkout become pages of the site."""

import hashlib
import json
import re
from pathlib import Path

import jsonschema
import pytest

from tools.site import build, chapters
from tools.site.pages import ROOT, DanglingError, Pages

ASSETS = ROOT / "tools" / "site" / "assets"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A small checkout of its own."""
    for name, text in {
        "docs/index.md": "# Home",
        "docs/index.zh-CN.md": "# 首页",
        "docs/agent.md": "# Agent\n\n[中文](agent.zh-CN.md)\n\nSee [one](only.md#part).",
        "docs/agent.zh-CN.md": "# 代理\n\n[English](agent.md)\n\n见[首页](index.zh-CN.md)、[说明](../README.md)。",
        "docs/only.md": "# Only\n\nOne; [a driver](../edge/probes/sip/README.md), [a test](../tests/test_a.py).",
        "edge/probes/sip/README.md": "# sip\n\n[agent](../../../docs/agent.md)\n\n## 中文\n",
        "README.md": "# It",
        "CHANGELOG.md": "# Changelog",
        "CONTRIBUTING.md": "# Contributing",
        "tests/test_a.py": "",
    }.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return tmp_path


def test_a_page_in_chinese_leads_to_pages_in_chinese(checkout: Path) -> None:
    assert Pages("zh", checkout).text("agent") == "# 代理\n\n见[首页](index.md)、[说明](index.md)。"


def test_the_switch_of_languages_is_left_to_the_site(checkout: Path) -> None:
    assert Pages("en", checkout).text("agent") == "# Agent\n\nSee [one](only.md#part)."


def test_a_page_without_chinese_stands_there_in_english_and_says_so(checkout: Path) -> None:
    pages = Pages("zh", checkout)
    assert pages.only_english("only")
    assert "本页只有英文" in pages.text("only")
    assert not pages.only_english("drivers/sip")  # both languages on one page


def test_a_driver_is_a_page_and_code_is_named_without_a_link(checkout: Path) -> None:
    pages = Pages("en", checkout)
    assert "[a driver](drivers/sip.md)" in pages.text("only")
    assert '<span title="tests/test_a.py">a test</span>' in pages.text("only")
    assert "[agent](../agent.md)" in pages.text("drivers/sip")


def test_a_part_of_a_page_has_its_name_in_its_own_language_alone(checkout: Path) -> None:
    (checkout / "edge" / "probes" / "sip" / "README.md").write_text("# sip\n\n[a](../../../docs/agent.md#outbox)\n")
    assert "[a](../agent.md#outbox)" in Pages("en", checkout).text("drivers/sip")
    assert "[a](../agent.md)" in Pages("zh", checkout).text("drivers/sip")


@pytest.mark.slow
def test_what_the_maker_of_the_site_refuses_is_said_in_plain_text(checkout: Path, tmp_path: Path) -> None:
    for folder in ("images", "schemas"):
        (checkout / "docs" / folder).mkdir()
    (checkout / "docs" / "only.md").write_text("# Only\n\n[agent](agent.md#nothing)\n", "utf-8")
    with pytest.raises(build.BuildError, match=r"anchor does not exist") as refused:
        build.build(tmp_path / "out", root=checkout, work=tmp_path / "work")
    assert "only.md:3:" in str(refused.value)
    assert "\x1b" not in str(refused.value)


def test_a_link_in_an_example_is_left_as_it_is(checkout: Path) -> None:
    (checkout / "docs" / "only.md").write_text("# Only\n\n```markdown\n[x](nowhere.md)\n```\n", "utf-8")
    assert "[x](nowhere.md)" in Pages("en", checkout).text("only")


def test_a_link_to_nothing_is_named(checkout: Path) -> None:
    (checkout / "docs" / "only.md").write_text("# Only\n\n[gone](gone.md)\n", "utf-8")
    with pytest.raises(DanglingError, match=r"docs/only\.md: \[gone\]\(gone\.md\) leads nowhere"):
        Pages("en", checkout).text("only")


def test_what_stands_in_no_chapter_comes_last(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chapters, "CHAPTERS", (chapters.Chapter({"en": "A", "zh": "甲"}, ("x", "not-yet")),))
    found = chapters.placed(["index", "new", "x", "x/inner"])
    assert [(chapter.title["en"], pages) for chapter, pages in found] == [("A", ["x"]), ("More", ["new"])]


@pytest.mark.parametrize("language", build.NAMES)
def test_every_page_of_ours_stands_in_a_chapter_in_both_languages(language: chapters.Language) -> None:
    pages = Pages(language)
    assert {page for _, placed in chapters.placed(pages.pages) for page in placed} >= {
        name for name in pages.pages if "/" not in name and name != "index"
    }
    for name in pages.pages:
        pages.text(name)  # no link leads nowhere


def test_what_is_vendored_is_what_the_table_says() -> None:
    rows = re.findall(r"^\| `(\S+)` .* `([0-9a-f]{64})` \|$", (ASSETS / "VENDORED.md").read_text("utf-8"), re.MULTILINE)
    assert rows
    for name, digest in rows:
        assert hashlib.sha256((ASSETS / name).read_bytes()).hexdigest() == digest


def test_tests_that_pages_name_are_there() -> None:
    missing = []
    for page in sorted((ROOT / "docs").glob("*.md")):
        if page.name.startswith("write-a-driver"):  # it names one that its reader writes
            continue
        for file, _, function in re.findall(r"`(tests/[\w/.]+)(::)?(\w+)?`", page.read_text("utf-8")):
            path = ROOT / file
            if not path.exists() or (function and f"def {function}(" not in path.read_text("utf-8")):
                missing.append(f"docs/{page.name}: {file}::{function}")
    assert missing == []


@pytest.mark.parametrize("page", ["messages.md", "messages.zh-CN.md"])
def test_the_report_on_the_page_about_messages_is_one(page: str) -> None:
    example = re.search(r"```json\n(.*?)```", (ROOT / "docs" / page).read_text("utf-8"), re.DOTALL)
    assert example is not None
    report = json.loads(example[1])
    jsonschema.validate(report, json.loads((ROOT / "docs" / "schemas" / "report.json").read_text("utf-8")))
    assert report["readings"][0]["battery_percent"] == 87
