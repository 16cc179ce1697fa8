"""A broker, a receiver of webhooks and a house for each timeline."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers import Mosquitto
from tests.timeline.house import House
from tests.timeline.receiver import Receiver


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as made:
        yield made


@pytest.fixture
def house(tmp_path: Path, mosquitto: Mosquitto, receiver: Receiver) -> Iterator[House]:
    """Not started: give it a fleet, then `house.collector.start()`."""
    made = House(tmp_path, mosquitto.url, receiver.url)
    yield made
    made.close()
