"""A message through a modem on a pseudo-terminal, which fails as real ones do."""

import asyncio
from typing import Any

import pytest
from smspdudecoder.easy import read_outgoing_sms

from edge.fallback.sms import Modem, ModemError
from simulators.devices.modem import SimModem


async def send(number: str = "+8613800000001", **behaviour: Any) -> tuple[str, SimModem]:
    modem = await SimModem(**behaviour).start()
    line = Modem(modem.path)
    try:
        async with asyncio.timeout(1):
            line.open()
            return await line.send(number, "呼救"), modem
    finally:
        line.close()
        modem.stop()


async def test_a_message_is_sent() -> None:
    said, modem = await send(slow_s=0.01)
    assert said == "+CMGS: 1"
    assert [read_outgoing_sms(coded) for coded in modem.messages] == [
        {"recipient": "+8613800000001", "content": "呼救"}
    ]


@pytest.mark.parametrize(
    ("behaviour", "expected"),
    [
        ({"registered": False}, "no mobile network: \\+CREG: 0,2"),
        ({"sim_ready": False}, "the SIM card is not ready: \\+CPIN: SIM PIN"),
        ({"refuses": "+CMS ERROR: 38"}, "the modem refuses: \\+CMS ERROR: 38"),
    ],
)
async def test_why_it_was_not_sent(behaviour: dict[str, Any], expected: str) -> None:
    with pytest.raises(ModemError, match=expected):
        await send(**behaviour)


@pytest.mark.slow
async def test_a_modem_that_says_nothing_is_given_up() -> None:
    with pytest.raises(TimeoutError):
        await send(mute=True)


async def test_a_line_that_is_not_there() -> None:
    with pytest.raises(ModemError, match="/dev/ttyNONE: No such file"):
        Modem("/dev/ttyNONE").open()
