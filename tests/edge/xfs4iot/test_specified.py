"""XFS4IoT held against the specification: what our machine says, what our driver asks, and every word that is known."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import jsonschema
import pytest
from websockets.asyncio.client import connect

from edge.allowed import Allowed, AllowedFile
from edge.probes.xfs4iot import meaning
from edge.probing import Around, make_probe
from shouwang import kinds
from simulators.devices.xfs4iot import SERVICES, CashMachine
from tests.edge.xfs4iot import specified
from tests.waiting import until

ATM = kinds.load()["atm"].fields


@pytest.fixture
async def around() -> AsyncIterator[Around]:
    made = Around(allowed=Allowed(AllowedFile(loopback=True)))
    yield made
    made.close()


async def talk(uri: str, commands: tuple[str, ...], said: list[dict[str, Any]]) -> None:
    """Asks as a client that knows nothing of the driver, and keeps all that is said until the machine goes."""
    async with connect(uri) as socket:
        for number, name in enumerate(commands, 1):
            header = {"type": "command", "name": name, "version": "2.0", "requestId": number, "timeout": 3000}
            await socket.send(json.dumps({"header": header}))
        said.extend([json.loads(raw) async for raw in socket])


async def test_what_our_machine_says_is_as_specified() -> None:
    machine = await CashMachine(versions=("2.0",)).start()
    status = ("Common.Status",)
    asked: dict[str, tuple[str, ...]] = {"": ("ServicePublisher.GetServices",), **dict.fromkeys(SERVICES, status)}
    asked["CashDispenser"] = ("Common.Status", "Storage.GetStorage")
    said: list[dict[str, Any]] = []
    talking = [
        asyncio.create_task(talk(f"{machine.target}/{service}".rstrip("/"), commands, said))
        for service, commands in asked.items()
    ]
    await until(lambda: len(machine.asked) == 5, "all that is asked", 5)
    await machine.jam()
    await machine.turn("supervisor")
    await machine.door("open")
    for hour in range(25):
        await machine.hour(float(hour))
    await machine.say_goodbye()
    async with asyncio.timeout(5):
        await asyncio.gather(*talking)
    machine.stop()
    for message in said:
        specified.check(message)
    assert {message["header"]["name"] for message in said} == {
        "ServicePublisher.GetServices",
        "Common.Status",
        "Storage.GetStorage",
        "Common.StatusChangedEvent",
        "Storage.StorageChangedEvent",
        "Printer.PaperThresholdEvent",
    }
    changes = [each for each in said if each["header"]["type"] == "unsolicited"]
    assert len(changes) > 6


@pytest.mark.parametrize("versions", [("1.0",), ("2.0",), ("3.0",), ("2.0", "3.0")])
async def test_a_service_that_takes_its_own_version_alone(around: Around, versions: tuple[str, ...]) -> None:
    machine = await CashMachine(versions=versions, old=versions == ("1.0",)).start()
    probe = make_probe("xfs4iot", machine.target, {}, around)
    first = await probe.ask(3.0)
    found_out = len(machine.heard)
    second = await probe.ask(3.0)
    machine.stop()
    assert (first.reachable, first.reason) == (True, "")
    assert len(first.fields["cash_units"]) == 3
    assert second.fields == first.fields
    # What a service takes is found out once: from then on it is asked three times its status, once its units.
    assert len(machine.heard) - found_out == 4
    assert {message["header"]["version"] for message in machine.heard[found_out:]} == {versions[0]}
    for message in machine.heard:
        if message["header"]["version"] != "1.0":
            specified.check(message)


async def test_a_service_of_2021_that_refuses_is_asked_in_no_other_version(around: Around) -> None:
    """It would find no payload there, and might stop."""
    machine = await CashMachine(old=True, refuses="unsupportedCommand").start()
    answer = await make_probe("xfs4iot", machine.target, {}, around).ask(3.0)
    machine.stop()
    assert not answer.reachable
    assert [message["header"]["version"] for message in machine.heard] == ["1.0"]


async def test_what_no_version_is_taken_of_is_told(around: Around) -> None:
    machine = await CashMachine(versions=("9.0",)).start()
    answer = await make_probe("xfs4iot", machine.target, {}, around).ask(3.0)
    machine.stop()
    assert not answer.reachable
    assert "unsupportedCommand" in str(answer.reason)


@pytest.mark.parametrize(
    ("words", "field", "silent", "status"),
    [
        (specified.DEVICE, "device_status", {"noDevice"}, lambda word: {"common": {"device": word}}),
        (specified.UNITS, "dispenser", set(), lambda word: {"cashManagement": {"dispenser": word}}),
        (specified.UNITS, "acceptor", set(), lambda word: {"cashManagement": {"acceptor": word}}),
        (specified.DOOR, "safe_door", set(), lambda word: {"auxiliaries": {"safeDoor": word}}),
        (specified.SWITCH, "operator_switch", set(), lambda word: {"auxiliaries": {"operatorSwitch": word}}),
        (
            specified.PAPER,
            "receipt_paper",
            {"unknown", "notSupported"},
            lambda word: {"printer": {"paper": {"upper": word}}},
        ),
    ],
)
def test_every_word_is_told_or_says_nothing_on_purpose(
    words: tuple[str, ...], field: str, silent: set[str], status: Any
) -> None:
    told = {word: meaning.fields([status(word)], {}).get(field) for word in words}
    assert {word for word, value in told.items() if value is None} == silent
    assert {value for value in told.values() if value is not None} <= set(ATM[field].values or ())


@pytest.mark.parametrize("state", specified.UNIT)
@pytest.mark.parametrize("replenishment", specified.REPLENISHMENT)
def test_every_word_of_a_unit_is_told(state: str, replenishment: str) -> None:
    unit = {"status": state, "cash": {"status": {"replenishmentStatus": replenishment}}}
    [told] = meaning.fields([], {"unit1": unit})["cash_units"]
    assert told == {"unit": "unit1", "status": state, "replenishment": replenishment}


@pytest.mark.parametrize(
    "wrong",
    [
        {"header": {"type": "unsolicited", "name": "Common.StatusChangedEvent", "version": "2.0", "requestId": 1}},
        {"header": {"type": "command", "name": "Common.Status", "version": "1", "requestId": 1}},
        {"header": {"type": "command", "name": "Common.Status", "version": "2.0", "requestId": 1}, "payload": {}},
        {
            "header": {"type": "completion", "name": "Common.Status", "version": "2.0", "requestId": 1},
            "payload": {"common": {"device": "on line"}},
        },
    ],
)
def test_what_is_not_as_specified_is_seen(wrong: dict[str, Any]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        specified.check(wrong)
