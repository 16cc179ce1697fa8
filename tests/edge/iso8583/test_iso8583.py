"""The echo to a bank's host: against py8583 as the host, in three dialects, and against hosts that misbehave."""

import asyncio
import contextlib
import csv
import json
import socket
import ssl
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from py8583.py8583 import DT, Iso8583
from py8583.py8583spec import IsoSpec1987ASCII, IsoSpec1987BCD

from edge.allowed import Allowed, AllowedFile
from edge.probes.iso8583 import wording
from edge.probes.iso8583.settings import Iso8583Settings
from edge.probing import Answer, Around, ProbeConfigError, make_probe
from shouwang.clock import Now
from simulators.devices.iso8583 import BankHost
from tests.edge.devices import certificate

README = Path("edge/probes/iso8583/README.md").read_text("utf-8")
AROUND = Around(allowed=Allowed(AllowedFile(loopback=True)))
ASCII: dict[str, Any] = {"fields": {"70": "301", "41": "ATM00001"}}
BCD: dict[str, Any] = {"numbers": "bcd", "fields": {"70": "301", "41": "ATM00001"}}
UNIONPAY_POS: dict[str, Any] = {
    "message": "0820",
    "numbers": "bcd",
    "tpdu": "6000030000",
    "head": "602200000000",
    "packed": [60],
    "fields": {"41": "12345678", "42": "898110012345678", "60": "00000001301"},
    "stamped": False,
}


async def ask(port: int, timeout_s: float = 3.0, **settings: Any) -> Answer:
    return await make_probe("iso8583", f"127.0.0.1:{port}", settings, AROUND).ask(timeout_s)


class OtherHost:
    """A host by py8583, which shares no line with the driver's library."""

    def __init__(self, *, bcd: bool, before: int, code: str = "00") -> None:
        self.spec = IsoSpec1987BCD() if bcd else IsoSpec1987ASCII()
        if not bcd:
            self.spec.DataType(1, DT.ASCII)
        else:
            self.spec.DataType(60, DT.BCD)
        self.before, self.code = before, code
        self.asked: list[dict[int, Any]] = []

    async def start(self) -> int:
        server = await asyncio.start_server(self.serve, "127.0.0.1", 0)
        return int(server.sockets[0].getsockname()[1])

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        size = int.from_bytes(await reader.readexactly(2), "big")
        raw = await reader.readexactly(size)
        before, question = raw[: self.before], Iso8583(raw[self.before :], self.spec)
        self.asked.append(
            {bit: question.FieldData(bit) for bit, there in question.Bitmap().items() if there and bit > 1}
        )
        answer = Iso8583(None, self.spec)
        answer.MTI(f"{int(question.MTI()) + 10:04d}")
        for bit in (7, 11, 41, 70):
            if question.Bitmap().get(bit):
                answer.FieldData(bit, question.FieldData(bit))
                answer.Field(bit, 1)
        answer.FieldData(39, self.code)
        answer.Field(39, 1)
        built = before + answer.BuildIso()
        writer.write(len(built).to_bytes(2, "big") + built)
        await writer.drain()
        writer.close()


@pytest.mark.parametrize(("settings", "before"), [(ASCII, 0), (BCD, 0), (UNIONPAY_POS, 11)])
async def test_another_librarys_host_understands_us_and_is_understood(settings: dict[str, Any], before: int) -> None:
    host = OtherHost(bcd="numbers" in settings, before=before)
    answer = await ask(await host.start(), **settings)
    assert answer.fields == {"host_link": True}, answer.reason
    assert answer.latency_ms is not None
    assert "reachable" not in answer.as_fields()
    assert host.asked[0][41].strip() == settings["fields"]["41"]
    assert (70 not in settings["fields"]) or int(host.asked[0][70]) == 301


async def test_another_librarys_host_that_is_inoperative() -> None:
    answer = await ask(await OtherHost(bcd=True, before=0, code="91").start(), **BCD)
    assert answer.fields == {"host_link": False}
    assert "code 91 (issuer or switch inoperative)" in str(answer.reason)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"silent": True}, "no answer within 0.3 s"),
        ({"reset": True}, "reset by peer"),
        ({"half": True}, "closed in the middle of an answer"),
        ({"other_stan": True}, "another trace number"),
        ({"wait_s": 5.0}, "no answer within 0.3 s"),
        ({"code": "96"}, "code 96 (system malfunction)"),
        ({"noise": b"HTTP/1.1 400 Bad Request\r\n\r\n"}, "cannot be read"),
        ({"noise": b"\x00\x20" + b"\xff" * 32}, "cannot be read"),
        ({"endless": True, "other_stan": True}, "none the answer"),
    ],
)
async def test_a_host_that_misbehaves_is_a_link_that_is_not_well(wrong: dict[str, Any], said: str) -> None:
    host = await BankHost(**wrong).start()
    answer = await ask(host.port, 0.3)
    assert answer.as_fields()["host_link"] is False
    assert said in str(answer.reason)
    assert "our link to the host" in str(answer.reason) or "reset" in str(answer.reason)
    host.stop()


@pytest.mark.parametrize("wrong", [{"late_first": True}, {"unasked": True}, {"wait_s": 0.1}])
async def test_what_is_not_the_answer_is_passed_over(wrong: dict[str, Any]) -> None:
    host = await BankHost(**wrong).start()
    assert (await ask(host.port)).fields == {"host_link": True}
    host.stop()


async def test_a_closed_port_is_refused_at_once() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        answer = await ask(unused.getsockname()[1])
    assert answer.as_fields() == {"host_link": False}
    assert str(answer.reason) == "connection refused"


@pytest.mark.system
async def test_over_tls_and_a_host_that_is_silent_in_it(tmp_path: Path) -> None:
    chain, key = certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, key)
    host = await BankHost(tls=context).start()
    settings: dict[str, Any] = {"tls": True, "ca_file": str(chain)}
    assert (await ask(host.port, **settings)).fields == {"host_link": True}
    assert "certificate" in str((await ask(host.port, tls=True)).reason)
    host.silent = True
    assert "no answer within 0.3 s" in str((await ask(host.port, 0.3, **settings)).reason)
    host.stop()
    deaf = socket.create_server(("127.0.0.1", 0))
    assert "no answer within 0.3 s" in str((await ask(deaf.getsockname()[1], 0.3, **settings)).reason)
    deaf.close()


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"message": "0200"}, "a question of network management"),
        ({"message": "0810"}, "a question of network management"),
        ({"fields": {"2": "6225000000000000"}}, "cards, PINs and amounts"),
        ({"fields": {"4": "1"}}, "cards, PINs and amounts"),
        ({"fields": {"70": "30111"}}, "cannot be written"),
        ({"tpdu": "60000"}, "hexadecimal"),
        ({"approved": []}, "codes of two characters"),
        ({"numbers": "ebcdic"}, "ebcdic"),
    ],
)
def test_settings_that_cannot_be(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ProbeConfigError, match=said):
        make_probe("iso8583", "10.1.2.3:8583", settings, AROUND)


@pytest.mark.parametrize("length", ["binary2", "binary4", "ascii4", "bcd2"])
@pytest.mark.parametrize("itself", [False, True])
async def test_every_length_head(length: str, itself: bool) -> None:
    settings: dict[str, Any] = {"length": length, "length_counts_itself": itself, "bitmap": "binary"}
    host = await BankHost(msgspec.convert(settings, Iso8583Settings)).start()
    assert (await ask(host.port, **settings)).fields == {"host_link": True}
    host.stop()


@given(st.binary(max_size=200))
def test_any_bytes_are_a_message_or_refused(raw: bytes) -> None:
    for settings in (ASCII, UNIONPAY_POS):
        said = msgspec.convert(settings, Iso8583Settings)
        with contextlib.suppress(wording.NotOursError):
            wording.read(wording.specification(said), raw)


def test_the_time_in_field_7_is_utc_and_12_and_13_are_local() -> None:
    said = Iso8583Settings(fields={"12": "now", "13": "now", "70": "301"})
    spec = wording.specification(said)
    got = wording.read(spec, wording.question(said, spec, "000001", Now(0, 1_700_000_000_000))[2:])
    assert (got["7"], got["12"], got["13"]) == ("1114221320", "061320", "1115")


async def test_a_hundred_at_once() -> None:
    host = await BankHost().start()
    answers = await asyncio.gather(*(ask(host.port) for _ in range(100)))
    assert [answer.fields for answer in answers] == [{"host_link": True}] * 100
    assert len({asked["11"] for asked in host.asked}) == 100, "each with a trace number of its own"
    host.stop()


async def test_the_sample_of_the_readme() -> None:
    [row] = csv.DictReader(README.partition("```csv\n")[2].partition("```")[0].splitlines())
    host = await BankHost().start()
    answer = await make_probe(row["driver"], f"127.0.0.1:{host.port}", json.loads(row["settings"]), AROUND).ask(3.0)
    assert answer.fields == {"host_link": True}
    assert host.asked[0]["41"] == "ATM00001"
    host.stop()
    unionpay = json.loads(README.partition("A UnionPay POS host: `")[2].partition("`")[0].replace("\n", " "))
    assert unionpay == UNIONPAY_POS
