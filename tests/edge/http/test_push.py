"""Devices that call an address of the agent: on real sockets, by clients that are not ours, and by any bytes."""

import asyncio
import json
import logging
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge.allowed import Allowed, AllowedFile
from edge.hearing import Heard, Listened
from edge.probes.http import HttpListener
from edge.probes.http.listener import HttpOptions
from edge.probes.http.pushed import as_field, event_of, fields_of, told
from edge.probes.http.settings import HttpSettings
from edge.probing import Around, ProbeConfigError
from edge.receiving import Answered, Asked, Bounds, Rate, Receiver
from edge.watchlist import make_watchlist
from shouwang.clock import SystemClock
from shouwang.kinds import load
from shouwang.messages import Config, ConfiguredDevice
from tests.edge.devices import certificate
from tests.edge.listening import Listener
from tests.edge.test_agent import AgentProcess, agent, config
from tests.servers import Mosquitto, free_port, need_server
from tests.waiting import until

__all__ = ["agent"]  # the fixture
KINDS = load()
LOOPBACK = Around(allowed=Allowed(AllowedFile(loopback=True)))
KEY = "a key of call-07"


def device(name: str = "call-07", key: str = KEY, **said: Any) -> Listened:
    return Listened(name, "call_terminal", "push", HttpSettings(push_key=key, **said), 60.0)


@asynccontextmanager
async def listening(*devices: Listened, **options: Any) -> AsyncIterator[tuple[str, list[Heard]]]:
    heard: list[Heard] = []
    listener = HttpListener(HttpOptions(bind="127.0.0.1", port=0, **options), LOOPBACK, heard.append)
    listener.watch(devices or [device()])
    await listener.start()
    try:
        yield f"http{'s' if options else ''}://127.0.0.1:{listener.port}/push/", heard
    finally:
        await listener.stop()


@pytest.mark.parametrize(
    ("method", "asked"),
    [
        ("GET", {"params": {"key": KEY, "battery_percent": "80", "mains_power": "off", "event": "help_call"}}),
        ("POST", {"data": {"key": KEY, "battery_percent": "80", "mains_power": "0", "event": "help_call"}}),
        (
            "POST",
            {
                "json": {"battery_percent": 80, "mains_power": False, "event": "help_call"},
                "headers": {"Authorization": f"Bearer {KEY}"},
            },
        ),
        ("POST", {"json": {"battery_percent": "80", "mains_power": "no", "event": "help_call"}, "auth": ("any", KEY)}),
        (
            "GET",
            {
                "params": {"battery_percent": 80, "mains_power": "false", "event": "help_call"},
                "headers": {"X-Key": KEY},
            },
        ),
    ],
)
async def test_a_push_is_a_reading_and_a_call_for_help(method: str, asked: dict[str, Any]) -> None:
    async with listening() as (url, heard), httpx.AsyncClient() as client:
        answer = await client.request(method, f"{url}call-07", **asked)
    assert answer.status_code == 200, answer.text
    assert answer.json() == {"ok": True, "fields": ["battery_percent", "mains_power"], "event": "help_call"}
    (said,) = heard
    assert (said.device, said.event, said.detail) == ("call-07", "help_call", {"from": "127.0.0.1"})
    assert said.fields == {"reachable": True, "last_heard_age_ms": 0, "battery_percent": 80, "mains_power": False}


async def test_a_call_that_could_not_be_kept_is_asked_for_again() -> None:
    kept: list[asyncio.Future[bool]] = []

    def keep(heard: Heard) -> asyncio.Future[bool]:
        kept.append(asyncio.get_running_loop().create_future())
        return kept[-1]

    listener = HttpListener(HttpOptions(bind="127.0.0.1", port=0), LOOPBACK, keep)
    listener.watch([device()])
    await listener.start()
    async with httpx.AsyncClient() as client:
        for taken, status in ((False, 503), (True, 200)):
            asked = {"key": KEY, "event": "help_call"}
            pushing = asyncio.create_task(client.get(f"http://127.0.0.1:{listener.port}/push/call-07", params=asked))
            calls = len(kept) + 1
            await until(lambda: len(kept) == calls, "the call is heard")  # noqa: B023
            assert not pushing.done()
            kept[-1].set_result(taken)
            assert (await pushing).status_code == status
    await listener.stop()


async def test_a_device_s_own_words() -> None:
    own = device(
        push_fields={"battery_percent": "status.bat", "signal_dbm": "status.rssi", "tamper": "status.open"},
        push_event="status.alarm",
        push_words={"SOS": "help_call", "2": "test_call"},
    )
    async with listening(own) as (url, heard), httpx.AsyncClient(headers={"X-Key": KEY}) as client:
        said = {"status": {"bat": 7.5, "rssi": 500, "open": 1, "alarm": "SOS"}}
        first = (await client.post(f"{url}call-07", json=said)).json()
        second = (await client.post(f"{url}call-07", json={"status": {"alarm": 2}})).json()
        third = (await client.post(f"{url}call-07", json={"status": {"alarm": "PANIC"}})).json()
    assert first == {
        "ok": True,
        "fields": ["battery_percent", "tamper"],
        "event": "help_call",
        "left_out": ["signal_dbm"],
    }
    assert (second["event"], third["not_known"]) == ("test_call", "PANIC")
    assert [each.event for each in heard] == ["help_call", "test_call", ""]
    assert heard[0].fields["tamper"] is True


async def test_without_the_right_key_nothing_is_believed_and_nothing_is_told(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with (
        listening(device(), device("call-08", "a key of call-08")) as (url, heard),
        httpx.AsyncClient() as client,
    ):
        answers = [
            await client.get(f"{url}{name}", params={"event": "help_call"} | ({"key": key} if key else {}))
            for name, key in (
                ("call-07", "a key of call-08"),
                ("call-07", ""),
                ("call-07", "钥匙"),
                ("call-99", KEY),
                ("", KEY),
            )
        ]
        assert {(each.status_code, each.text) for each in answers} == {(401, answers[0].text)}
        assert heard == []
        assert (await client.get(f"{url}call-07", params={"key": KEY})).status_code == 200
    assert caplog.text.count("refused from=127.0.0.1") == 1
    assert "a key of" not in "".join(record.message for record in caplog.records if record.name.startswith("edge"))


async def raw(port: int, data: bytes, address: str = "127.0.0.1", *, end: bool = True) -> bytes:
    """Sends it, and gives what comes back until the other side ends."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(address, 0))
    try:
        writer.write(data)
        if end:
            writer.write_eof()
        async with asyncio.timeout(12):
            return await reader.read()
    except ConnectionError:
        return b""
    finally:
        writer.transport.abort()


def port_of(url: str) -> int:
    return httpx.URL(url).port or 0


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", b"404"),
        (b"DELETE /push/call-07 HTTP/1.1\r\n\r\n", b"405"),
        (b"\x16\x03\x01\x02\x00\x01\r\n\r\n", b"400"),
        (b"GET /push/call-07?" + b"a=1&" * 70 + b" HTTP/1.1\r\n\r\n", b"413"),
        (b"POST /push/call-07 HTTP/1.1\r\nContent-Length: 999999\r\n\r\n", b"413"),
        (b"POST /push/call-07 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", b"411"),
        (b"POST /push/call-07 HTTP/1.1\r\nContent-Length: -1\r\n\r\n", b"411"),
        (b"GET http://[x/push/call-07 HTTP/1.1\r\n\r\n", b"400"),
        (b"POST /push/call-07 HTTP/1.1\r\nX-Key: " + KEY.encode() + b"\r\nContent-Length: 2\r\n\r\n{]", b"400"),
        (b"GET /" + b"x" * 20_000 + b" HTTP/1.1\r\n\r\n", b""),
        (b"POST /push/call-07 HTTP/1.1\r\nContent-Length: 100\r\n\r\nhalf", b""),
    ],
)
async def test_what_is_no_push_is_refused(request_: bytes, status: bytes) -> None:
    async with listening() as (url, heard):
        assert (await raw(port_of(url), request_))[9:12] == status
        assert heard == []


async def test_one_address_that_floods_holds_up_nobody_else() -> None:
    async with listening() as (url, heard):
        port, wrong = port_of(url), b"GET /push/call-07?key=x HTTP/1.1\r\n\r\n"
        statuses = [(await raw(port, wrong))[9:12] for _ in range(60)]
        assert statuses[0] == b"401"
        assert statuses[-1] == b"429"
        # Connections that say nothing: a few of one address, and no more.
        silent = [await asyncio.open_connection("127.0.0.1", port) for _ in range(12)]
        await until(lambda: sum(reader.at_eof() for reader, _ in silent) == 4, "four are ended at once")
        right = f"GET /push/call-07?key={KEY}&event=help_call HTTP/1.1\r\n\r\n".replace(KEY, "a+key+of+call-07")
        assert (await raw(port, right.encode(), "127.0.0.2"))[9:12] == b"200"
        assert [each.event for each in heard] == ["help_call"]
        for _, writer in silent:
            writer.transport.abort()


async def test_a_request_that_drips_is_ended() -> None:
    async def take(_: Asked) -> Answered:
        return 200, {}

    receiver = Receiver(take, SystemClock(), Bounds(within_s=0.3))
    await receiver.start("127.0.0.1", 0, None)
    reader, writer = await asyncio.open_connection("127.0.0.1", receiver.port)

    def drip() -> bool:
        ended = reader.at_eof() or reader.exception() is not None
        if not ended:
            writer.write(b"G")
        return ended

    await until(drip, "it is ended", 5)
    writer.transport.abort()
    receiver.stop()


def test_the_rate_is_bounded_in_memory() -> None:
    rate = Rate(40, 10)
    assert sum(rate.may("one", 100.0) for _ in range(1000)) == 40
    assert sum(rate.may("one", 101.0) for _ in range(1000)) == 10
    for number in range(5000):
        assert rate.may(f"address {number}", 102.0)
    assert len(rate.budgets) <= 1024


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.binary(max_size=300)
        | st.binary(max_size=60).map(lambda some: b"POST /push/call-07?key=x HTTP/1.1\r\nContent-Length: 9\r\n" + some)
        | st.binary(max_size=60).map(
            lambda some: (
                b"POST /push/call-07 HTTP/1.1\r\nX-Key: %s\r\nContent-Length: %d\r\n\r\n%s"
                % (KEY.encode(), len(some), some)
            )
        ),
        max_size=3,
    )
)
def test_any_bytes(requests: list[bytes]) -> None:
    async def put() -> None:
        async with listening() as (url, heard):
            for each in requests:
                await raw(port_of(url), each)
            right = b"GET /push/call-07?event=help_call HTTP/1.1\r\nX-Key: " + KEY.encode() + b"\r\n\r\n"
            assert (await raw(port_of(url), right))[9:12] == b"200"
            assert heard[-1].event == "help_call"

    asyncio.run(put())


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=80)
@given(st.dictionaries(st.sampled_from([*KINDS["call_terminal"].fields, "event", "other"]), _VALUES))
def test_whatever_is_told_becomes_only_what_its_field_can_have(said: dict[str, Any]) -> None:
    read = told({}, json.dumps(said).encode(), is_json=True)
    if read is None:
        return  # NaN and what else JSON does not have
    known = KINDS["call_terminal"].fields
    fields, wrong = fields_of(read, HttpSettings(), known)
    assert not fields.keys() & set(wrong)
    for name, value in fields.items():
        assert as_field(value, known[name]) == value
        low, high = known[name].min, known[name].max
        if isinstance(value, int | float) and not isinstance(value, bool):
            assert low is None or value >= low
            assert high is None or value <= high
    assert event_of(read, HttpSettings())[0] in ("", "help_call", "test_call", "help_cancelled", "tamper")


def test_who_is_heard_and_who_is_asked() -> None:
    key = {"push_key": KEY}
    rows = [
        ConfiguredDevice("both", "camera", "http", "http://192.168.1.2/", key, 60.0, 5.0),
        ConfiguredDevice("heard", "camera", "http", "push", key, 60.0, 5.0),
        ConfiguredDevice("asked", "camera", "http", "http://192.168.1.2/", {}, 60.0, 5.0),
        ConfiguredDevice("neither", "camera", "http", "push", {}, 60.0, 5.0),
        ConfiguredDevice("short", "camera", "http", "push", {"push_key": "1234"}, 60.0, 5.0),
    ]
    made = make_watchlist(Config(1, "r", rows), KINDS, Around())
    assert [each.device for each in made.listened["http"]] == ["both", "heard"]
    assert [name for name, each in made.devices.items() if each.probe is not None] == ["both", "asked"]
    assert made.devices["heard"].problem == ""
    assert "push_key" in made.devices["neither"].problem
    assert made.devices["short"].problem == "push_key: at least 16 characters, and as secret:NAME"
    with pytest.raises(ProbeConfigError, match="cannot be read from"):
        HttpListener.hears(HttpSettings(push_key=KEY, push_fields={"tamper": "a b"}))


@pytest.mark.system
async def test_https(tmp_path: Path) -> None:
    need_server("openssl")
    made, key = certificate(tmp_path)
    context = ssl.create_default_context(cafile=str(made))
    async with (
        listening(certificate_file=str(made), key_file=str(key)) as (url, heard),
        httpx.AsyncClient(verify=context) as client,
    ):
        assert (await client.get(f"{url}call-07", params={"key": KEY})).status_code == 200
        assert await raw(port_of(url), b"GET / HTTP/1.1\r\n\r\n") == b""
    assert len(heard) == 1


@pytest.mark.system
async def test_curl_presses_and_the_collector_hears(mosquitto: Mosquitto, agent: AgentProcess) -> None:
    port = free_port()
    agent.state.mkdir()
    (agent.state / "listen.toml").write_text(f'[http]\nbind = "127.0.0.1"\nport = {port}\n')
    (agent.state / "secrets.toml").write_text(f'call-07 = "{KEY}"\n')
    (agent.state / "secrets.toml").chmod(0o600)
    said = {"device": "call-07", "kind": "call_terminal", "driver": "http", "target": "push", "report_every_s": 60}
    said |= {"probe_timeout_s": 2, "settings": {"push_key": "secret:call-07"}}
    async with Listener(mosquitto.url, "centre-1") as listener:
        await listener.configure(config(said))
        await agent.start()
        await until(lambda: "listening driver=http" in agent.said(), "the agent listens", 20)
        curl = await asyncio.create_subprocess_exec(
            str(need_server("curl")),
            "--silent",
            *("-H", f"X-Key: {KEY}", "-d", "event=help_call&battery_percent=64"),
            f"http://127.0.0.1:{port}/push/call-07",
            stdout=asyncio.subprocess.PIPE,
        )
        answer, _ = await curl.communicate()
        assert json.loads(answer) == {"ok": True, "fields": ["battery_percent"], "event": "help_call"}
        await until(lambda: listener.events, "the event", 5)
        assert (listener.events[0].device, listener.events[0].event) == ("call-07", "help_call")
        await until(lambda: "call-07" in listener.readings(), "the reading beside it")
    assert KEY not in agent.said()
