"""Sources: pages that are wrong, signatures, repeats, files that grow; each against a platform on real sockets."""

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest

from edge.feed import checking
from edge.feed.mapping import Mapping
from edge.feed.meaning import Aside
from edge.feed.sources import NotToldError, Source, make_source
from edge.feed.sources.push import BODY_MAX, PushSource
from edge.secrets import Secrets
from shouwang import clock
from shouwang.clock import SystemClock
from simulators.platforms.lists import ListPlatform, refused_with_200
from simulators.platforms.sender import Sender
from tests.edge.feed.samples import mapping, meaning, terminal, written
from tests.waiting import until

SECRETS = Secrets(None, {"care-token": "Bearer t0ken", "nbiot": "0123456789abcdef"})


def made(said: Mapping, name: str, state: Path, asides: list[Aside] | None = None) -> Source:
    entries = meaning(name).entries

    def find(content: Any) -> list[Any]:
        found = entries(content)
        if isinstance(found, Aside):
            raise NotToldError(found.reason, found.detail)
        return found

    source = make_source(said, SECRETS, state, state, find, SystemClock())
    assert source is not None
    source.aside = (asides if asides is not None else []).append
    return source


def listing(platform: ListPlatform, tmp_path: Path, asides: list[Aside] | None = None, **more: Any) -> Source:
    pages = {"parameter": "pageNo", "size_parameter": "pageSize", "size": 10, "total": "data.total"}
    source = {"type": "http", "url": platform.url, "pages": pages, "headers": {"Authorization": "secret:care-token"}}
    return made(mapping(source=source | {"timeout_s": 0.5} | more), "call-terminals", tmp_path, asides)


async def test_a_list_in_pages(tmp_path: Path) -> None:
    entries = [terminal(str(number), clock.wall_ms()) for number in range(25)]
    platform = await ListPlatform(entries, token="Bearer t0ken").start()
    assert [each["imei"] for each in await listing(platform, tmp_path).once()] == [str(n) for n in range(25)]
    assert platform.asked == 3
    platform.stop()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"same_page": True, "claims": 99}, "page 2 is page 1 once more"),
        ({"claims": 40}, "says that there are 40, and gives 25"),
    ],
)
async def test_pages_that_are_wrong_end_and_are_said(tmp_path: Path, wrong: dict[str, Any], said: str) -> None:
    entries = [terminal(str(number), clock.wall_ms()) for number in range(25)]
    platform = await ListPlatform(entries, **wrong).start()
    asides: list[Aside] = []
    await listing(platform, tmp_path, asides).once()
    assert said in asides[0].detail
    assert platform.asked <= 4
    platform.stop()


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"answer": refused_with_200}, "error_inside"),
        ({"status": 502}, "status"),
        ({"token": "Bearer other"}, "status"),
        ({"silent": True}, "no_answer"),
        ({"cut": True}, "malformed"),
    ],
)
async def test_a_platform_that_does_not_tell(tmp_path: Path, wrong: dict[str, Any], reason: str) -> None:
    platform = await ListPlatform([terminal("1", 0)], **wrong).start()
    with pytest.raises(NotToldError) as refused:
        await listing(platform, tmp_path).once()
    assert refused.value.aside.reason == reason
    assert "t0ken" not in str(refused.value)
    platform.stop()


class Kept:
    """What a source gave, and a way to be told so."""

    def __init__(self) -> None:
        self.entries: list[Any] = []
        self.broken = False

    async def take(self, entries: list[Any]) -> None:
        if self.broken:
            raise OSError("the disk is full")
        self.entries += entries


async def pushed(tmp_path: Path) -> tuple[PushSource, Kept, asyncio.Task[None], Sender]:
    source = made(
        mapping(source={"type": "push", "port": 0, "path": "/nbiot", "secret": "secret:nbiot"}), "nbiot", tmp_path
    )
    assert isinstance(source, PushSource)
    kept = Kept()
    task = asyncio.create_task(source.run(kept.take))
    await until(lambda: source.port != 0)
    return source, kept, task, Sender(source.port, "0123456789abcdef")


SAID = {"notifies": [{"imei": "1", "timestamp": 1, "payload": {}}]}


async def test_what_is_signed_is_kept_once(tmp_path: Path) -> None:
    _, kept, task, sender = await pushed(tmp_path)
    now_s = clock.wall_ms() / 1000
    assert await sender.send(SAID, now_s) == 200
    assert await sender.send(SAID, now_s) == 200, "sent again, or replayed: had already"
    assert kept.entries == SAID["notifies"]
    task.cancel()


async def test_what_could_not_be_kept_is_asked_for_again(tmp_path: Path) -> None:
    _, kept, task, sender = await pushed(tmp_path)
    now_s = clock.wall_ms() / 1000
    kept.broken = True
    assert await sender.send(SAID, now_s) == 503
    kept.broken = False
    assert await sender.send(SAID, now_s) == 200, "the same message, tried again"
    task.cancel()


async def test_whoever_does_not_know_the_secret_is_refused(tmp_path: Path) -> None:
    source, kept, task, sender = await pushed(tmp_path)
    now_s = clock.wall_ms() / 1000
    body = msgspec.json.encode(SAID)
    stamp, good = sender.signed(body, now_s)
    assert await Sender(source.port, "another").send(SAID, now_s) == 401
    assert await Sender(source.port, sender.secret, skew_s=-600).send(SAID, now_s) == 401
    assert await sender.post(body + b" ", stamp, good) == 401
    assert await sender.post(body, str(int(stamp) + 1), good) == 401
    assert await sender.post(body, "", "") == 401
    assert await sender.post(body, "9" * 40, "\xff" * 10) == 401
    assert await Sender(source.port, sender.secret, path="/other").send(SAID, now_s) == 404
    assert await sender.send(b"{", now_s) == 400
    assert (kept.entries, source.refused) == ([], 6)
    task.cancel()


async def test_bytes_of_no_meaning_harm_nobody(tmp_path: Path) -> None:
    source, _, task, sender = await pushed(tmp_path)
    for noise in (b"\x00\xff" * 50, b"GET / HTTP/1.1\r\n\r\n", b"POST /nbiot HTTP/1.1\r\n\r\n", b"A" * 40_000, b""):
        _, writer = await asyncio.open_connection("127.0.0.1", source.port)
        writer.write(noise)
        writer.close()
    reader, writer = await asyncio.open_connection("127.0.0.1", source.port)
    writer.write(b"POST /nbiot HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % (BODY_MAX + 1))
    assert b" 413 " in await reader.readline()
    writer.close()
    assert await sender.send(SAID, clock.wall_ms() / 1000) == 200
    task.cancel()


async def test_a_file_is_taken_once_and_only_when_it_has_stopped_growing(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    said = mapping(source={"type": "folder", "folder": "in", "every_s": 1.0}, ok={"path": "imei", "is": ["x"]})
    said = msgspec.structs.replace(said, ok=None, entries="")

    def source() -> Any:
        found = made(said, "bank-atms", tmp_path)
        found.find = list
        return found

    kept, first = Kept(), source()
    (folder / "a.csv").write_text("imei,battery\n1,80\n")
    await first._look(kept.take)
    assert kept.entries == [], "seen for the first time: it may still grow"
    (folder / "a.csv").write_text("imei,battery\n1,80\n2,70\n")
    await first._look(kept.take)
    assert kept.entries == []
    await first._look(kept.take)
    await first._look(kept.take)
    assert [each["imei"] for each in kept.entries] == ["1", "2"]
    again = source()
    await again._look(kept.take)
    await again._look(kept.take)
    assert len(kept.entries) == 2, "nor after a restart"
    (folder / "b.csv").write_bytes(b"imei,battery\n\xff\xfe")
    asides: list[Aside] = []
    again.aside = asides.append
    await again._look(kept.take)
    await again._look(kept.take)
    assert asides[0].reason == "malformed"
    assert "b.csv" in asides[0].detail


def test_check_shows_what_an_answer_maps_to(tmp_path: Path) -> None:
    path = written(tmp_path, "nbiot", type="push", port=0, secret="secret:nbiot")
    answer = tmp_path / "answer.json"
    now_ms = clock.wall_ms()
    entries = [
        {"imei": "860000000000011", "timestamp": now_ms, "payload": {"bat": 50}},
        {"imei": "860000000000012", "payload": {"bat": 50}},
    ]
    answer.write_bytes(msgspec.json.encode({"notifies": entries}))
    _, found = checking.look(path, tmp_path, answer)
    assert checking.as_json(found)["readings"][0]["battery_percent"] == 50
    text = "\n".join(checking.as_text(found))
    assert "2 entries: 1 readings, 0 events, 1 set aside" in text
    assert "set aside, no_instant: 1" in text
