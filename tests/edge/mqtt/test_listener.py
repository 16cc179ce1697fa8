"""What buttons' messages mean: recorded ones, odd ones, and any bytes."""

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.hearing import Heard, Listened
from edge.probes.mqtt import MqttListener
from edge.probes.mqtt.settings import MqttOptions, MqttSettings, checked
from edge.probing import Around, ProbeConfigError
from edge.secrets import Secrets
from shouwang.clock import Clock, Now
from shouwang.mqtt import Message

WIRE = Path(__file__).parent / "wire"
LAST_SEEN_MS = 1_776_439_997_000  # 2026-04-17T23:33:17+08:00


class Standing(Clock):
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.mono_s, self.wall_ms = 1000.0, LAST_SEEN_MS

    def now(self) -> Now:
        return Now(self.mono_s, self.wall_ms)

    def pass_s(self, seconds: float) -> None:
        self.mono_s += seconds
        self.wall_ms += round(seconds * 1000)


class Ear:
    """A listener without a broker: messages are handed to it."""

    def __init__(self, **devices: tuple[str, dict[str, Any]]) -> None:
        self._directory = TemporaryDirectory(prefix="shouwang-test-")
        self.clock = Standing()
        self.heard: list[Heard] = []
        self.devices = devices
        self.restart()

    def restart(self) -> None:
        """The agent is started anew, on the same disk."""
        around = Around(clock=self.clock, state_directory=Path(self._directory.name))
        self.listener = MqttListener(MqttOptions(), around, self.heard.append)
        self.listener.watch(
            [
                Listened(name.replace("_", "-"), "call_terminal", target, MqttSettings(**said), 60.0)
                for name, (target, said) in self.devices.items()
            ]
        )

    def put(self, topic: str, payload: str | bytes, *, retain: bool = False) -> None:
        content = payload if isinstance(payload, bytes) else payload.encode()
        self.listener._received(Message(topic, content, 1, retain, 1, 1))

    @property
    def events(self) -> list[tuple[str, str, str]]:
        return [(each.device, each.event, each.detail["action"]) for each in self.heard if each.event]

    @property
    def last(self) -> dict[str, Any]:
        return self.heard[-1].fields


def recorded(name: str) -> list[tuple[str, str]]:
    lines = (WIRE / f"{name}.txt").read_text("utf-8").splitlines()
    return [(line.split(" ", 1)[0], line.split(" ", 1)[1]) for line in lines if not line.startswith("#")]


def test_zigbee2mqtt_as_recorded() -> None:
    ear = Ear(
        new=("0xa4c13899607febd1", {}),
        old=("zigbee2mqtt/0x847127fffe0542eb", {}),  # the whole topic is taken, too
    )
    for topic, payload in recorded("zigbee2mqtt"):
        ear.put(topic, payload)
        ear.clock.pass_s(0.1)
    assert ear.events == [("new", "help_call", "emergency"), ("old", "help_call", "emergency")]
    new = [each.fields for each in ear.heard if each.device == "new"]
    assert new[2] | {"last_heard_age_ms": 0} == {
        "reachable": True,
        "last_heard_age_ms": 0,
        "battery_percent": 100,
        "link_quality": 18,
    }
    assert ear.last == {"reachable": False}  # `online` after it says nothing: the bridge believes so


def test_tasmota_as_recorded() -> None:
    tasmota = {"speaks": "tasmota"}
    ear = Ear(
        sos_2=("sos-2", tasmota),
        motion=("bridge/MotionSensor", tasmota),
        named=("bridge/botao_q1", tasmota | {"help": ["0006!FD"]}),
        zone=("bridge/0xAA75", tasmota),
        sos=("bridge/SosButton", tasmota),
    )
    for topic, payload in recorded("tasmota"):
        ear.put(topic, payload)
        ear.clock.pass_s(0.1)
    assert ear.events == [
        ("sos-2", "help_call", "SINGLE"),
        ("named", "help_call", "0006!FD"),
        ("zone", "help_call", "alarm"),
        ("sos", "help_call", "emergency"),
    ]
    of = {each.device: each.fields for each in ear.heard}
    assert of["sos-2"] == {"reachable": False}
    assert of["motion"].items() >= {"battery_percent": 17, "battery_mv": 2700, "link_quality": 79}.items()
    assert of["zone"].items() >= {"tamper": False, "battery_status": "ok", "link_quality": 165}.items()
    assert any(each.fields.get("signal_dbm") == -74 for each in ear.heard if each.device == "sos-2")


@pytest.mark.parametrize(
    ("settings", "action", "event"),
    [
        ({}, "single", "help_call"),
        ({}, "a word of the next firmware", "help_call"),
        ({}, "off", ""),
        ({}, "hold_release", ""),
        ({}, "arm_day_zones", ""),
        ({"test": ["double"]}, "double", "test_call"),
        ({"test": ["double"]}, "single", "help_call"),
        ({"help": ["hold"]}, "hold", "help_call"),
        ({"help": ["hold"]}, "single", ""),
    ],
)
def test_what_a_press_is(settings: dict[str, Any], action: str, event: str) -> None:
    ear = Ear(call=("sos", settings))
    ear.put("zigbee2mqtt/sos", f'{{"action":"{action}","voltage":3000,"battery_low":true,"tamper":false}}')
    assert [each[1] for each in ear.events] == ([event] if event else [])
    assert ear.last.items() >= {"battery_mv": 3000, "battery_status": "low", "tamper": False}.items()


def test_what_the_broker_had_kept_is_no_call_for_help_and_no_sign_of_life() -> None:
    ear = Ear(call=("sos", {}))
    kept = '{"action":"emergency","sos":true,"battery":40}'
    ear.put("zigbee2mqtt/sos", kept, retain=True)
    assert ear.heard == []
    # The bridge comes up and publishes again what it wants retained: no flag tells it from a press.
    ear.put("zigbee2mqtt/bridge/state", '{"state":"online"}')
    ear.put("zigbee2mqtt/sos", kept)
    assert ear.heard == []
    ear.put("zigbee2mqtt/sos", '{"action":"emergency","battery":41}')
    assert ear.events == [("call", "help_call", "emergency")]


def test_what_the_bridge_repeats_from_its_cache_is_no_sign_of_life() -> None:
    ear = Ear(call=("sos", {}))
    ear.put("zigbee2mqtt/bridge/state", "online")
    ear.put("zigbee2mqtt/sos", '{"battery":90,"linkquality":70}')
    assert ear.heard == []
    ear.put("zigbee2mqtt/sos", '{"action":"single","battery":90}')
    assert len(ear.events) == 1, "a press is one, whenever it comes"
    ear.clock.pass_s(11)
    ear.put("zigbee2mqtt/sos", '{"battery":90}')
    assert ear.last == {"reachable": True, "last_heard_age_ms": 0, "battery_percent": 90, "link_quality": 70}


def test_last_seen_tells_an_old_state_from_a_fresh_one() -> None:
    ear = Ear(call=("sos", {}))
    old = '{"battery":90,"last_seen":"2026-04-17T20:00:00+08:00"}'
    ear.put("zigbee2mqtt/sos", old)
    assert ear.heard == []
    ear.put("zigbee2mqtt/bridge/state", "online")
    ear.put("zigbee2mqtt/sos", f'{{"battery":90,"last_seen":{LAST_SEEN_MS - 4000}}}')
    assert ear.last.items() >= {"reachable": True, "last_heard_age_ms": 4000}.items()


def test_a_property_that_stays_true_is_one_call() -> None:
    ear = Ear(call=("sos", {}))
    for said in ("true", "true", "false", "true"):
        ear.put("zigbee2mqtt/sos", f'{{"sos":{said},"battery":80}}')
        ear.clock.pass_s(30)
    assert len(ear.events) == 2


def stuck(battery: int = 80, link: int = 70, **more: Any) -> str:
    return json.dumps({"sos": True, "battery_low": False, "battery": battery, "linkquality": link, **more})


def test_a_state_that_never_clears_is_a_call_when_the_button_speaks_again() -> None:
    ear = Ear(call=("sos", {}))
    ear.put("zigbee2mqtt/sos", stuck())
    for payload, calls, why in (
        (stuck(), 1, "the bridge has told its state once more"),
        (stuck(battery=79, link=66), 1, "a report of its battery"),
        (stuck(battery=79, link=71), 2, "it spoke, and said nothing new: it was pressed"),
        (stuck(battery=79, link=64), 3, "and again"),
    ):
        ear.clock.pass_s(30)
        ear.put("zigbee2mqtt/sos", payload)
        assert len(ear.events) == calls, why
    ear.put("zigbee2mqtt/sos", stuck(battery=79, link=60))
    assert len(ear.events) == 3, "one press is said several times"
    ear.clock.pass_s(30)
    ear.put("zigbee2mqtt/sos", stuck(battery=79, link=90), retain=True)
    ear.put("zigbee2mqtt/bridge/state", "online")
    ear.put("zigbee2mqtt/sos", stuck(battery=79, link=90))
    assert len(ear.events) == 3, "what the broker had kept, and the bridge's cache"


def test_where_the_bridge_says_when_a_button_was_heard_that_decides() -> None:
    ear = Ear(call=("sos", {}))
    for at_ms, calls in ((0, 1), (0, 1), (60_000, 2), (60_000, 2), (30_000, 2), (120_000, 3)):
        ear.clock.pass_s(60)
        ear.put("zigbee2mqtt/sos", stuck(last_seen=LAST_SEEN_MS + at_ms))
        assert len(ear.events) == calls, at_ms


def test_a_button_that_repeats_its_state_by_itself_may_be_told_apart() -> None:
    ear = Ear(call=("sos", {"again": False}))
    for link in (70, 71, 72):
        ear.put("zigbee2mqtt/sos", stuck(link=link))
        ear.clock.pass_s(3600)
    assert len(ear.events) == 1


def test_over_a_restart_a_state_that_stayed_is_no_press() -> None:
    ear = Ear(call=("sos", {}))
    ear.put("zigbee2mqtt/sos", stuck())
    ear.clock.pass_s(3600)
    ear.restart()
    ear.put("zigbee2mqtt/sos", stuck(battery=79))
    assert len(ear.events) == 1, "a report of its battery"
    ear.clock.pass_s(3600)
    ear.put("zigbee2mqtt/sos", stuck(battery=79, link=60))
    assert len(ear.events) == 2
    ear.put("zigbee2mqtt/sos", stuck(battery=79).replace("true", "false"))
    ear.restart()
    ear.put("zigbee2mqtt/sos", stuck(battery=79))
    assert len(ear.events) == 3, "it was let go, and pressed while nobody listened"


def test_a_button_that_never_says_that_it_is_let_go_calls_each_time() -> None:
    """Tasmota passes on each message of a button; many say `1` at each press and nothing after it."""
    ear = Ear(call=("bridge/0xAA75", {"speaks": "tasmota"}))
    said = '{"ZbReceived":{"0xAA75":{"Device":"0xAA75","ZoneStatusChange":%d,"LinkQuality":160}}}'
    for status in (1, 1, 1):
        ear.put("tele/bridge/SENSOR", said % status)
        ear.put("tele/bridge/SENSOR", said % status)  # it says it twice
        ear.clock.pass_s(30)
    assert [each[1] for each in ear.events] == ["help_call"] * 3
    ear.put("tele/bridge/SENSOR", said.replace("ZoneStatusChange", "ZoneStatus") % 1)
    assert len(ear.events) == 3, "its state, read by the bridge, is no press"


def test_a_press_said_on_two_topics_is_one_and_a_second_press_is_another() -> None:
    ear = Ear(call=("sos", {}))
    ear.put("zigbee2mqtt/sos", '{"action":"single"}')
    ear.put("zigbee2mqtt/sos/action", "single")
    ear.clock.pass_s(3)
    ear.put("zigbee2mqtt/sos", '{"action":"single"}')
    assert len(ear.events) == 2


def test_others_and_other_names_are_not_taken() -> None:
    ear = Ear(call=("hall/sos", {"base": "zb/north"}))
    for topic in ("zigbee2mqtt/hall/sos", "zb/north/hall/sos-2", "zb/north/hall/sos/set", "zb/north/hall"):
        ear.put(topic, '{"action":"single"}')
    assert ear.heard == []
    ear.put("zb/north/hall/sos", '{"action":"single"}')
    assert len(ear.events) == 1


def test_more_of_its_json() -> None:
    ear = Ear(call=("sos", {"fields": {"mains_power": "supply.ac"}}))
    ear.put("zigbee2mqtt/sos", '{"supply":{"ac":false},"battery":101,"voltage":"x","linkquality":true}')
    assert ear.last == {"reachable": True, "last_heard_age_ms": 0, "mains_power": False}


@pytest.mark.parametrize(
    ("target", "settings", "said"),
    [
        ("", {}, "expected the device's name"),
        ("a/#", {}, "without"),
        ("a/+/b", {}, "without"),
        ("x" * 300, {}, "expected the device's name"),
        ("sos", {"base": "a/#"}, "base 'a/#'"),
        ("sos", {"speaks": "tasmota", "base": "a/b"}, "Tasmota's full topic"),
        ("sos", {"fields": {"tamper": "a b"}}, "cannot be read from"),
    ],
)
def test_what_is_wrong_is_said(target: str, settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ProbeConfigError, match=said):
        checked(target, MqttSettings(**settings))


async def test_options_that_cannot_work_are_said() -> None:
    for options, said in (
        (MqttOptions(broker="http://x"), "expected mqtt://"),
        (MqttOptions(password="secret:none"), "secret 'none' is not in"),
        (MqttOptions(broker="mqtts://127.0.0.1", ca_file="/none.pem"), "No such file"),
    ):
        with pytest.raises(OSError, match=said):
            await MqttListener(options, Around(secrets=Secrets(None)), print).start()


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["action", "battery", "last_seen", "sos", "state", "ZbReceived", "0xFD66", "Wifi", "Button1"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)
_PAYLOADS = st.binary(max_size=200) | _JSON.map(lambda value: json.dumps(value).encode())


@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(
                [topic for name in ("zigbee2mqtt", "tasmota") for topic, _ in recorded(name)]
                + ["zigbee2mqtt/bridge/state", "", "/", "zigbee2mqtt/0x847127fffe0542eb/battery"]
            ),
            _PAYLOADS,
            st.booleans(),
        ),
        max_size=8,
    )
)
def test_any_bytes_on_any_topic(messages: list[tuple[str, bytes, bool]]) -> None:
    tasmota = {"speaks": "tasmota"}
    ear = Ear(
        one=("0xa4c13899607febd1", {}),
        two=("0x847127fffe0542eb", {}),
        three=("sos-2", tasmota),
        four=("bridge/0xFD66", tasmota),
    )
    for topic, payload, retain in messages:
        before = len(ear.events)
        ear.put(topic, payload, retain=retain)
        assert not (retain and len(ear.events) > before)
    ear.put("zigbee2mqtt/0x847127fffe0542eb", '{"action":"never said before"}')
    assert ear.events[-1] == ("two", "help_call", "never said before")
