"""A cash machine through XFS4IoT: against a peer on bare sockets that knows nothing of the driver or its library."""

import asyncio
import csv
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.allowed import Allowed, AllowedFile, NotAllowedError
from edge.hearing import Heard, Listened
from edge.probes.xfs4iot import Xfs4IotListener, meaning
from edge.probes.xfs4iot.machine import Xfs4IotSettings
from edge.probing import Answer, Around, ProbeConfigError, make_probe
from shouwang import kinds
from simulators.devices.xfs4iot import CashMachine, cassette

ATM_FIELDS = set(kinds.load()["atm"].fields)
README = Path("edge/probes/xfs4iot/README.md").read_text("utf-8")


@pytest.fixture
async def around() -> AsyncIterator[Around]:
    made = Around(allowed=Allowed(AllowedFile(loopback=True)))
    yield made
    made.close()


@pytest.fixture
async def machine() -> AsyncIterator[CashMachine]:
    made = await CashMachine().start()
    yield made
    made.stop()


async def ask(machine: CashMachine, around: Around, timeout_s: float = 3.0) -> Answer:
    return await make_probe("xfs4iot", machine.target, {}, around).ask(timeout_s)


class Hearing:
    """A listener of one machine, and what it has said."""

    def __init__(self, machine: CashMachine, around: Around) -> None:
        self.said: asyncio.Queue[Heard] = asyncio.Queue()
        listener = Xfs4IotListener(None, around, self.said.put_nowait)
        listener.watch([Listened("atm-01", "atm", machine.target, Xfs4IotSettings(), 30.0)])

    async def next(self) -> dict[str, Any]:
        async with asyncio.timeout(3):
            return (await self.said.get()).fields


WELL = {
    "device_status": "online",
    "receipt_printer": "online",
    "dispenser": "ok",
    "safe_door": "closed",
    "operator_switch": "run",
    "receipt_paper": "full",
}


@pytest.mark.parametrize("old", [False, True])
async def test_a_machine_at_rest(machine: CashMachine, around: Around, old: bool) -> None:
    machine.old = old
    answer = await ask(machine, around)
    assert answer.reachable, answer.reason
    units = answer.fields.pop("cash_units")
    assert answer.fields == WELL
    assert units[0] == {"unit": "TOP", "replenishment": "full", "status": "ok"}
    assert units[2] == {"unit": "RETRACT", "replenishment": "ok", "status": "ok"}, "empty is how it should be"


async def test_connections_stay_and_every_field_is_the_kinds(machine: CashMachine, around: Around) -> None:
    probe = make_probe("xfs4iot", machine.target, {}, around)
    first = await probe.ask(3.0)
    await probe.ask(3.0)
    assert machine.asked.count("/ServicePublisher.GetServices") == 1
    assert machine.asked.count("CashDispenser/Common.Status") == 2
    assert not set(first.as_fields()) - set(kinds.load()["atm"].fields)


async def test_what_changes_is_heard_at_once(machine: CashMachine, around: Around) -> None:
    hearing = Hearing(machine, around)
    await ask(machine, around)
    await machine.jam()
    assert (await hearing.next())["dispenser"] == "stop"
    await machine.cleared()
    assert (await hearing.next())["device_status"] == "online"
    await machine.turn("supervisor")
    assert (await hearing.next())["operator_switch"] == "supervisor"
    await machine.door("open")
    heard = await hearing.next()
    assert (heard["safe_door"], heard["operator_switch"]) == ("open", "supervisor")
    assert heard["reachable"] is True


@pytest.mark.parametrize("old", [False, True])
async def test_a_day_of_use_empties_a_cassette_and_the_paper(machine: CashMachine, around: Around, old: bool) -> None:
    machine.old = old
    hearing = Hearing(machine, around)
    await ask(machine, around)
    seen: list[tuple[str, str, str]] = []
    for hour in range(25):
        await machine.hour(float(hour))
        asked = (await ask(machine, around)).fields
        seen.append((asked["cash_units"][0]["replenishment"], asked["dispenser"], asked["receipt_paper"]))
    assert seen[1] == ("ok", "ok", "full")
    assert seen[19] == ("low", "attention", "low")
    assert seen[24] == ("empty", "attention", "out")
    heard = [hearing.said.get_nowait().fields for _ in range(hearing.said.qsize())]
    assert {"low", "out"} <= {each["receipt_paper"] for each in heard}
    assert {"low", "empty"} <= {each["cash_units"][0]["replenishment"] for each in heard}
    assert heard[-1]["cash_units"][0]["status"] == "ok", "an event says only what has changed"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"silent": True}, "no answer within 0.5 s"),
        ({"refuses": "internalError"}, "internalError"),
        ({"half": True}, "closed"),
        ({"no_upgrade": True}, "WebSocket"),
        ({"away": ("CashDispenser", "ReceiptPrinter", "Auxiliaries")}, "no services"),
    ],
)
async def test_a_machine_that_misbehaves(
    machine: CashMachine, around: Around, wrong: dict[str, Any], said: str
) -> None:
    for name, value in wrong.items():
        setattr(machine, name, value)
    answer = await ask(machine, around, 0.5)
    assert not answer.reachable
    assert said in str(answer.reason)
    for name in wrong:
        setattr(machine, name, getattr(CashMachine(), name))
    assert (await ask(machine, around)).reachable, "and it is well again once it is"


async def test_frames_of_no_meaning_are_passed_over(machine: CashMachine, around: Around) -> None:
    machine.noise = True
    assert (await ask(machine, around)).reachable


async def test_a_machine_that_is_switched_off_and_on(around: Around) -> None:
    machine = await CashMachine().start()
    assert (await ask(machine, around)).reachable
    machine.stop()
    gone = await ask(machine, around)
    assert (gone.reachable, str(gone.reason)) == (False, "connection refused")
    again = await CashMachine().start(port=machine.port)
    assert (await ask(again, around)).reachable
    again.stop()


async def test_a_publisher_cannot_send_us_elsewhere(machine: CashMachine) -> None:
    around = Around(allowed=Allowed(AllowedFile(loopback=True, ports=[machine.port])))
    elsewhere = socket.create_server(("127.0.0.1", 0))
    machine.address = f"127.0.0.1:{elsewhere.getsockname()[1]}/x?y"
    answer = await make_probe("xfs4iot", f"ws://127.0.0.1:{machine.port}/xfs4iot/v1.0", {}, around).ask(1.0)
    assert not answer.reachable
    machine.address = "127.0.0.2"
    narrow = Around(allowed=Allowed(AllowedFile(networks=["10.0.0.0/8"])))
    with pytest.raises(NotAllowedError):
        await make_probe("xfs4iot", f"ws://127.0.0.1:{machine.port}/xfs4iot/v1.0", {}, narrow).ask(1.0)
    elsewhere.close()


@pytest.mark.parametrize("target", ["10.1.1.1", "http://10.1.1.1/", "ws://", "ws://a b/", "ws://10.1.1.1:99999/x"])
def test_targets_that_cannot_be(target: str) -> None:
    with pytest.raises(ProbeConfigError):
        make_probe("xfs4iot", target, {}, Around())


async def test_one_service_alone(machine: CashMachine, around: Around) -> None:
    probe = make_probe("xfs4iot", machine.target + "/ReceiptPrinter", {"publisher": False}, around)
    assert (await probe.ask(3.0)).fields == {"receipt_printer": "online", "receipt_paper": "full"}


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
)
statuses = st.dictionaries(
    st.sampled_from(["common", "cashManagement", "auxiliaries", "printer", "cashDispenser"]),
    anything | st.dictionaries(st.sampled_from(["device", "dispenser", "paper", "safeDoor"]), anything),
)


@settings(max_examples=30)
@given(
    st.lists(statuses, max_size=3), st.dictionaries(st.text(max_size=5), anything | st.just(cassette("A"))), anything
)
def test_whatever_services_say_gives_what_the_kind_takes(
    said: list[dict[str, Any]], units: dict[str, Any], change: Any
) -> None:
    fields = meaning.fields(said, units)
    assert not set(fields) - ATM_FIELDS
    if isinstance(change, dict):
        meaning.fields([meaning.merged(said[0] if said else {}, change)], meaning.merged(units, change))


async def test_twenty_machines_at_once(around: Around) -> None:
    machines = [await CashMachine().start(f"127.0.0.{number + 2}") for number in range(20)]
    answers = await asyncio.gather(*(ask(machine, around) for machine in machines))
    assert [answer.reachable for answer in answers] == [True] * 20
    for machine in machines:
        machine.stop()


async def test_the_sample_of_the_readme(machine: CashMachine, around: Around) -> None:
    [row] = csv.DictReader(README.partition("```csv\n")[2].partition("```")[0].splitlines())
    target = row["target"].replace("192.168.8.20:5846", f"127.0.0.1:{machine.port}")
    assert target == machine.target
    assert (await make_probe(row["driver"], target, {}, around).ask(3.0)).reachable
