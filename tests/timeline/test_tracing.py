"""One reading from the probe to the notification as one trace, over agent and collector, with nothing on the wire."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from shouwang.tracing import name_of_message
from tests.servers.otlp import Receiver as Traces
from tests.timeline.product import Devices, EdgeAgent, Serve, write_fleet
from tests.timeline.receiver import Receiver
from tests.waiting import SELDOM_S, wait_until

pytestmark = [pytest.mark.system, pytest.mark.timeout(120)]

CENTRE = "traced-1"


@pytest.fixture
def traces() -> Iterator[Traces]:
    with Traces() as made:
        yield made


@pytest.fixture
def hook() -> Iterator[Receiver]:
    with Receiver() as made:
        yield made


@pytest.fixture
def serve(tmp_path: Path, hook: Receiver) -> Iterator[Serve]:
    made = Serve(tmp_path, tmp_path / "fleet.csv", hook.url)
    made.environment |= {
        "SHOUWANG_LIMITS__CALL_TERMINAL__REPORT_EVERY_S": "5",
        "SHOUWANG_LIMITS__CALL_TERMINAL__NOTIFY_AFTER_S": "5",
    }
    yield made
    made.stop()


@pytest.fixture
def agent(tmp_path: Path, serve: Serve) -> Iterator[EdgeAgent]:
    made = EdgeAgent(tmp_path, serve.broker_url, CENTRE)
    made.outbox.parent.mkdir()
    yield made
    made.stop()


def test_a_terminal_that_answers_no_more_is_one_trace_from_probe_to_notification(
    traces: Traces, hook: Receiver, serve: Serve, agent: EdgeAgent
) -> None:
    serve.environment |= {"SHOUWANG_TRACING__URL": traces.url, "SHOUWANG_TRACING__RATIO": "1"}
    (agent.outbox.parent / "tracing.toml").write_text(f'url = "{traces.url}"\nratio = 1\n')
    with Devices(2) as devices:
        write_fleet(serve.directory / "fleet.csv", [], CENTRE, devices)
        serve.start()
        agent.start()
        wait_until(
            lambda: traces.named("probe call_terminal", device="call-01", reachable=True) and traces.named("journal"),
            lambda: f"a trace of a good reading: {traces.spans[-5:]} {agent.log.read_text()[-2000:]}",
            40,
            SELDOM_S,
        )
        devices.unplug("call-01")
        wait_until(lambda: "opened device_down" in hook.types, lambda: f"the notification: {hook.types}", 40, SELDOM_S)
        wait_until(lambda: traces.named("notify webhook", type="incident.opened"), "its span", 20, SELDOM_S)

    (told,) = traces.named("notify webhook", type="incident.opened")
    assert told.said["shouwang.accepted"] is True
    assert told.failed == ""
    above = [span.name for span in traces.above(told)]
    assert above == ["incident device_down", "decide", "report"], "up to the message that opened it"
    report = traces.above(told)[-1]
    assert report.parent == ""
    assert int(report.trace, 16) == name_of_message(report.said["shouwang.boot"], report.said["shouwang.seq"]).trace

    of_it = [span for span in traces.spans if span.trace == report.trace]
    by_name = {span.name: span for span in of_it}
    assert {"probe call_terminal", "outbox", "publish", "journal", "owe"} <= set(by_name)
    assert {span.service for span in of_it} == {"shouwang-agent", "shouwang-collector"}
    probes = [span for span in of_it if span.name == "probe call_terminal"]
    assert any(not span.said["shouwang.reachable"] for span in probes)
    order = [by_name[name].from_ms for name in ("report", "outbox", "publish", "journal", "decide", "notify webhook")]
    assert order == sorted(order)
    assert not any(key.startswith("shouwang.latency") for span in traces.spans for key in span.said), "no readings"


def test_without_being_asked_nothing_of_it_is_loaded() -> None:
    """So it costs nothing: not a line of it stands on the way of a message."""
    look = (
        "import sys, edge.agent, edge.on_request, collector.service, collector.app;"
        "print([name for name in sys.modules if name.startswith(('opentelemetry.sdk', 'opentelemetry.exporter',"
        " 'shouwang.tracing', 'edge.tracing', 'collector.traced'))])"
    )
    done = subprocess.run([sys.executable, "-P", "-c", look], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"
