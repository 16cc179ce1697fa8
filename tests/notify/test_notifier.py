"""What is owed is worked off against real servers: at least once, one identity, gravest first, each in its own way."""

import asyncio
import base64
import json
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import Engine, insert, select, update

from collector.notify import Notifier, Provider
from collector.notify.providers.webhook import WebhookConfig, WebhookProvider
from collector.notify.providers.wecom import WecomConfig, WecomProvider
from shouwang import clock
from shouwang.ledger.engine import open_engine
from shouwang.ledger.migrate import upgrade
from shouwang.ledger.tables import Change, Incident, Notification, Try
from tests.notify.receiver import Receiver, Reply
from tests.servers import Database

pytestmark = pytest.mark.slow

KEY = "whsec_" + base64.b64encode(b"0123456789abcdef01234567").decode()
WELL = Reply(204, b"")
ROBOT_WELL = Reply(body=b'{"errcode":0,"errmsg":"ok"}')


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.system)])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    if request.param == "postgresql":
        database: Database = request.getfixturevalue("postgres")
        url = database.url
    made = open_engine(url)
    upgrade(made)
    yield made
    made.dispose()


class Debts:
    """Owes notifications in a ledger, and looks at what became of them."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._count = 0

    def owe(self, severity: str = "critical", incident: str = "", type_: str = "opened", many: int = 1) -> list[str]:
        ids, now_ms = [], clock.wall_ms()
        with self.engine.execution_options(writes=True).begin() as connection:
            for _ in range(many):
                self._count += 1
                of = incident or f"incident-{self._count}"
                known = connection.scalar(select(Incident.id).where(Incident.id == of))
                if known is None:
                    row = {"id": of, "cause": "device_silent", "severity": severity, "since": now_ms}
                    connection.execute(
                        insert(Incident), row | {"opened_at": now_ms, "centre": "c1", "device": "call-07"}
                    )
                id_ = f"00000000-0000-4000-8000-{self._count:012d}"
                body = {"type": f"incident.{type_}", "incident": {"id": of}, "text": {"zh": f"第{self._count}件"}}
                row = {"id": id_, "incident_id": of, "type": type_, "severity": severity, "owed_at": now_ms}
                connection.execute(insert(Notification), row | {"next_try_at": now_ms, "body": body})
                ids.append(id_)
        return ids

    def owed(self) -> list[str]:
        with self.engine.connect() as connection:
            return list(connection.scalars(select(Notification.id).where(Notification.accepted_at.is_(None))))

    def accepted(self) -> dict[str, str]:
        with self.engine.connect() as connection:
            rows = connection.execute(
                select(Notification.id, Notification.accepted_by).where(Notification.accepted_at.is_not(None))
            )
            return {row.id: row.accepted_by for row in rows}

    def tries(self) -> list[Any]:
        with self.engine.connect() as connection:
            return list(connection.execute(select(Try.__table__).order_by(Try.id)))


@pytest.fixture
def debts(engine: Engine) -> Debts:
    return Debts(engine)


def webhook(receiver: Receiver) -> WebhookProvider:
    return WebhookProvider(WebhookConfig(url=receiver.url, secret=SecretStr(KEY), allow_private=True))


def wecom(receiver: Receiver) -> WecomProvider:
    return WecomProvider(WecomConfig(url=SecretStr(receiver.url), allow_private=True))


@asynccontextmanager
async def running(engine: Engine, **ways: Provider) -> AsyncIterator[Notifier]:
    notifier = Notifier(engine, ways)
    task = asyncio.create_task(notifier.run())
    try:
        yield notifier
    finally:
        task.cancel()
        await asyncio.wait([task], timeout=5)


async def until(holds: Callable[[], object], limit_s: float = 20.0) -> None:
    limit = time.monotonic() + limit_s
    while not await asyncio.to_thread(holds):
        assert time.monotonic() < limit, "did not come true in time"
        await asyncio.sleep(0.02)


async def test_what_is_owed_is_told_once_and_written_down(engine: Engine, debts: Debts) -> None:
    async with Receiver(WELL) as receiver, running(engine, webhook=webhook(receiver)) as notifier:
        ids = debts.owe(many=3)
        notifier.wake()
        await until(lambda: not debts.owed())
        assert debts.accepted() == dict.fromkeys(ids, "webhook")
        assert sorted(receiver.ids) == ids
        assert [(row.provider, row.accepted) for row in debts.tries()] == [("webhook", True)] * 3
        with engine.connect() as connection:
            changes = connection.execute(select(Change.what, Change.incident_id, Change.centre)).all()
        assert {tuple(row) for row in changes} == {("incident", f"incident-{n}", "c1") for n in (1, 2, 3)}


async def test_a_failure_is_tried_again_with_the_same_identity_and_each_try_is_kept(
    engine: Engine, debts: Debts
) -> None:  # fault 40
    replies = (Reply(500, b"oops"), Reply(reset=True), WELL)
    async with Receiver(*replies) as receiver, running(engine, webhook=webhook(receiver)) as notifier:
        [id_] = debts.owe()
        await until(lambda: not debts.owed())
        assert receiver.ids == [id_] * 3
        tries = debts.tries()
        assert [row.accepted for row in tries] == [False, False, True]
        assert tries[0].answer == "500 oops"
        assert tries[1].at - tries[0].at >= 700
        assert tries[2].at - tries[1].at >= 1_400
        assert notifier.trouble == {}


async def test_a_200_with_an_error_inside_is_a_failure_and_the_next_way_is_taken(
    engine: Engine, debts: Debts
) -> None:  # fault 40
    refused = Reply(body=b'{"errcode":93000,"errmsg":"invalid"}')
    async with (
        Receiver(refused) as robot,
        Receiver(WELL) as receiver,
        running(engine, wecom=wecom(robot), webhook=webhook(receiver)) as notifier,
    ):
        [id_] = debts.owe()
        await until(lambda: not debts.owed())
        assert debts.accepted() == {id_: "webhook"}
        assert len(robot.requests) == 3
        assert "errcode 93000" in notifier.trouble["wecom"]


async def test_an_emergency_takes_the_next_way_after_one_failure(engine: Engine, debts: Debts) -> None:
    async with (
        Receiver(Reply(500)) as broken,
        Receiver(ROBOT_WELL) as robot,
        running(engine, webhook=webhook(broken), wecom=wecom(robot)),
    ):
        debts.owe("emergency")
        await until(lambda: not debts.owed(), 5)
        assert len(broken.requests) == 1


async def test_every_provider_down_and_still_owed_and_told_when_one_is_back(engine: Engine, debts: Debts) -> None:
    # fault 41
    async with (
        Receiver(Reply(503)) as broken,
        Receiver(Reply(503)) as robot,
        running(engine, webhook=webhook(broken), wecom=wecom(robot)),
    ):
        [id_] = debts.owe()
        await until(lambda: len(robot.requests) >= 2)
        assert debts.owed() == [id_]
        robot.replies[:] = [ROBOT_WELL]
        await until(lambda: not debts.owed())
        assert debts.accepted() == {id_: "wecom"}


async def test_429_with_retry_after_is_respected(engine: Engine, debts: Debts) -> None:  # fault 40
    limited = Reply(429, b"", {"retry-after": "3"})
    async with Receiver(limited, WELL) as receiver, running(engine, webhook=webhook(receiver)):
        debts.owe()
        await until(lambda: not debts.owed())
        first, second = debts.tries()
        assert second.at - first.at >= 3_000


async def test_a_provider_that_hangs_delays_no_other_and_no_emergency(
    engine: Engine, debts: Debts, monkeypatch: pytest.MonkeyPatch
) -> None:  # fault 40
    monkeypatch.setattr(WebhookProvider, "timeout_s", 1.0)
    async with (
        Receiver(Reply(hang=True)) as stuck,
        Receiver(ROBOT_WELL) as robot,
        running(engine, webhook=webhook(stuck), wecom=wecom(robot)),
    ):
        debts.owe("minor", many=30)
        await until(lambda: stuck.most_at_once >= 4)
        assert stuck.most_at_once == 4
        [urgent] = debts.owe("emergency")
        await until(lambda: urgent in debts.accepted(), 5)
        await until(lambda: not debts.owed(), 15)
        assert len(robot.requests) == 31


async def test_the_gravest_goes_first(engine: Engine, debts: Debts) -> None:
    debts.owe("minor", many=20)
    [urgent] = debts.owe("emergency")
    async with Receiver(WELL) as receiver, running(engine, webhook=webhook(receiver)):
        await until(lambda: not debts.owed())
        assert urgent in receiver.ids[:6]


async def test_nobody_reads_of_an_end_before_the_beginning(engine: Engine, debts: Debts) -> None:
    debts.owe(incident="one", type_="closed")
    debts.owe(incident="one", type_="opened")  # in the same breath
    with engine.execution_options(writes=True).begin() as connection:
        connection.execute(update(Notification).values(owed_at=1))
    async with Receiver(Reply(500), WELL) as receiver, running(engine, webhook=webhook(receiver)):
        await until(lambda: not debts.owed())
        types = [request.json["type"] for request in receiver.requests]
        assert types == ["incident.opened", "incident.opened", "incident.closed"]


async def test_many_owed_are_told_in_bounded_numbers_at_once(engine: Engine, debts: Debts) -> None:
    debts.owe(many=150)
    async with Receiver(WELL) as receiver, running(engine, webhook=webhook(receiver)):
        await until(lambda: not debts.owed())
        assert receiver.most_at_once <= 4
        assert len(receiver.requests) == 150


async def test_without_a_provider_it_waits_and_one_that_comes_later_tells_it(engine: Engine, debts: Debts) -> None:
    [id_] = debts.owe()
    async with running(engine):
        await asyncio.sleep(0)
        assert debts.owed() == [id_]
    async with Receiver(WELL) as receiver, running(engine, webhook=webhook(receiver)):
        await until(lambda: not debts.owed())


async def test_send_test_says_that_it_is_one(engine: Engine) -> None:
    async with Receiver(WELL) as receiver, running(engine, webhook=webhook(receiver)) as notifier:
        assert (await notifier.send_test("webhook", "http://127.0.0.1:8420")).accepted
        assert receiver.requests[0].json["type"] == "test"
        assert "测试" in receiver.requests[0].json["text"]["zh"]


NOTIFIER = """
import asyncio, sys
from pydantic import SecretStr
from collector.notify import Notifier
from collector.notify.providers.webhook import WebhookConfig, WebhookProvider
from shouwang.ledger.engine import open_engine
config = WebhookConfig(url=sys.argv[2], secret=SecretStr(sys.argv[3]), allow_private=True)
asyncio.run(Notifier(open_engine(sys.argv[1]), {"webhook": WebhookProvider(config)}).run())
"""


def _either(receiver: Receiver, seen: int, debts: Debts) -> bool:
    return len(receiver.requests) >= seen or not debts.owed()


async def test_killed_between_acceptance_and_mark_tells_at_most_a_double_of_the_same_identity(
    tmp_path: Path,
) -> None:  # fault 3
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    engine = open_engine(url)
    upgrade(engine)
    debts = Debts(engine)
    ids = debts.owe(many=5)
    async with Receiver(WELL) as receiver:
        for seen in range(1, 40):
            if not debts.owed():
                break
            process = await asyncio.create_subprocess_exec(sys.executable, "-c", NOTIFIER, url, receiver.url, KEY)
            try:
                await until(partial(_either, receiver, seen, debts))
            finally:
                os.kill(process.pid, signal.SIGKILL)
                await process.wait()
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", NOTIFIER, url, receiver.url, KEY)
        await until(lambda: not debts.owed())
        process.terminate()
        await process.wait()
        assert set(receiver.ids) == set(ids)
        bodies = {request.headers["webhook-id"]: json.dumps(request.json) for request in receiver.requests}
        assert all(json.dumps(r.json) == bodies[r.headers["webhook-id"]] for r in receiver.requests)
    engine.dispose()
