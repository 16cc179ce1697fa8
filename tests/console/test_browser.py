"""The console in a real browser: it stays true while it stands open, and can be used by keyboard and on a phone."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect
from sqlalchemy import insert, update

from shouwang import clock
from shouwang.kinds import Kinds
from shouwang.ledger.tables import Change, Incident, Meta
from shouwang.readings.store import Stored
from shouwang.vocabulary import Role
from tests.console.conftest import Console
from tests.console.picture import falls_silent
from tests.console.test_pages import every_page

pytestmark = pytest.mark.system

SOON_MS = 5_000


@dataclass
class Seat:
    """Somebody in front of a page; what went wrong in the browser, and whom it asked."""

    page: Page
    console: Console
    wrong: list[str] = field(default_factory=list)
    hosts: set[str] = field(default_factory=set)

    async def open(self, path: str) -> None:
        await self.page.goto(self.console.base + path)

    def watch(self) -> None:
        self.page.on("pageerror", lambda error: self.wrong.append(str(error)))
        self.page.on("console", lambda said: self.wrong.append(said.text) if said.type == "error" else None)
        self.page.on("request", lambda request: self.hosts.add(re.sub(r"^(\w+://[^/]+).*", r"\1", request.url)))

    def all_was_well(self) -> None:
        assert self.wrong == []
        assert self.hosts <= {self.console.base}


@pytest_asyncio.fixture
async def seat(browser: Browser, console: Console) -> AsyncIterator[Seat]:
    """An administrator at a desk."""
    context = await browser.new_context(locale="zh-CN", viewport={"width": 1280, "height": 800})
    await context.add_cookies([{"name": "shouwang", "value": console.session(), "url": console.base}])
    made = Seat(await context.new_page(), console)
    made.watch()
    yield made
    await context.close()


async def test_one_signs_in_by_a_link_once(browser: Browser, console: Console) -> None:
    context = await browser.new_context(locale="zh-CN")
    page = await context.new_page()
    link = console.link(Role.DUTY_OFFICER)
    await page.goto(link)
    await page.get_by_role("button", name="在本设备上登录").click()
    await expect(page.get_by_role("heading", name="当前故障").last).to_be_visible()
    await page.get_by_text("duty_officer").click()
    await page.get_by_role("button", name="退出登录").click()
    await expect(page.get_by_role("heading", name="登录")).to_be_visible()
    await page.goto(link)
    await page.get_by_role("button", name="在本设备上登录").click()
    await expect(page.get_by_text("shouwang user link")).to_be_visible()
    await context.close()


async def test_what_happens_shows_by_itself(seat: Seat) -> None:
    await seat.open("/")
    page = seat.page
    await expect(page.locator("#live")).to_have_text("实时", timeout=SOON_MS)
    before = await page.locator("[data-incident]").count()
    name, incident = falls_silent(seat.console.engine, seat.console.picture, clock.wall_ms())
    line = page.locator(f"[data-incident='{incident}']")
    await expect(line).to_be_visible(timeout=SOON_MS)
    await expect(line).to_contain_text("失联")
    await expect(line).to_contain_text("1 分钟")
    await expect(page.locator("#news[aria-live]")).to_contain_text(re.compile("新增：.*失联"))
    assert await page.locator("[data-incident]").count() == before + 1
    await line.get_by_role("link").click()
    await expect(page.get_by_role("heading", level=1)).to_contain_text("失联")
    assert name.partition("/")[0] in await page.content()
    seat.all_was_well()


async def test_a_storm_of_events_costs_few_refreshes_and_the_last_is_seen(seat: Seat) -> None:
    await seat.open("/")
    page = seat.page
    await expect(page.locator("#live")).to_have_text("实时", timeout=SOON_MS)
    refreshes: list[str] = []
    page.on("request", lambda request: refreshes.append(request.url) if request.url.endswith("/now") else None)
    began_s = clock.mono_s()
    for _ in range(20):
        with seat.console.engine.execution_options(writes=True).begin() as connection:
            row = {"at": clock.wall_ms(), "what": "incident", "incident_id": seat.console.picture.help_incident}
            connection.execute(insert(Change), [row] * 20)
        await page.wait_for_timeout(100)
    _, incident = falls_silent(seat.console.engine, seat.console.picture, clock.wall_ms())
    await expect(page.locator(f"[data-incident='{incident}']")).to_be_visible(timeout=SOON_MS)
    assert len(refreshes) <= (clock.mono_s() - began_s) + 2
    seat.all_was_well()


async def test_what_others_do_to_an_incident_shows_by_itself_and_takes_no_words_away(seat: Seat) -> None:
    incident = seat.console.picture.silent_incident
    await seat.open(f"/incidents/{incident}")
    page = seat.page
    await expect(page.locator("#live")).to_have_text("实时", timeout=SOON_MS)
    await page.get_by_label("备注").fill("我还在写")
    now_ms = clock.wall_ms()

    def changes(**values: Any) -> None:
        with seat.console.engine.execution_options(writes=True).begin() as connection:
            connection.execute(update(Incident).where(Incident.id == incident).values(**values))
            connection.execute(insert(Change), [{"at": now_ms, "what": "incident", "incident_id": incident}])

    changes(acknowledged_at=now_ms, acknowledged_by="包文华")
    await expect(page.locator("#incident-now")).to_contain_text("包文华 已于", timeout=SOON_MS)
    await expect(page.get_by_role("button", name="我来受理")).to_have_count(0)
    changes(closed_at=now_ms, closed_as="recovered")
    await expect(page.locator("#incident-now")).to_contain_text("已恢复", timeout=SOON_MS)
    await expect(page.get_by_role("button", name="办结")).to_have_count(0)
    assert await page.get_by_label("备注").input_value() == "我还在写"
    await expect(page.get_by_label("备注")).to_be_focused()
    seat.all_was_well()


async def test_the_deaf_banner_comes_and_goes_by_itself(seat: Seat) -> None:
    await seat.open("/centres")
    page = seat.page
    await expect(page.locator("#live")).to_have_text("实时", timeout=SOON_MS)

    def heard(at_ms: int) -> None:
        with seat.console.engine.execution_options(writes=True).begin() as connection:
            connection.execute(update(Meta).where(Meta.key == "heard_well_at").values(value=str(at_ms)))
            connection.execute(insert(Change), [{"at": clock.wall_ms(), "what": "deaf"}])

    heard(clock.wall_ms() - 120_000)
    await expect(page.get_by_role("alert")).to_contain_text("采集器收不到消息", timeout=SOON_MS)
    heard(clock.wall_ms() + 3_600_000)
    await expect(page.get_by_role("alert")).to_be_empty(timeout=SOON_MS)
    seat.all_was_well()


async def test_a_device_s_history_is_drawn_and_its_span_can_be_chosen(seat: Seat) -> None:
    centre, _, device = seat.console.picture.silent.partition("/")
    await seat.open(f"/centres/{centre}/devices/{device}")
    page = seat.page
    battery = page.locator("[data-field='battery_percent']")
    await expect(battery.locator("canvas")).to_be_visible(timeout=SOON_MS)
    await expect(battery.locator("output")).to_have_text(re.compile(r"^8[67](\.\d)? %$"))
    assert await page.locator(".chart canvas").count() >= 4
    await expect(page.get_by_role("link", name="1 小时")).to_have_attribute("aria-current", "true")
    await page.get_by_role("link", name="24 小时").click()
    await expect(page.get_by_role("link", name="24 小时")).to_have_attribute("aria-current", "true")
    await expect(battery.locator("canvas")).to_be_visible(timeout=SOON_MS)
    assert await page.locator(".strip rect.silent").count() == 2
    assert await page.locator(".strip rect.degraded").count() == 1
    painted = await battery.locator("canvas").evaluate(
        "canvas => new Set(canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data).size"
    )
    assert painted > 5, "something is drawn"
    await page.get_by_role("link", name="6 小时").click()
    await expect(page.get_by_role("link", name="6 小时")).to_have_attribute("aria-current", "true")
    await expect(page.locator(".strip rect.degraded")).to_have_count(0)
    await expect(battery.locator("canvas")).to_be_visible(timeout=SOON_MS)
    seat.all_was_well()


async def test_a_history_that_stands_open_goes_on_by_itself(seat: Seat) -> None:
    picture = seat.console.picture
    centre, _, device = picture.silent.partition("/")
    await seat.open(f"/centres/{centre}/devices/{device}")
    battery = seat.page.locator("[data-field='battery_percent']")
    await expect(battery.locator("output")).to_have_text(re.compile(r"^8[67](\.\d)? %$"), timeout=SOON_MS)
    reading = Kinds().types["call_terminal"](device=device, age_ms=0, reachable=True, battery_percent=41)
    seat.console.store.write([Stored(centre, device, "call_terminal", clock.wall_ms(), reading)])
    await seat.page.locator("[data-history]").evaluate("history => { history.nextMs = 0; }")
    await expect(battery.locator("output")).to_have_text("41 %", timeout=SOON_MS)
    seat.all_was_well()


async def test_maintenance_begins_and_ends_in_one_tap(seat: Seat) -> None:
    centre, _, device = seat.console.picture.silent.partition("/")
    await seat.open(f"/centres/{centre}/devices/{device}")
    await seat.page.get_by_role("button", name="检修 2 小时").click()
    await expect(seat.page.locator(".badge.maintenance").first).to_be_visible()
    await seat.page.get_by_role("button", name="结束检修").click()
    await expect(seat.page.get_by_role("button", name="检修 2 小时")).to_be_visible()
    seat.all_was_well()


async def test_everything_is_reached_by_keyboard(seat: Seat) -> None:
    await seat.open("/")
    page = seat.page
    await page.keyboard.press("Tab")
    await expect(page.locator(".skip")).to_be_focused()
    await expect(page.locator(".skip")).to_be_in_viewport()
    await page.keyboard.press("Enter")
    await page.keyboard.press("Tab")
    focused = "document.activeElement.closest('main') !== null"
    assert await page.evaluate(focused)
    await page.keyboard.press("/")
    await expect(page.get_by_role("searchbox")).to_be_focused()
    await page.keyboard.type("光明")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", level=1)).to_contain_text("光明")
    await page.get_by_text("administrator").focus()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("link", name="通知方式")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("link", name="通知方式")).to_be_hidden()
    seat.all_was_well()


async def test_the_line_that_is_read_keeps_its_focus_when_the_list_is_renewed(seat: Seat) -> None:
    await seat.open("/")
    page = seat.page
    await expect(page.locator("#live")).to_have_text("实时", timeout=SOON_MS)
    read = page.locator(f"#i-{seat.console.picture.silent_incident}")
    await read.focus()
    _, incident = falls_silent(seat.console.engine, seat.console.picture, clock.wall_ms())
    await expect(page.locator(f"[data-incident='{incident}']")).to_be_visible(timeout=SOON_MS)
    await expect(read).to_be_focused()


NAMELESS = """() => [...document.querySelectorAll('a[href], button, input, select, textarea, summary')].filter(each => {
  if (each.type === 'hidden') { return false; }
  const label = each.labels && each.labels.length ? each.labels[0].textContent : '';
  return !(each.getAttribute('aria-label') || each.textContent || label || each.placeholder || '').trim();
}).map(each => each.outerHTML.slice(0, 120))"""


SMALL = """() => Array.from(document.querySelectorAll(
  'button, select, summary, .button, .nav a, .chips a, input:not([type=hidden], [type=checkbox], [type=radio])'
)).filter(each => {
  const box = each.getBoundingClientRect();
  return box.width > 0 && box.height < 43.5;
}).map(each => each.getBoundingClientRect().height + ' ' + each.outerHTML.slice(0, 120))"""


@pytest.mark.parametrize("language", ["zh-CN", "en-GB"])
async def test_a_phone_shows_every_page_without_scrolling_sideways(
    browser: Browser, console: Console, language: str
) -> None:
    context = await browser.new_context(locale=language, viewport={"width": 360, "height": 780}, has_touch=True)
    await context.add_cookies([{"name": "shouwang", "value": console.session(), "url": console.base}])
    page = await context.new_page()
    seat = Seat(page, console)
    seat.watch()
    for path in [*every_page(console), "/sign-in"]:
        await seat.open(path)
        width = await page.evaluate("document.documentElement.scrollWidth")
        assert width <= 360, (path, width)
        assert await page.evaluate(NAMELESS) == [], path
        assert await page.evaluate(SMALL) == [], f"{path}: too low for a finger"
        assert await page.evaluate("document.querySelectorAll('[id]').length") == await page.evaluate(
            "new Set([...document.querySelectorAll('[id]')].map(each => each.id)).size"
        ), f"{path}: an id stands twice"
    seat.all_was_well()
    await context.close()


async def test_language_and_colours_are_switched_and_kept(seat: Seat) -> None:
    await seat.open("/")
    page = seat.page

    async def background() -> Any:
        return await page.evaluate("getComputedStyle(document.body).backgroundColor")

    light = await background()
    await page.locator(".more summary").click()
    await page.get_by_role("button", name="深色").click()
    await expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    assert await background() != light
    await page.locator(".more summary").click()
    await page.get_by_role("button", name="English").click()
    await expect(page.get_by_role("heading", name="What is out now").last).to_be_visible()
    await seat.open("/centres")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Centres")
    await expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    await page.emulate_media(color_scheme="dark")
    dark = await background()
    await page.locator(".more summary").click()
    await page.get_by_role("button", name="As the system").click()
    await expect(page.locator("html:not([data-theme])")).to_be_visible()
    assert await background() == dark
    seat.all_was_well()


async def test_a_page_says_when_it_is_cut_off(seat: Seat) -> None:
    await seat.open("/")
    await expect(seat.page.locator("#live")).to_have_text("实时", timeout=SOON_MS)
    await seat.page.context.set_offline(True)
    seat.console.stop()
    await expect(seat.page.locator("#live")).to_have_text("连接中断", timeout=15_000)
