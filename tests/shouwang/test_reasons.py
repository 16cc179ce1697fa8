"""Reasons are said in both languages, whoever gives them: a code, an error, or an old agent's English."""

from __future__ import annotations

import re
import socket

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shouwang.reasons import CATALOGUE, NOTHING, TEXT_MAX, Reason, reason_in, reason_of


@pytest.mark.parametrize(("code", "sentences"), CATALOGUE.items())
def test_both_sentences_say_the_same_values(code: str, sentences: tuple[str, str]) -> None:
    zh, en = (set(re.findall(r"\{(\w+)\}", each)) for each in sentences)
    assert zh == en
    assert re.search("[\u4e00-\u9fff]", sentences[0])
    values = {name: {"s": "2.5", "n": "3", "port": "80", "status": "404"}.get(name, f"<{name}>") for name in zh}
    said = Reason(code, dict(values))
    assert reason_of(str(said)) == said, "its English is taken for something else"


@pytest.mark.parametrize(
    ("said", "zh"),
    [
        ("no answer within 3 s", "3 秒内无应答"),
        ("Connection refused", "连接被拒绝"),
        ("no answer within 2.5 s: is UDP port 123 let through?", "2.5 秒内无应答：UDP 端口 123 是否放行？"),
        (ConnectionRefusedError(111, "Connect call failed ('127.0.0.1', 9)"), "连接被拒绝"),
        (socket.gaierror(socket.EAI_NONAME, "Name or service not known"), "域名无法解析"),
        (OSError("camera.lan has no address"), "camera.lan 没有地址"),
        ("'call-07' is not in this agent's configuration", "采集代理的配置中没有 'call-07'"),
        ("no TLS: WRONG_VERSION_NUMBER", "对方不是 TLS：WRONG_VERSION_NUMBER"),
        (Reason("no_answer", {"s": 3.0}), "3 秒内无应答"),
        ("the pump hums", "the pump hums"),
        (Reason("of_tomorrow", {"n": 2}), "of_tomorrow n=2"),
        (Reason("no_answer"), "? 秒内无应答"),
        ("", ""),
    ],
)
def test_said_in_chinese(said: str | OSError | Reason, zh: str) -> None:
    assert reason_of(said).words()["zh"] == zh


def test_a_reply_says_it_by_code_or_in_words() -> None:
    by_code = {"reason": "no answer within 3 s", "why": {"code": "no_answer", "values": {"s": 3}}}
    assert reason_in(by_code) == Reason("no_answer", {"s": 3})
    assert reason_in({"reason": "no answer within 3 s"}).code == "no_answer"
    assert reason_in({"reason": "no answer within 3 s", "why": ["?"]}).code == "no_answer"
    assert not reason_in({"reason": 7})
    assert not NOTHING


@given(st.text())
def test_any_text_is_a_reason_that_can_be_sent(text: str) -> None:
    reason = reason_of(text)
    assert msgspec.json.decode(msgspec.json.encode(reason), type=Reason) == reason
    assert len(str(reason)) <= TEXT_MAX
