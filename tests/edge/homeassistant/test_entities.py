"""Every field of every kind becomes an entity as Home Assistant documents it, and its templates read our states."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
from jinja2 import Environment
from pydantic import ValidationError

from edge.homeassistant import HomeAssistantFileError, load
from edge.homeassistant.entities import Said, of_centre, of_device
from shouwang import kinds
from shouwang.kinds import FieldType
from tests.edge.homeassistant.documented import BinarySensor, Entity, Event, Sensor, checked

KINDS = kinds.load()
SAID = Said("150525100201", "homeassistant", "shouwang/home", "zh")


def entities(kind: str, said: Said = SAID, interval_s: float = 30.0) -> dict[str, Entity]:
    found = {topic: checked(topic, config) for topic, config in of_device(said, "x-07", KINDS[kind], interval_s)}
    return {topic.split("/")[-2].removeprefix("x-07-"): entity for topic, entity in found.items()}


def rendered(template: str, state: dict[str, Any]) -> str:
    """As Home Assistant renders it: in Jinja's sandbox, with the payload's JSON as `value_json`."""
    return Environment(autoescape=False).from_string(template).render(value_json=state)


@pytest.mark.parametrize("tongue", ["zh", "en"])
@pytest.mark.parametrize("kind", list(KINDS))
def test_every_kind_is_said_as_documented(kind: str, tongue: str) -> None:
    said = Said("150525100201", "homeassistant", "shouwang/home", tongue)
    found = entities(kind, said)
    expected = {name for name, field in KINDS[kind].fields.items() if field.type is not FieldType.LIST}
    pressed = kind in ("call_terminal", "clinic_terminal")
    assert set(found) == (expected | {"event"} if pressed else expected)
    assert len({entity.unique_id for entity in found.values()}) == len(found)
    assert isinstance(checked(*of_centre(said)), BinarySensor)


def test_a_call_terminal_has_the_classes_that_people_expect() -> None:
    found = entities("call_terminal")
    battery, mains, reachable, call = (found[name] for name in ("battery_percent", "mains_power", "reachable", "event"))
    assert isinstance(battery, Sensor)
    assert (battery.device_class, battery.unit_of_measurement, battery.state_class) == ("battery", "%", "measurement")
    assert battery.device.name == "呼叫终端 x-07"
    assert battery.expire_after == 98
    assert isinstance(mains, BinarySensor)
    assert mains.device_class == "power"
    assert isinstance(reachable, BinarySensor)
    assert [each.topic for each in reachable.availability] == [SAID.presence]
    assert [each.topic for each in battery.availability] == [SAID.presence, SAID.state("x-07")]
    assert isinstance(call, Event)
    assert "help_call" in call.event_types


@pytest.mark.parametrize(
    ("kind", "name", "state", "value"),
    [
        ("call_terminal", "battery_percent", {"battery_percent": 87.5}, "87.5"),
        ("call_terminal", "battery_percent", {}, "None"),
        ("call_terminal", "mains_power", {"mains_power": True}, "ON"),
        ("call_terminal", "mains_power", {"mains_power": False}, "OFF"),
        ("call_terminal", "mains_power", {}, "None"),
        ("pos_terminal", "paper", {"paper": "low"}, "low"),
        ("site", "agent_version", {"agent_version": "1.0"}, "1.0"),
        ("site", "agent_version", {}, ""),
    ],
)
def test_templates_read_our_states(kind: str, name: str, state: dict[str, Any], value: str) -> None:
    entity = entities(kind)[name]
    assert isinstance(entity, Sensor | BinarySensor)
    assert rendered(entity.value_template or "", state) == value


@pytest.mark.parametrize(
    ("state", "there"), [({}, "online"), ({"reachable": True}, "online"), ({"reachable": False}, "offline")]
)
def test_what_does_not_answer_is_unavailable_and_not_unknown(state: dict[str, Any], there: str) -> None:
    template = entities("camera")["fps"].availability[1].value_template
    assert rendered(template or "", state) == there


@pytest.mark.parametrize(
    "wrong",
    [
        {"unit_of_measurement": "V"},
        {"device_class": "batery"},
        {"options": ["a"]},
        {"availability_topic": "x"},
        {"state_topic": "a/+/b"},
        {"unique_id": None},
    ],
)
def test_what_home_assistant_would_refuse_is_found(wrong: dict[str, Any]) -> None:
    topic, config = next(
        each for each in of_device(SAID, "x-07", KINDS["call_terminal"], 30) if "battery_percent" in each[0]
    )
    checked(topic, config)
    with pytest.raises(ValidationError):
        checked(topic, config | wrong)
    with pytest.raises(ValueError, match="not looked at"):
        checked(topic.replace("/config", "/cfg"), msgspec.json.encode(config))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('broker = "mqtt://b"\nprefx = "x"', "'prefx' is unknown; did you mean prefix?"),
        ('broker = "b:1883"', "expected mqtt://"),
        ('broker = "mqtt://b"\nprefix = "a/#"', "prefix 'a/#': letters"),
        ("broker = mqtt", "homeassistant.toml: "),
        ('user = "x"', "missing required field `broker`"),
    ],
)
def test_a_wrong_file_is_told(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "homeassistant.toml"
    file.write_text(text, "utf-8")
    with pytest.raises(HomeAssistantFileError) as error:
        load(file)
    assert said in str(error.value)
    assert load(tmp_path / "none.toml") is None
