"""What probing costs: a thousand devices of a protocol asked at once, and all protocols together."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.figures import Figures, heading
from benchmarks.probed import SIP_PORT, SNMP_PORT, address
from benchmarks.processes import use_of
from edge.allowed import Allowed, AllowedFile
from edge.probing import Around, Probe, make_probe

_TIMEOUT_S = 5.0


def measure(figures: Figures, *, devices: int = 1000) -> None:
    """`devices` of each of ICMP, SIP and SNMP, each on an address of its own; their own process is told apart."""
    heading(f"Probing: {devices} devices by each protocol, all at once")
    command = [sys.executable, "-m", "benchmarks.probed", str(devices)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as served:
        assert served.stdin is not None
        assert served.stdout is not None
        try:
            served.stdout.readline()
            asyncio.run(_measure(figures, devices, served.pid))
        finally:
            served.stdin.close()


async def _measure(figures: Figures, devices: int, pid: int) -> None:
    with tempfile.TemporaryDirectory(prefix="shouwang-bench-") as folder:
        around = Around(allowed=Allowed(AllowedFile(loopback=True)), state_directory=Path(folder))
        try:
            icmp = [make_probe("icmp", address(each), {}, around) for each in range(devices)]
            sip = [make_probe("sip", f"{address(each)}:{SIP_PORT}", {}, around) for each in range(devices)]
            ups = {"mapping": ["ups-mib"]}
            snmp = [make_probe("snmp", f"{address(each)}:{SNMP_PORT}", ups, around) for each in range(devices)]
            for name, probes in (("ICMP", icmp), ("SIP", sip), ("SNMP", snmp)):
                await _ask(figures, f"{devices} {name} probes", probes, pid)
            await _ask(figures, f"{devices} ICMP + {devices} SIP + {devices} SNMP probes", [*icmp, *sip, *snmp], pid)
        finally:
            around.close()


async def _ask(figures: Figures, name: str, probes: Sequence[Probe], pid: int) -> None:
    before, cpu_s, began_s = use_of(pid).cpu_s, time.process_time(), time.perf_counter()
    answers = await asyncio.gather(*(probe.ask(_TIMEOUT_S) for probe in probes))
    took_s, cpu_s = time.perf_counter() - began_s, time.process_time() - cpu_s
    theirs_s = use_of(pid).cpu_s - before
    lost = sum(1 for answer in answers if not answer.reachable)
    said = "all answered" if not lost else f"{lost} without an answer"
    figures.add(name, took_s, "s", f"{said}; CPU {cpu_s:.2f} s ours, {theirs_s:.2f} s the devices'")
