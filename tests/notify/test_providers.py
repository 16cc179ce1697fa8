"""Each provider against a real server that accepts, refuses inside a 200, limits, fails, hangs, resets (fault 40)."""

import base64
import email
import hashlib
import hmac
import urllib.parse
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from standardwebhooks import Webhook

from collector.notify import Message, Provider, configured, known
from collector.notify.http import Poster
from collector.notify.providers.dingtalk import DingtalkConfig, DingtalkProvider
from collector.notify.providers.email import EmailConfig, EmailProvider
from collector.notify.providers.webhook import WebhookConfig, WebhookProvider
from collector.notify.providers.wecom import WecomConfig, WecomProvider
from shouwang.settings import Notify, SettingsError
from tests.notify.postbox import Postbox
from tests.notify.receiver import Receiver, Reply

KEY = "whsec_" + base64.b64encode(b"0123456789abcdef01234567").decode()
MESSAGE = Message(
    "6f1c2a3b-0000-4000-8000-000000000001",
    {
        "type": "incident.opened",
        "incident": {"id": "11111111-0000-4000-8000-000000000001", "cause": "device_silent"},
        "text": {"zh": "【严重】呼叫终端 call-07 失联\n北老柜村", "en": "[Critical] Call terminal call-07 silent"},
        "url": "http://127.0.0.1:8420/incidents/1",
    },
)


def webhook(url: str, **more: Any) -> WebhookProvider:
    return WebhookProvider(WebhookConfig(url=url, secret=SecretStr(KEY), allow_private=True, **more))


def wecom(url: str) -> WecomProvider:
    return WecomProvider(WecomConfig(url=SecretStr(url), allow_private=True))


def dingtalk(url: str, **more: Any) -> DingtalkProvider:
    return DingtalkProvider(DingtalkConfig(url=SecretStr(url), allow_private=True, **more))


async def test_a_webhook_is_signed_and_its_receiver_can_verify_it() -> None:
    async with Receiver(Reply(204, b"")) as receiver:
        provider = webhook(receiver.url)
        assert (await provider.send(MESSAGE)).accepted
        assert (await provider.send(MESSAGE)).accepted
        await provider.close()
        for request in receiver.requests:
            verified = Webhook(KEY).verify(request.body, request.headers)
            assert verified == MESSAGE.body
            assert request.headers["content-type"].startswith("application/json")
        assert receiver.ids == [MESSAGE.id, MESSAGE.id]


@pytest.mark.parametrize("make", [wecom, dingtalk])
async def test_a_robot_accepts_with_errcode_0_alone(make: Any) -> None:
    cases: list[tuple[Reply, bool, str]] = [
        (Reply(body=b'{"errcode":0,"errmsg":"ok"}'), True, "errcode 0"),
        (Reply(body=b'{"errcode":93000,"errmsg":"invalid webhook url"}'), False, "errcode 93000: invalid webhook url"),
        (Reply(body=b'{"errcode":false,"errmsg":""}'), False, "errcode False"),
        (Reply(body=b"<html>login</html>"), False, "no errcode in the answer"),
        (Reply(body=b"[]"), False, "no errcode in the answer"),
        (Reply(500, b"oops"), False, "500 oops"),
        (Reply(302, b"", {"location": "http://127.0.0.1:1/"}), False, "a redirect, which is not followed"),
    ]
    async with Receiver(*(reply for reply, _, _ in cases)) as receiver:
        provider = make(receiver.url)
        for _, accepted, said in cases:
            answer = await provider.send(MESSAGE)
            assert answer.accepted is accepted
            assert said in answer.text
        await provider.close()
        assert len(receiver.requests) == len(cases)
        text = receiver.requests[0].json["text"]["content"]
        assert "call-07 失联" in text
        assert text.endswith("http://127.0.0.1:8420/incidents/1\n#6f1c2a3b")


@pytest.mark.parametrize(("make", "code"), [(wecom, 45009), (dingtalk, 130101)])
async def test_a_robot_that_has_had_enough_is_left_alone_for_a_minute(make: Any, code: int) -> None:
    async with Receiver(Reply(body=f'{{"errcode":{code},"errmsg":"too fast"}}'.encode())) as receiver:
        provider = make(receiver.url)
        answer = await provider.send(MESSAGE)
        await provider.close()
        assert not answer.accepted
        assert answer.retry_after_s == 60


async def test_dingtalk_signs_as_it_is_asked_to_and_says_its_keyword() -> None:
    async with Receiver(Reply(body=b'{"errcode":0}')) as receiver:
        provider = dingtalk(receiver.url, secret=SecretStr("SECabc"), keyword="守望")
        assert (await provider.send(MESSAGE)).accepted
        await provider.close()
        query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(receiver.requests[0].target).query))
        signed = hmac.new(b"SECabc", f"{query['timestamp']}\nSECabc".encode(), hashlib.sha256).digest()
        assert query["sign"] == base64.b64encode(signed).decode()
        assert query["key"] == "K"
        assert receiver.requests[0].json["text"]["content"].startswith("守望 【严重】")


async def test_a_long_text_is_cut_before_a_robot_refuses_it_and_keeps_its_link() -> None:
    long = Message(MESSAGE.id, {**MESSAGE.body, "text": {"zh": "长" * 5_000}})
    async with Receiver(Reply(body=b'{"errcode":0}')) as receiver:
        provider = wecom(receiver.url)
        await provider.send(long)
        await provider.close()
        text = receiver.requests[0].json["text"]["content"]
        assert len(text.encode()) <= 2_048
        assert "…\nhttp://127.0.0.1:8420/incidents/1" in text


@pytest.mark.parametrize(
    ("reply", "said", "retry_after_s"),
    [
        (Reply(429, b"slow down", {"retry-after": "7"}), "429 slow down", 7),
        (Reply(503, b"", {"retry-after": "Thu, 01 Jan 1970 00:00:00 GMT"}), "503", 0),
        (Reply(503, b"", {"retry-after": "soon"}), "503", None),
        (Reply(503, b"", {"retry-after": "1e9"}), "503", 3600),
        (Reply(410, b"gone"), "410 gone", None),
        (Reply(302, b"", {"location": "http://127.0.0.1:9/"}), "302 a redirect, which is not followed", None),
        (Reply(reset=True), "Error", None),
        (Reply(500, b"x" * 1_000_000), "500 xxx", None),
    ],
)
async def test_a_webhook_that_fails_says_how(reply: Reply, said: str, retry_after_s: float | None) -> None:
    async with Receiver(reply) as receiver:
        provider = webhook(receiver.url)
        answer = await provider.send(MESSAGE)
        await provider.close()
        assert not answer.accepted
        assert said in answer.text
        assert len(answer.text) < 400
        assert answer.retry_after_s == retry_after_s


async def test_one_that_hangs_is_given_up_in_its_time() -> None:
    async with Receiver(Reply(hang=True)) as receiver:
        poster = Poster(receiver.url, allow_private=True, timeout_s=0.3, key="x")
        reply = await poster.post(b"{}")
        await poster.close()
        assert not reply.ok
        assert "no answer within 0.3 s" in reply.text


async def test_nobody_there_is_said() -> None:
    async with Receiver() as receiver:
        url = receiver.url
    provider = webhook(url)
    answer = await provider.send(MESSAGE)
    await provider.close()
    assert not answer.accepted
    assert "ConnectError" in answer.text


@pytest.mark.parametrize(
    ("url", "allowed", "said"),
    [
        ("http://127.0.0.1:{port}/", False, "127.0.0.1 is not a public address"),
        ("http://localhost:{port}/", False, "is not a public address"),
        ("http://[::ffff:127.0.0.1]:{port}/", False, "is not a public address"),
        ("http://169.254.169.254/latest", True, "never a provider's address"),
        ("http://0.0.0.0:{port}/", True, "never a provider's address"),
        ("http://93.184.216.34/", True, "to the internet only by https"),
    ],
)
async def test_an_address_is_checked_when_the_connection_is_made(url: str, allowed: bool, said: str) -> None:
    async with Receiver() as receiver:
        poster = Poster(url.format(port=receiver.port), allow_private=allowed, timeout_s=5, key="x")
        reply = await poster.post(b"{}")
        await poster.close()
        assert said in reply.text
        assert receiver.requests == []


async def test_no_answer_repeats_the_secret_of_an_address() -> None:
    provider = wecom("http://127.0.0.1:1/cgi-bin/webhook/send?key=hunter2")
    answer = await provider.send(MESSAGE)
    await provider.close()
    assert not answer.accepted
    assert "hunter2" not in answer.text


def postal(box: Postbox, **more: Any) -> EmailProvider:
    said = {
        "host": "localhost", "port": box.port, "ca_file": box.ca_file, "from": "shouwang@example.org",
        "to": ["a@example.org", "b@example.org"], "username": "u", "password": "p", "allow_private": True,
    }  # fmt: skip
    return EmailProvider(EmailConfig.model_validate(said | more))


@pytest.mark.system
async def test_a_mail_goes_by_starttls_with_the_same_identity_on_each_try(tmp_path: Path) -> None:
    async with Postbox(tmp_path) as box:
        provider = postal(box)
        for _ in range(2):
            assert await provider.send(MESSAGE) == await provider.send(MESSAGE)
        assert box.commands.index("STARTTLS") < next(n for n, c in enumerate(box.commands) if c.startswith("AUTH"))
        letters = [email.message_from_string(letter, policy=default) for letter in box.letters]
        assert {letter["Message-ID"] for letter in letters} == {f"<{MESSAGE.id}@example.org>"}
        assert letters[0]["Subject"] == "【严重】呼叫终端 call-07 失联"
        assert letters[0]["Auto-Submitted"] == "auto-generated"
        assert letters[0]["References"] == "<11111111-0000-4000-8000-000000000001@example.org>"
        body = letters[0].get_content()
        assert "北老柜村" in body
        assert "http://127.0.0.1:8420/incidents/1" in body


@pytest.mark.parametrize(
    ("refuse", "accepted", "said"),
    [
        ({"RCPT TO:<B@": "550 no such user"}, True, "accepted, but not for b@example.org (550"),
        ({"RCPT": "550 no such user"}, False, "every recipient refused"),
        ({"DATA": "451 try later"}, False, "451 try later"),
        ({"AUTH": "535 wrong password"}, False, "535 wrong password"),
        ({"MAIL": "421 too many"}, False, "421 too many"),
        ({"STARTTLS": "454 not now"}, False, "454"),
    ],
)
@pytest.mark.system
async def test_what_a_mail_server_refuses_is_said(
    tmp_path: Path, refuse: dict[str, str], accepted: bool, said: str
) -> None:
    async with Postbox(tmp_path, refuse) as box:
        answer = await postal(box).send(MESSAGE)
        assert answer.accepted is accepted
        assert said in answer.text


@pytest.mark.system
async def test_without_starttls_no_password_is_given_away(tmp_path: Path) -> None:
    async with Postbox(tmp_path, tls=False) as box:
        answer = await postal(box).send(MESSAGE)
        assert not answer.accepted
        assert "STARTTLS" in answer.text
        assert not any(command.startswith("AUTH") for command in box.commands)


@pytest.mark.system
async def test_a_mail_servers_certificate_is_checked(tmp_path: Path) -> None:
    async with Postbox(tmp_path) as box:
        answer = await postal(box, ca_file=None).send(MESSAGE)
        assert not answer.accepted
        assert "certificate" in answer.text.lower()


@pytest.mark.system
async def test_a_mail_server_that_hangs_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("collector.notify.providers.email.STEP_TIMEOUT_S", 0.3)
    async with Postbox(tmp_path, hang_at="DATA") as box:
        answer = await postal(box).send(MESSAGE)
        assert not answer.accepted
        assert "time" in answer.text.lower()


@pytest.mark.system
async def test_a_private_mail_server_needs_leave(tmp_path: Path) -> None:
    async with Postbox(tmp_path) as box:
        answer = await postal(box, allow_private=False).send(MESSAGE)
        assert "allow_private" in answer.text
        assert box.commands == []


def test_providers_are_found_by_scanning_the_folder() -> None:
    assert {"webhook", "wecom", "dingtalk", "email"} <= set(known())
    assert all(issubclass(found, Provider) for found in known().values())


def notify(**tables: Any) -> Notify:
    return Notify.model_validate(tables)


def test_the_order_is_that_of_the_settings_or_of_ways() -> None:
    tables = {
        "webhook": {"url": "https://example.org/", "secret": KEY},
        "wecom": {"url": "https://example.org/?key=k"},
    }
    assert list(configured(notify(**tables))) == ["webhook", "wecom"]
    assert list(configured(notify(ways=["wecom", "webhook"], **tables))) == ["wecom", "webhook"]
    assert list(configured(notify(ways=["wecom"], **tables))) == ["wecom"]
    assert configured(notify()) == {}


@pytest.mark.parametrize(
    ("tables", "said"),
    [
        ({"webhok": {}}, "notify.webhok: no such provider; did you mean webhook?"),
        ({"ways": ["wecom"]}, "'wecom' has no table [notify.wecom]"),
        ({"webhook": {"url": "https://x/", "secert": KEY}}, "notify.webhook.secert: unknown key; did you mean secret?"),
        ({"webhook": {"url": "https://x/"}}, "notify.webhook: secret_file is missing"),
        ({"webhook": {"url": "https://x/", "secret": "whsec_%%"}}, "notify.webhook.secret: neither whsec_… nor base64"),
        ({"webhook": {"url": "https://x/", "secret": "YWJj"}}, "notify.webhook.secret: it holds 3 bytes"),
        ({"webhook": {"url": "ftp://x/", "secret": KEY}}, "notify.webhook.url: it must be an http or https address"),
        ({"wecom": {}}, "notify.wecom: url is missing"),
        ({"email": {"host": "x", "from": "nobody", "to": []}}, "notify.email.from"),
        ({"webhook": 3}, "notify.webhook"),
    ],
)
def test_a_wrong_provider_is_named(tables: dict[str, Any], said: str) -> None:
    with pytest.raises(SettingsError) as raised:
        configured(notify(**tables))
    assert said in str(raised.value)
