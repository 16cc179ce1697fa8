"""The pages as a browser without scripts gets them: who sees what, in which language, in what order, and how large."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from fastapi.routing import APIRoute
from sqlalchemy import select, update

from api.access import Needs, Open
from api.console.static_files import static_files
from shouwang import clock, drivers
from shouwang.ledger.tables import Deed, Device, Maintenance, Meta, Viewing
from shouwang.vocabulary import Role
from tests.console.conftest import Console
from tests.console.picture import crowd

OURS = {"sec-fetch-site": "same-origin"}
LIST_LINE = re.compile(r'data-incident="([0-9a-f-]+)"')


class Reader:
    """Somebody with a browser."""

    def __init__(self, console: Console, role: Role, townships: tuple[str, ...] = (), language: str = "zh") -> None:
        self.console = console
        self.client = httpx.Client(
            base_url=console.base,
            cookies={"shouwang": console.session(role, townships)},
            headers={"accept": "text/html", "accept-language": language},
            timeout=30,
        )

    def get(self, path: str) -> httpx.Response:
        return self.client.get(path)

    def text(self, path: str) -> str:
        answer = self.get(path)
        assert answer.status_code == 200, (path, answer.status_code, answer.text[:500])
        return answer.text

    def post(self, path: str, **form: str) -> httpx.Response:
        return self.client.post(path, data=form, headers=OURS)


@pytest.fixture
def admin(console: Console) -> Iterator[Reader]:
    reader = Reader(console, Role.ADMINISTRATOR)
    yield reader
    reader.client.close()


def rows(console: Console, statement: Any) -> list[Any]:
    with console.engine.connect() as connection:
        return list(connection.execute(statement))


def every_page(console: Console) -> list[str]:
    picture = console.picture
    centre, _, device = picture.silent.partition("/")
    waiting = picture.waiting.replace("/", "/devices/")
    return [
        "/", "/centres", f"/centres/{centre}", f"/centres/{picture.offline_centre}", "/devices",
        "/devices?condition=down", "/unwatched", "/devices?kind=camera&q=1", f"/centres/{centre}/devices/{device}",
        f"/centres/{centre}/devices/{device}?hours=168", f"/centres/{waiting}", "/incidents", "/incidents?state=open",
        "/incidents?state=all&severity=major", f"/incidents/{picture.silent_incident}",
        f"/incidents/{picture.offline_incident}", f"/incidents/{picture.help_incident}", "/search", "/search?q=光明",
        "/maintenance", "/unregistered", f"/add-device?centre={centre}&kind=camera", "/notifications",
        "/agents", "/agents?condition=online&version=0.1.0",
        "/runbook", "/runbook/device_silent",
        f"/add-device?centre={centre}&kind=ecommerce_point", f"/centres/{centre}/devices/{device}/edit",
    ]  # fmt: skip


@pytest.mark.slow
def test_every_page_is_there_in_both_languages(console: Console) -> None:
    for language in ("zh", "en"):
        reader = Reader(console, Role.ADMINISTRATOR, language=language)
        for path in every_page(console):
            text = reader.text(path)
            assert f'<html lang="{"zh-CN" if language == "zh" else "en"}"' in text
            assert "%(" not in text, path
            assert text.count("<h1") == 1, path


def test_what_is_out_stands_gravest_first_then_longest(console: Console, admin: Reader) -> None:
    shown = LIST_LINE.findall(admin.text("/"))
    assert len(shown) == console.picture.incidents
    listed = admin.client.get("/api/v1/incidents?open=true", headers={"accept": "application/json"}).json()["items"]
    assert shown == [each["id"] for each in listed]
    assert shown[0] == console.picture.help_incident
    ranks = [["emergency", "critical", "major", "minor"].index(each["severity"]) for each in listed]
    assert ranks == sorted(ranks)


def test_a_line_says_what_where_since_when_why_and_who_is_on_it(console: Console, admin: Reader) -> None:
    line = next(each for each in admin.text("/").split("<li ") if console.picture.silent_incident in each)
    words = re.sub(r"<[^>]+>", " ", line)
    assert "严重" in words
    assert "呼叫终端 3 失联" in words
    assert "大沁他拉镇 · 光明村社区服务中心" in words
    assert re.search(r"超时未收到消息 · 最后一次正常 (\d\d-\d\d )?\d\d:\d\d 电池电量 87 %", words)
    assert re.search(r"1[3-9] 分钟", words)
    assert "无人受理" in words


@pytest.mark.slow
def test_nobody_comes_in_without_signing_in(console: Console) -> None:
    for path in every_page(console):
        answer = httpx.get(console.base + path, headers={"accept": "text/html"})
        assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in"), path
    part = httpx.get(console.base + "/now", headers={"accept": "text/html", "hx-request": "true"})
    assert part.status_code == 401
    assert "请先登录" in part.text


def test_every_route_of_the_console_asks_who_may(console: Console) -> None:
    from api.app import create_app
    from shouwang.kinds import Kinds

    app = create_app(console.engine, console.store, Kinds())
    asked = 0
    for included in app.router.routes:
        for route in getattr(getattr(included, "original_router", None), "routes", [included]):
            if isinstance(route, APIRoute) and route.endpoint.__module__.startswith("api.console"):
                calls = [dependency.call for dependency in route.dependant.dependencies]
                assert any(isinstance(call, Needs | Open) for call in calls), route.path
                asked += 1
    assert asked > 30


def test_a_write_from_another_site_is_refused(console: Console, admin: Reader) -> None:
    address = f"/incidents/{console.picture.silent_incident}/acknowledge"
    for headers in ({"sec-fetch-site": "cross-site"}, {"origin": "http://evil.example"}, {}):
        assert admin.client.post(address, headers=headers).status_code == 403
    assert httpx.post(f"{console.base}/preferences", data={"theme": "dark"}).status_code == 403
    assert rows(console, select(Deed)) == []


def test_the_way_back_leads_nowhere_else(console: Console, admin: Reader) -> None:
    for back in ("//evil.example", "https://evil.example", "/\\evil.example", "/\nx"):
        assert admin.post("/preferences", theme="dark", back=back).headers["location"] == "/", back
    assert admin.post("/preferences", theme="dark", back="/centres?q=a").headers["location"] == "/centres?q=a"


def test_a_role_sees_only_what_it_may_do(console: Console) -> None:
    viewer = Reader(console, Role.VIEWER)
    incident = viewer.text(f"/incidents/{console.picture.silent_incident}")
    assert "我来受理" not in incident
    assert "查看住户" not in incident
    device = viewer.text(f"/centres/{console.picture.silent.replace('/', '/devices/')}")
    assert "立即检测" not in device
    assert viewer.post(f"/incidents/{console.picture.silent_incident}/acknowledge").status_code == 403
    assert viewer.get("/add-device").status_code == 403
    assert viewer.get("/notifications").status_code == 403
    technician = Reader(console, Role.TECHNICIAN)
    assert "我来受理" in technician.text(f"/incidents/{console.picture.silent_incident}")


def test_a_scope_ends_at_its_townships(console: Console) -> None:
    picture = console.picture
    mine = picture.centre_of(picture.silent)
    reader = Reader(console, Role.TECHNICIAN, (mine.township,))
    assert picture.silent_incident in reader.text("/")
    assert picture.offline_incident not in reader.text("/")
    assert reader.get(f"/incidents/{picture.offline_incident}").status_code == 404
    assert reader.get(f"/centres/{picture.offline_centre}").status_code == 404
    assert "没有符合的服务中心" in reader.text(f"/search?q={picture.offline_centre}")


@pytest.mark.slow
def test_a_household_is_shown_upon_asking_and_the_viewing_is_written_down(console: Console) -> None:
    picture = console.picture
    centre, _, name = picture.silent.partition("/")
    household = rows(console, select(Device.household).where(Device.id == picture.ids[picture.silent]))[0][0]
    technician = Reader(console, Role.TECHNICIAN)
    address = f"/centres/{centre}/devices/{name}"
    for path in (address, f"/incidents/{picture.silent_incident}", f"/centres/{centre}", "/"):
        assert household not in technician.text(path)
    assert rows(console, select(Viewing)) == []
    assert household in technician.post(f"{address}/household").text
    assert household in technician.post(f"/incidents/{picture.silent_incident}/households").text
    noted = rows(console, select(Viewing.who, Viewing.centre, Viewing.device, Viewing.allowed))
    assert noted == [("technician", centre, name, True)] * 2
    viewer = Reader(console, Role.VIEWER)
    assert viewer.post(f"{address}/household").status_code == 403
    assert rows(console, select(Viewing.allowed).where(Viewing.who == "viewer")) == [(False,)]


def test_a_search_by_household_is_for_those_who_may_and_is_written_down(console: Console) -> None:
    household = rows(console, select(Device.household).where(Device.household != ""))[0][0]
    found = Reader(console, Role.TECHNICIAN).text(f"/search?q={household}")
    assert "呼叫终端" in found
    assert [row.what for row in rows(console, select(Viewing.what))] == ["search by household"]
    assert "没有符合的设备" in Reader(console, Role.VIEWER).text(f"/search?q={household}")


@pytest.mark.slow
def test_a_deed_while_the_collector_is_away_is_recorded_and_says_so(console: Console, admin: Reader) -> None:
    answer = admin.post(f"/incidents/{console.picture.silent_incident}/acknowledge")
    assert answer.status_code == 200
    assert "采集器现在不在。已经记下，等它恢复就生效。" in answer.text
    assert [(row.what, row.who) for row in rows(console, select(Deed.what, Deed.who))] == [
        ("acknowledge", "administrator")
    ]


@pytest.mark.slow
def test_a_note_and_a_close_say_something(console: Console, admin: Reader) -> None:
    address = f"/incidents/{console.picture.silent_incident}"
    assert admin.post(f"{address}/notes", note="  ").status_code == 422
    assert admin.post(f"{address}/close", outcome="", note="").status_code == 422
    admin.post(f"{address}/close", outcome="unplugged", note="插头松了")
    assert rows(console, select(Deed.what, Deed.note)) == [("close", "unplugged: 插头松了")]


def test_maintenance_begins_and_ends_in_one_tap(console: Console, admin: Reader) -> None:
    centre, _, device = console.picture.silent.partition("/")
    address = f"/centres/{centre}/devices/{device}"
    assert "检修 2 小时" in admin.text(address)
    begun = admin.post("/maintenance", centre=centre, device=device, hours="2", back=address)
    assert (begun.status_code, begun.headers["location"]) == (303, address)
    shown = admin.text(address)
    assert "结束检修" in shown
    ending = re.search(r'action="(/maintenance/\d+/end)"', shown)
    assert ending is not None
    admin.post(ending[1], back=address)
    assert "检修 2 小时" in admin.text(address)
    ended = rows(console, select(Maintenance.ended_at).where(Maintenance.device == device))
    assert len(ended) == 1
    assert ended[0][0] is not None


def test_a_window_over_nothing_says_why_and_one_can_be_planned_in_local_time(console: Console, admin: Reader) -> None:
    wrong = admin.post("/maintenance", centre="150525999999", hours="2")
    assert wrong.status_code == 422
    assert "150525999999" in wrong.text
    assert admin.post("/maintenance", kind="camera", from_at="never", hours="2").status_code == 422
    admin.post("/maintenance", kind="camera", from_at="2099-01-02T08:00", hours="4")
    planned = rows(console, select(Maintenance.from_at, Maintenance.to_at).where(Maintenance.kind == "camera"))
    assert planned == [(4_070_995_200_000, 4_070_995_200_000 + 4 * 3_600_000)]  # 2099-01-02T00:00Z


def test_what_is_not_watched_stands_apart_from_what_is_broken(console: Console, admin: Reader) -> None:
    text = admin.text("/unregistered")
    assert "call-77" in text
    assert "robot" in text
    assert console.picture.waiting.partition("/")[2] in text
    home = LIST_LINE.findall(admin.text("/"))
    assert len(home) == console.picture.incidents
    assert "kind=call_terminal" in text  # registering it begins with what it said


def test_the_deaf_banner_says_since_when(console: Console, admin: Reader) -> None:
    assert "采集器收不到消息" not in admin.text("/")
    with console.engine.execution_options(writes=True).begin() as connection:
        heard = clock.wall_ms() - 5 * 60_000
        connection.execute(update(Meta).where(Meta.key == "heard_well_at").values(value=str(heard)))
    for path in ("/", "/centres", "/deaf"):
        assert re.search(r"采集器收不到消息.*已过去 5 分钟", admin.text(path), re.DOTALL), path


def test_a_link_works_once_and_a_used_one_says_how_to_get_another(console: Console) -> None:
    link = console.link(Role.DUTY_OFFICER)
    with httpx.Client(headers={"accept": "text/html"}) as client:
        for _ in range(2):  # looking at it (as chat programs do) does not use it up
            assert "在本设备上登录" in client.get(link).text
        entered = client.post(link, headers=OURS)
        assert (entered.status_code, entered.headers["location"]) == (303, "/")
        assert client.get(f"{console.base}/").status_code == 200
    again = httpx.post(link, headers=OURS | {"accept": "text/html"})
    assert again.status_code == 410
    assert "shouwang user link" in again.text
    assert "set-cookie" not in again.headers


def test_signing_out_ends_the_session(console: Console) -> None:
    reader = Reader(console, Role.VIEWER)
    secret = reader.client.cookies["shouwang"]
    assert reader.post("/sign-out").headers["location"] == "/sign-in"
    answer = httpx.get(console.base, cookies={"shouwang": secret}, headers={"accept": "text/html"})
    assert answer.status_code == 303


def test_what_does_not_exist_is_a_page_too(admin: Reader) -> None:
    for path in ("/centres/150525999999", "/incidents/none", "/nowhere", "/static/../api/app.py", "/static/x.js"):
        answer = admin.get(path)
        assert answer.status_code == 404, path
        assert "找不到" in answer.text or "Not Found" in answer.text, path


def test_input_is_shown_as_text_never_as_markup(console: Console, admin: Reader) -> None:
    text = admin.text("/search?q=<script>alert(1)</script>")
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert" in text


def test_pages_are_kept_by_nobody_and_allow_no_inline_script(admin: Reader) -> None:
    answer = admin.get("/")
    assert answer.headers["cache-control"] == "no-store"
    policy = answer.headers["content-security-policy"]
    assert "'unsafe" not in policy
    assert "default-src 'none'" in policy
    inline = re.findall(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=", answer.text)
    assert inline == []


@pytest.mark.slow
def test_a_page_with_500_open_incidents_is_small(console: Console, admin: Reader) -> None:
    crowd(console.engine, console.picture, 500)
    text = admin.text("/")
    assert len(LIST_LINE.findall(text)) == 100
    assert f"还有 {console.picture.incidents + 500 - 100} 起" in text
    with admin.client.stream("GET", "/", headers={"accept-encoding": "gzip"}) as answer:
        page_bytes = sum(len(chunk) for chunk in answer.iter_raw())
    files = re.findall(r'(?:src|href)="/static/([^?"]+)', text)
    file_bytes = sum(len(static_files()[name].zipped) for name in files)
    assert page_bytes + file_bytes < 200_000
    whole = sum(len(each.zipped) for each in static_files().values()) + page_bytes
    assert whole < 200_000, "even with everything that any page loads"


def test_new_devices_are_checked_by_the_rules_of_the_fleet_file(console: Console, admin: Reader) -> None:
    centre = console.picture.silent.partition("/")[0]
    form = {"centre": centre, "kind": "camera", "device": "cam-77", "target": "192.168.1.77"}
    for wrong, said in (
        ({"device": ""}, "必填"),
        ({"device": "Cam 77"}, "Cam 77"),
        ({"kind": "cammera"}, "cammera"),
        ({"target": "rtsp://user:secret@192.168.1.77/"}, "target"),
        ({"device": "cam-01"}, "already"),
        ({"centre": "150525999999"}, "没有这个服务中心"),
    ):
        answer = admin.post("/add-device", **form | wrong)
        assert answer.status_code == 422, wrong
        assert said in answer.text, wrong
    assert rows(console, select(Device).where(Device.device == "cam-77")) == []


def test_the_settings_of_its_driver_are_entered_checked_and_changed(console: Console, admin: Reader) -> None:
    centre = console.picture.silent.partition("/")[0]
    form = {"centre": centre, "kind": "camera", "device": "cam-78", "target": "rtsp://192.168.1.78/1", "driver": "rtsp"}
    assert 'name="set_password"' in admin.text(f"/add-device?centre={centre}&kind=camera&driver=rtsp")
    for driver, said in drivers.load().items():
        shown = admin.text(f"/add-device?centre={centre}&kind=camera&driver={driver}")
        assert [each.name for each in said.settings] == re.findall(r'name="set_(\w+)"', shown)
    refused = admin.post("/add-device", **form, set_user="admin", set_password="hunter2")
    assert refused.status_code == 422
    assert "secret:NAME" in refused.text
    assert admin.post("/add-device", **form, set_password="secret:hall").status_code == 303
    stands = select(Device.settings, Device.target, Device.owner).where(Device.device == "cam-78")
    assert rows(console, stands) == [({"password": "secret:hall"}, form["target"], "")]
    address = f"/centres/{centre}/devices/cam-78"
    assert "secret:hall" in admin.text(f"{address}/edit")
    changed = form | {"driver": "http", "target": "http://192.168.1.78/", "owner": "村委会"}
    assert admin.post(f"{address}/edit", **changed, set_status="200, 204").headers["location"] == address
    assert rows(console, stands) == [({"status": [200, 204]}, changed["target"], "村委会")]
    wrong = admin.post(f"{address}/edit", **changed, set_trust="perhaps")
    assert wrong.status_code == 422
    assert "trust" in wrong.text


def test_a_new_device_is_on_trial_until_it_is_kept_or_taken_back(console: Console, admin: Reader) -> None:
    centre = console.picture.silent.partition("/")[0]
    form = {"centre": centre, "kind": "camera", "device": "cam-77", "target": "192.168.1.77"}
    trial = admin.post("/add-device", **form).headers["location"]
    assert trial == f"/add-device/{centre}/cam-77"
    assert "保留" in admin.text(trial)
    window = select(Maintenance.ended_at).where(Maintenance.device == "cam-77").order_by(Maintenance.id)
    assert rows(console, window) == [(None,)]
    assert admin.post(f"{trial}/take-back").headers["location"] == f"/centres/{centre}"
    retired = select(Device.retired_at, Device.target).where(Device.device == "cam-77")
    assert rows(console, retired)[0][0] is not None
    again = admin.post("/add-device", **form | {"target": "192.168.1.78"}).headers["location"]
    assert admin.post(f"{again}/keep").headers["location"] == f"/centres/{centre}/devices/cam-77"
    assert rows(console, retired) == [(None, "192.168.1.78")]
    assert [ended is not None for (ended,) in rows(console, window)] == [True, True]
    assert admin.post(f"{again}/take-back").status_code == 404  # it is on trial no longer
    revision = rows(console, select(Meta.value).where(Meta.key == "fleet_revision"))
    assert revision == [("3",)]
