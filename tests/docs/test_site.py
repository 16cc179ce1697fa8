"""The site of docs: whole in both languages, and readable on a machine without any network."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Literal
from urllib.parse import unquote, urlsplit

import pytest
from playwright.async_api import Browser, Page, expect

from tools.site.build import build

pytestmark = pytest.mark.slow

LANGUAGES = ("zh", "en")
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
WORDS = (("zh", "证书"), ("zh", "呼救"), ("en", "outbox"))
"""In which language what is searched."""
LIMIT_MS = 20_000
LOADING = {"script": "src", "img": "src", "link": "href", "iframe": "src", "source": "src", "video": "src"}
"""What a browser fetches of its own accord, by tag."""


class Seen(HTMLParser):
    """Ids, links and what a page loads."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = dict(attrs)
        self.ids |= {value for value in (said.get("id"), said.get("name")) if value}
        if tag == "a" and (link := said.get("href")):
            self.links.append(link)
        if tag in LOADING and (link := said.get(LOADING[tag])) and said.get("rel") not in ("prev", "next", "canonical"):
            self.loads.append(link)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    build(folder / "site", work=folder / "work")
    return folder / "site"


@pytest.fixture(scope="module")
def seen(site: Path) -> dict[Path, Seen]:
    return {page: Seen(page.read_text("utf-8")) for page in site.rglob("*.html")}


def inner(page: Path, links: list[str]) -> Iterator[tuple[str, Path, str]]:
    """Each link within the site, its file, and the part of it."""
    for link in links:
        parts = urlsplit(link)
        if not parts.scheme and not parts.netloc:
            yield link, (page.parent / unquote(parts.path)).resolve() if parts.path else page, unquote(parts.fragment)


def test_every_link_leads_to_a_page_and_a_place_that_are_there(site: Path, seen: dict[Path, Seen]) -> None:
    dead = []
    for page, found in seen.items():
        if page.name == "404.html":  # it stands at any depth, so its links are the server's business
            continue
        for link, file, part in inner(page, found.links):
            ids = seen[file].ids if file in seen else set()
            if not file.is_file() or (part and not part.startswith("__") and part not in ids):
                dead.append(f"{page.relative_to(site)}: {link}")
    assert dead == []
    assert len(seen) > 60  # the test saw a site


def test_nothing_is_fetched_from_another_host(site: Path, seen: dict[Path, Seen]) -> None:
    fetched = [
        f"{page.relative_to(site)}: {link}"
        for page, found in seen.items()
        for link in found.loads
        if urlsplit(link).netloc or link.startswith("//")
    ]
    for sheet in site.rglob("*.css"):
        fetched += [
            f"{sheet.relative_to(site)}: {link}"
            for link in re.findall(r"(?:url\(|@import\s*)[\"']?([^\"')\s]+)", sheet.read_text("utf-8"))
            if link.startswith(("http:", "https:", "//"))
        ]
    assert fetched == []


def test_what_a_page_loads_is_there(site: Path, seen: dict[Path, Seen]) -> None:
    missing = [
        f"{page.relative_to(site)}: {link}"
        for page, found in seen.items()
        if page.name != "404.html"
        for link, file, _ in inner(page, found.loads)
        if not file.is_file()
    ]
    assert missing == []


def test_both_languages_have_the_same_pages(site: Path) -> None:
    pages = {each: {page.relative_to(site / each) for page in (site / each).rglob("*.html")} for each in LANGUAGES}
    assert pages["zh"] == pages["en"]


@pytest.mark.system
async def test_searching_works_from_the_disk_alone(site: Path, browser: Browser) -> None:
    context = await browser.new_context(offline=True)
    asked: list[str] = []
    context.on("request", lambda request: asked.append(request.url))
    for language, word in WORDS:
        tab = await context.new_page()
        await tab.goto((site / language / "index.html").as_uri())
        await tab.keyboard.press("/")
        box = tab.get_by_role("combobox").or_(tab.get_by_role("textbox")).or_(tab.get_by_role("searchbox")).first
        await expect(box).to_be_focused(timeout=LIMIT_MS)
        await tab.keyboard.type(word)
        found = tab.get_by_role("option").filter(has=tab.locator("mark", has_text=word)).first
        await expect(found).to_be_visible(timeout=LIMIT_MS)
        await found.click()
        await expect(tab).to_have_url(re.compile(rf"/{language}/\S+\.html\?h="), timeout=LIMIT_MS)
        await expect(tab.get_by_role("main")).to_contain_text(word, timeout=LIMIT_MS)
    assert [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []


@pytest.mark.system
async def test_it_is_light_or_dark_as_the_reader_has_it(site: Path, browser: Browser) -> None:
    brightness = {}
    for scheme in SCHEMES:
        context = await browser.new_context(color_scheme=scheme)
        tab = await context.new_page()
        await tab.goto((site / "zh" / "concepts.html").as_uri())
        colour = await tab.evaluate("getComputedStyle(document.body).backgroundColor")
        brightness[scheme] = sum(map(int, re.findall(r"\d+", colour)[:3]))
    assert brightness["dark"] < 200 < 600 < brightness["light"]


@pytest.mark.system
async def test_no_page_is_wider_than_a_phone(site: Path, browser: Browser) -> None:
    phone = await browser.new_context(viewport={"width": 360, "height": 740}, java_script_enabled=False)
    tab = await phone.new_page()
    wide = []
    for page in sorted((site / "zh").glob("*.html")):
        await tab.goto(page.as_uri())
        if await tab.evaluate("document.documentElement.scrollWidth > innerWidth"):
            wide.append(page.name)
    assert wide == []


@pytest.mark.system
async def test_the_first_page_goes_to_the_readers_language_and_each_page_to_its_other(site: Path, page: Page) -> None:
    await page.goto((site / "index.html").as_uri())
    await page.wait_for_url("**/zh/index.html")
    await page.goto((site / "zh" / "drivers" / "sip.html").as_uri())
    await page.get_by_role("link", name="English").click()
    await page.wait_for_url("**/en/drivers/sip.html")
