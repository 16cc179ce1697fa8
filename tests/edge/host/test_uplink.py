"""The way out: what is a lost round, and what a line that drops looks like."""

import asyncio
import socket
from pathlib import Path

import pytest

from edge.allowed import Allowed, AllowedFile
from edge.probes.host.uplink import ENOUGH_ROUNDS, Uplink, summary
from edge.probing import Answer, Around, ProbeConfigError, make_probe
from tests.waiting import until


def around(state: Path) -> Around:
    return Around(allowed=Allowed(AllowedFile(loopback=True)), state_directory=state)


@pytest.mark.parametrize(
    ("rounds", "fields"),
    [
        ([], {}),
        ([7.0], {"uplink_rtt_ms": 7.0}),
        ([None] * 11, {}),
        ([None] * 12, {"uplink_loss_percent": 100.0}),
        ([5.0] * 11 + [None], {"uplink_loss_percent": 8.3, "uplink_rtt_ms": 5.0}),
        ([None] * 48 + [30.0, 10.0, 20.0] * 4, {"uplink_loss_percent": 80.0, "uplink_rtt_ms": 20.0}),
    ],
)
def test_what_rounds_say(rounds: list[float | None], fields: dict[str, float]) -> None:
    assert summary(rounds) == fields


async def asked(around: Around, targets: list[str], rounds: int = ENOUGH_ROUNDS, every_s: float = 0.1) -> Answer:
    settings = {"uplink_targets": targets, "uplink_every_s": every_s, "uplink_rounds": rounds}
    return await make_probe("host", "", settings, around).ask(2.0)


@pytest.mark.slow
async def test_one_target_that_is_dead_is_no_loss(tmp_path: Path) -> None:
    here = around(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket() as full:
        full.bind(("127.0.0.2", 0))  # a port that swallows connections: its queue is full
        full.listen(0)
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(full.getsockname())
        dead = f"127.0.0.2:{full.getsockname()[1]}"
        alive = f"127.0.0.1:{server.getsockname()[1]}"
        await asked(here, [dead, alive])
        held = here.shared["uplink"]
        assert isinstance(held, Uplink)
        await until(lambda: held.rounds >= ENOUGH_ROUNDS, "rounds enough")
        answer = await asked(here, [dead, alive])
        assert answer.fields["uplink_loss_percent"] == 0
        assert answer.fields["uplink_rtt_ms"] < 100
        assert f"uplink: {dead} never answers" in str(answer.reason)
        for filler in fillers:
            filler.close()
    here.close()


@pytest.mark.slow
async def test_it_goes_on_between_two_readings_and_outlives_a_new_configuration(tmp_path: Path) -> None:
    here = around(tmp_path)
    took = 0

    def count(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal took
        took += 1
        writer.close()

    server = await asyncio.start_server(count, "127.0.0.1", 0)
    target = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    first = await asked(here, [target])
    assert "uplink_rtt_ms" in first.fields  # the first reading waits for a round
    assert "uplink_loss_percent" not in first.fields
    await until(lambda: took >= ENOUGH_ROUNDS, "rounds without any reading")
    held = here.shared["uplink"]
    assert (await asked(here, [target])).fields["uplink_loss_percent"] == 0
    assert here.shared["uplink"] is held
    server.close()
    other = await asked(here, [target, "127.0.0.1:9"])
    assert here.shared["uplink"] is not held
    assert "uplink_rtt_ms" in other.fields  # refused is an answer from over there, too
    here.close()


async def test_what_may_not_be_asked_is_said_and_costs_the_reading_nothing(tmp_path: Path) -> None:
    here = Around(allowed=Allowed(AllowedFile(networks=["10.0.0.0/8"])), state_directory=tmp_path)
    await asked(here, ["198.51.100.1"], every_s=0.1)
    held = here.shared["uplink"]
    assert isinstance(held, Uplink)
    await until(lambda: held.asked_rounds >= 3, "several rounds")
    answer = await asked(here, ["198.51.100.1"])
    assert answer.reachable
    assert "disk_free_percent" in answer.fields
    assert "outside of the allowed networks" in str(answer.reason)
    assert "uplink_loss_percent" not in answer.fields
    here.close()


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"uplink_targets": ["a", "b", "c", "d", "e"]}, "at most 4"),
        ({"uplink_every_s": 0}, "between 0.1 and 300"),
        ({"uplink_rounds": 2}, "between 12 and 1000"),
        ({"uplink_targets": ["http://a/b"]}, "expected a host or address"),
        ({"also": [{"driver": "host", "target": ""}]}, "another host"),
        ({"also": [{"driver": "tcp", "target": "192.168.1.2"}]}, "also: tcp 192.168.1.2: .*its port is missing"),
        ({"also": [{"driver": "tcp", "target": f"10.0.0.{n}:1"} for n in range(9)]}, "9 parts, at most 8"),
    ],
)
def test_settings_that_cannot_be(settings: dict[str, object], said: str, tmp_path: Path) -> None:
    with pytest.raises(ProbeConfigError, match=said):
        make_probe("host", "", settings, around(tmp_path))


@pytest.mark.slow
async def test_a_name_that_does_not_resolve_is_not_looked_for_in_every_round(tmp_path: Path) -> None:
    class Names(Allowed):
        looked = 0
        there = True

        async def resolve(self, host: str, port: int | None = None) -> str:
            self.looked += 1
            if not self.there:
                raise OSError("no name server answers")
            return "127.0.0.1"

    names = Names(AllowedFile(loopback=True))
    here = Around(allowed=names, state_directory=tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as server:
        target = f"box.banner.example:{server.getsockname()[1]}"
        await asked(here, [target])
        names.there = False
        held = here.shared["uplink"]
        assert isinstance(held, Uplink)
        await until(lambda: held.rounds >= ENOUGH_ROUNDS, "rounds enough")
        answer = await asked(here, [target])
    assert answer.fields["uplink_loss_percent"] == 0  # its address is known
    assert names.looked == 1
    here.close()
