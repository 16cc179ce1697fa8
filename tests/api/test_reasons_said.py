"""What an agent says was wrong stands in both languages, in lists, histories, incidents and notifications."""

from __future__ import annotations

from sqlalchemy import Engine, update

from collector.notify.words import words
from shouwang.kinds import Kinds
from shouwang.ledger import views
from shouwang.ledger.tables import DeviceCondition, Transition
from shouwang.vocabulary import NotificationType
from tests.api.conftest import Api
from tests.api.world import GUANGMING, NOW_MS

_WHY = {"code": "no_answer", "values": {"s": 3}}
_ZH = "无应答（3 秒内无应答）"
_EN = "does not answer (no answer within 3 s)"


async def test_the_agents_reason_is_said_wherever_the_condition_is(api: Api, sqlite_ledger: Engine) -> None:
    with sqlite_ledger.execution_options(writes=True).begin() as connection:
        connection.execute(update(DeviceCondition).where(DeviceCondition.device_id == 2).values(why=_WHY))
        connection.execute(
            update(Transition).where(Transition.id == 7).values(condition="down", reasons=["unreachable"], why=_WHY)
        )
    devices = (await api.get("/devices?condition=down")).json()["items"]
    assert {"zh": _ZH, "en": _EN} in [each["reason"] for each in devices]
    history = (await api.get(f"/centres/{GUANGMING}/devices/call-01/transitions")).json()["items"]
    assert history[0]["reason"]["zh"] == _ZH
    with sqlite_ledger.connect() as connection:
        found = views.incidents(connection, views.HOUSE, Kinds(), NOW_MS, cause="device_down", open=True)["items"]
    told = [words(each, NotificationType.OPENED, Kinds()) for each in found if each["reason"]["en"] == _EN]
    assert len(told) == 1
    assert _ZH in told[0]["zh"].splitlines()
    assert _EN in told[0]["en"].splitlines()
