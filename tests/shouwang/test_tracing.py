"""Names that agent and collector come to alike, and a receiver that is slow, gone, or not even installed."""

import subprocess
import sys
import uuid
from pathlib import Path

import pytest

from edge.tracing import TracingFileError, load
from shouwang.clock import SystemClock
from shouwang.tracing import Spans, is_sampled, name_of_incident, name_of_message
from tests.servers import free_port
from tests.servers.otlp import Receiver
from tests.waiting import wait_until

BOOT = "0b4ad2a2-0000-4000-8000-000000000001"


def test_a_message_has_one_name_everywhere_and_forever() -> None:
    # fixed: an agent of this version and a collector of the next must agree
    name = name_of_message(BOOT, 17)
    assert (f"{name.trace:032x}", f"{name.span:016x}") == ("a3669d04c5bf917429cc93b620fefbe1", "6f6f636024e617b3")
    names = {name_of_message(BOOT, seq) for seq in range(1000)} | {name_of_incident(BOOT)}
    assert len({name.trace for name in names}) == len({name.span for name in names}) == 1001
    assert all(0 < name.trace < 1 << 128 and 0 < name.span < 1 << 64 for name in names)


@pytest.mark.parametrize("ratio", [0.0, 0.01, 0.3, 1.0])
def test_so_many_are_kept_as_were_asked_for(ratio: float) -> None:
    names = [name_of_message(str(uuid.UUID(int=n)), n) for n in range(4000)]
    kept = sum(is_sampled(name, ratio) for name in names)
    assert abs(kept - ratio * 4000) <= 100
    assert all(is_sampled(name, 1.0) for name in names if is_sampled(name, ratio))


def test_spans_arrive_under_their_given_names() -> None:
    name = name_of_message(BOOT, 17)
    with Receiver() as receiver:
        spans = Spans(receiver.url, "shouwang-test", "1.0", "c-1")
        spans.first(name, "report", 1_000.0, 2_000.0, {"shouwang.path": "c-1"})
        below = spans.below(name, "journal", 1_500.0, 1_400.0, {}, "consumer", "full")
        spans.below(below, "deeper", 1_600.0, 1_700.0, {})
        spans.close()
        wait_until(lambda: len(receiver.spans) == 3, lambda: receiver.spans)
    first, second, third = sorted(receiver.spans, key=lambda span: span.from_ms)
    assert (first.id, first.trace, first.parent) == (f"{name.span:016x}", f"{name.trace:032x}", "")
    assert (first.from_ms, first.to_ms, first.said) == (1_000.0, 2_000.0, {"shouwang.path": "c-1"})
    assert (second.parent, second.failed) == (first.id, "full")
    assert second.to_ms == second.from_ms, "a clock that was set back makes no negative time"
    assert receiver.above(third) == [second, first]


def test_a_receiver_that_is_gone_costs_spans_and_no_time() -> None:
    clock = SystemClock()
    spans = Spans(f"http://127.0.0.1:{free_port()}", "shouwang-test", "1.0")
    began = clock.now().mono_s
    for seq in range(6_000):  # more than wait at most
        spans.first(name_of_message(BOOT, seq), "report", 0, 1, {})
    assert clock.now().mono_s - began < 5


def test_without_opentelemetry_it_is_said_what_to_install() -> None:
    look = (
        "import sys; sys.modules['opentelemetry.sdk.trace'] = None\n"
        "from shouwang.tracing import Spans, TracingMissing\n"
        "try: Spans('http://127.0.0.1:1', 'x', '1')\n"
        "except TracingMissing as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-P", "-c", look], capture_output=True, text=True, timeout=30)
    assert "pip install -r requirements/tracing.txt" in done.stdout, done.stderr


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('url = "http://x"\nratoi = 1', "'ratoi' is unknown; did you mean ratio?"),
        ('url = "x:4318"', "url"),
        ('url = "http://x"\nratio = 2', "ratio"),
        ("ratio = 1", "url"),
    ],
)
def test_a_wrong_file_is_told(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "tracing.toml"
    file.write_text(text, "utf-8")
    with pytest.raises(TracingFileError) as error:
        load(file)
    assert said in str(error.value)
    assert load(tmp_path / "none.toml") is None
