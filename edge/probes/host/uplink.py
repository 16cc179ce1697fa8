"""The way out, asked again and again: how many rounds of the last minutes nobody answered, and how quickly it went.

A round asks every target at once. It is lost only when none of them answers, so that a target that is dead is no loss
of ours. Between two readings it goes on by itself: a 4G line that drops for five seconds each minute is never down when
a reading asks, and shows all the same.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from dataclasses import dataclass
from typing import Any

from edge.allowed import NotAllowedError
from edge.probes.icmp import Pinger
from edge.probing import Around, ProbeConfigError, host_and_port
from shouwang.vocabulary import Driver

TARGETS_MAX = 4
ENOUGH_ROUNDS = 12
"""A loss is said from so many rounds on: one lost of two says nothing of a line."""
_WAIT_S = 2.0
_LATELY = 12
_FALLBACK_PORT = 443
_KEPT_S = 600.0
_LOOK_S, _LOOK_AGAIN_S = 1.5, 30.0
_UNASKED_S = 900.0


@dataclass(frozen=True)
class Ways:
    """What is asked, how often, and over how many rounds it is judged."""

    targets: tuple[str, ...]
    every_s: float
    rounds: int

    def __post_init__(self) -> None:
        if len(self.targets) > TARGETS_MAX:
            raise ProbeConfigError(f"uplink_targets: at most {TARGETS_MAX}, two are enough")
        if not 0.1 <= self.every_s <= 300:
            raise ProbeConfigError(f"uplink_every_s {self.every_s:g}: between 0.1 and 300 seconds")
        if not ENOUGH_ROUNDS <= self.rounds <= 1000:
            raise ProbeConfigError(f"uplink_rounds {self.rounds}: between {ENOUGH_ROUNDS} and 1000")
        for target in self.targets:
            host_and_port(target, _FALLBACK_PORT)


def summary(rounds: list[float | None]) -> dict[str, Any]:
    """Fields of a reading from the round trips of rounds, oldest first, in milliseconds, None for a lost one."""
    fields: dict[str, Any] = {}
    if len(rounds) >= ENOUGH_ROUNDS:
        fields["uplink_loss_percent"] = round(100 * rounds.count(None) / len(rounds), 1)
    if answered := [took_ms for took_ms in rounds[-_LATELY:] if took_ms is not None]:
        fields["uplink_rtt_ms"] = round(_median(answered), 1)
    return fields


def _median(values: list[float]) -> float:
    """Without the library's, which takes half a megabyte."""
    ordered, half = sorted(values), len(values) // 2
    return ordered[half] if len(values) % 2 else (ordered[half - 1] + ordered[half]) / 2


class Uplink:
    """Asks in the background from the first `fields` on, until nobody wants to know any more. One an agent, in
    `Around.shared`: it outlives a new configuration that leaves it as it is."""

    def __init__(self, ways: Ways, around: Around) -> None:
        self.ways = ways
        self._around = around
        self._targets = [_Target(target, around) for target in ways.targets]
        self._rounds: deque[float | None] = deque(maxlen=ways.rounds)
        self._asked_s = around.clock.now().mono_s
        self._first = asyncio.Event()
        self.asked_rounds = 0  # those that count for nothing too
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def fields(self, wait_s: float) -> tuple[dict[str, Any], str]:
        """What is known by now, and what is wrong with a target, in words. The first time it waits for a round, at most
        `wait_s`."""
        self._asked_s = self._around.clock.now().mono_s
        if self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._run())
        if not self._rounds:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self._first.wait()
        troubles = [target.trouble for target in self._targets if target.trouble]
        if len(self._rounds) >= ENOUGH_ROUNDS:
            troubles += [
                f"uplink: {target.name} never answers" for target in self._targets if target.lost >= self.ways.rounds
            ]
        return summary(list(self._rounds)), "; ".join(dict.fromkeys(troubles))

    @property
    def rounds(self) -> int:
        """How many rounds it knows of."""
        return len(self._rounds)

    def close(self) -> None:
        """Ends it."""
        self._task.cancel()

    async def _run(self) -> None:
        clock = self._around.clock
        next_s = clock.now().mono_s
        while clock.now().mono_s - self._asked_s < max(_UNASKED_S, 10 * self.ways.every_s):
            wait_s = min(_WAIT_S, self.ways.every_s)
            took = await asyncio.gather(*(target.ask(wait_s) for target in self._targets))
            if any(target.allowed for target in self._targets):
                self._rounds.append(min((each for each in took if each is not None), default=None))
            self.asked_rounds += 1
            self._first.set()
            now_s = clock.now().mono_s
            next_s = max(next_s + self.ways.every_s, now_s)  # after a sleep of the machine it goes on from here
            await asyncio.sleep(next_s - now_s)


class _Target:
    """One that is asked: `host` by ICMP echo, and where the system lets us send none by TCP; `host:port` by TCP."""

    def __init__(self, name: str, around: Around) -> None:
        self.name = name
        self.trouble = ""
        self.allowed = True
        self.lost = 0  # rounds in a row
        self._around = around
        self._host, self._port = host_and_port(name, _FALLBACK_PORT)
        self._by_tcp = name != self._host and name != f"[{self._host}]"
        self._address: str | None = None
        self._found_s = self._looked_s = float("-inf")

    async def ask(self, wait_s: float) -> float | None:
        """Milliseconds; None where no answer came within `wait_s`."""
        took_ms = None
        try:
            async with asyncio.timeout(wait_s):
                took_ms = await self._ask(await self._resolved(), wait_s)
        except NotAllowedError as error:
            self.allowed, self.trouble = False, f"uplink: {self.name}: {error}"
        except (TimeoutError, OSError):
            pass  # a lost one
        self.lost = 0 if took_ms is not None else self.lost + 1
        return took_ms

    async def _resolved(self) -> str:
        """Its address. That of a name is kept, and looked for anew only from time to time: where names do not resolve,
        each try holds a thread for many seconds, and the line may be well all the same. Raises OSError."""
        now_s = self._around.clock.now().mono_s
        stale = self._address is None or now_s - self._found_s > _KEPT_S or self.lost > ENOUGH_ROUNDS
        if stale and now_s - self._looked_s > _LOOK_AGAIN_S:
            self._looked_s = now_s
            try:
                async with asyncio.timeout(_LOOK_S):
                    self._address = await self._around.allowed.resolve(self._host, self._port if self._by_tcp else None)
                self._found_s, self.allowed, self.trouble = now_s, True, ""
            except (OSError, TimeoutError):
                if self._address is None:
                    raise
        if self._address is None:
            raise OSError(f"the name {self._host!r} does not resolve")
        return self._address

    async def _ask(self, address: str, wait_s: float) -> float | None:
        if not self._by_tcp:
            try:
                pinger = self._around.shared.get(Driver.ICMP)
                if pinger is None:
                    pinger = self._around.shared[Driver.ICMP] = Pinger(self._around)
                assert isinstance(pinger, Pinger)
                return await pinger.echo(address, wait_s)
            except PermissionError:
                self._by_tcp = True  # until the agent is started anew
        clock = self._around.clock
        began_s = clock.now().mono_s
        try:
            _, writer = await asyncio.open_connection(address, self._port)
        except ConnectionRefusedError:
            pass  # that, too, is an answer from over there
        else:
            writer.transport.abort()
        return (clock.now().mono_s - began_s) * 1000
