"""The devices that are probed, in a process of their own: `python -m benchmarks.probed NUMBER` says where they are."""

from __future__ import annotations

import asyncio
import json
import resource
import sys

from simulators.devices.sip import SipDevice
from simulators.devices.snmp import SnmpDevice, ups_values

SIP_PORT, SNMP_PORT = 15_060, 10_161


def address(number: int) -> str:
    """Of a device: one each, on 127/8."""
    return f"127.21.{number // 250}.{number % 250 + 1}"


async def _serve(number: int) -> None:
    for each in range(number):
        await SipDevice.start(address(each), SIP_PORT, user=str(1000 + each))
        await SnmpDevice.start(address(each), SNMP_PORT, values=ups_values())
    print(json.dumps({"ready": number}), flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)  # until it is closed


if __name__ == "__main__":
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    asyncio.run(_serve(int(sys.argv[1])))
