"""What agents are told to watch, read from the ledger on both engines."""

from typing import Any

import msgspec
import pytest
from sqlalchemy import Engine, update

from collector.configs import configs
from collector.fleet import load_fleet
from shouwang import clock
from shouwang.fleet import FleetRow
from shouwang.kinds import Kinds
from shouwang.ledger.fleet import import_fleet
from shouwang.ledger.tables import Device
from shouwang.ledger.weather import declare, declared
from shouwang.messages import Config

KINDS = Kinds()
CENTRE, OTHER, FEED = "150525100201", "150525100202", "feed-calls"


def _configs(engine: Engine) -> dict[str, Any]:
    with engine.connect() as connection:
        fleet = load_fleet(connection, KINDS, {})
        return {
            path: msgspec.json.decode(said)
            for path, said in configs(connection, fleet, KINDS, [CENTRE, OTHER, FEED]).items()
        }


def test_a_config_has_what_the_fleet_says_of_each_device_that_the_centre_itself_watches(engine: Engine) -> None:
    settings = {"user": "admin", "password": "secret:hall", "port": 5061}
    rows = [
        FleetRow(CENTRE, "cam-01", "camera", "150525", target="192.168.1.20", settings=settings),
        FleetRow(CENTRE, "call-01", "call_terminal", "150525", target="192.168.1.10", report_every_s=4.0),
        FleetRow(CENTRE, "call-02", "call_terminal", "150525", path=FEED),
        FleetRow(CENTRE, "call-03", "call_terminal", "150525", target="192.168.1.12"),
        FleetRow(OTHER, "pos-01", "pos_terminal", "150525", driver="tcp", target="192.168.1.30:80"),
    ]
    import_fleet(engine, rows, 1)
    with engine.execution_options(writes=True).begin() as connection:
        connection.execute(update(Device).where(Device.device == "call-03").values(retired_at=2))
    found = _configs(engine)
    here = msgspec.convert(found[CENTRE], Config)
    assert [each.device for each in here.devices] == ["call-01", "cam-01"], "not a feed's device, nor one that is gone"
    call, camera = here.devices
    assert (camera.settings, camera.target, camera.driver) == (settings, "192.168.1.20", KINDS["camera"].driver)
    assert (call.settings, call.report_every_s, call.probe_timeout_s) == ({}, 4.0, 2.0)
    assert [(each["device"], each["driver"]) for each in found[OTHER]["devices"]] == [("pos-01", "tcp")]
    assert "devices" not in found[FEED]


def test_a_revision_changes_with_its_content_alone(engine: Engine) -> None:
    rows = [
        FleetRow(centre, "call-01", "call_terminal", "150525", target="192.168.1.10", settings={"transport": "tcp"})
        for centre in (CENTRE, OTHER)
    ] + [FleetRow(CENTRE, "call-02", "call_terminal", "150525", path=FEED)]
    import_fleet(engine, rows, 1)
    before = _configs(engine)
    assert before == _configs(engine)
    with engine.execution_options(writes=True).begin() as connection:
        connection.execute(update(Device).where(Device.centre == OTHER).values(settings={"transport": "udp"}))
    after = _configs(engine)
    assert (after[CENTRE], after[FEED]) == (before[CENTRE], before[FEED])
    assert after[OTHER]["revision"] != before[OTHER]["revision"]


def test_weather_that_is_declared_for_a_township_excuses_its_cameras(engine: Engine) -> None:
    now_ms = clock.wall_ms()
    until_ms, later = now_ms + 3_600_000, clock.rfc3339(now_ms + 86_400_000)
    looked_at: dict[str, Any] = {"picture_every_s": 60}

    def camera(centre: str, name: str, township: str, settings: dict[str, Any]) -> FleetRow:
        return FleetRow(
            centre, name, "camera", "150525", township=township, target="rtsp://192.168.1.20/", settings=settings
        )

    rows = [
        camera(CENTRE, "cam-01", "150525100", looked_at),
        camera(CENTRE, "cam-02", "150525100", {}),
        camera(CENTRE, "cam-03", "150525100", looked_at | {"blur_excused_until": later}),
        camera(OTHER, "cam-01", "150525101", looked_at),
    ]
    import_fleet(engine, rows, 1)
    before = _configs(engine)

    def said(centre: str) -> list[str | None]:
        return [each.get("settings", {}).get("blur_excused_until") for each in _configs(engine)[centre]["devices"]]

    with engine.connect() as connection:
        revision = load_fleet(connection, KINDS, {}).revision
    with engine.execution_options(writes=True).begin() as connection:
        declare(connection, "150525100", until_ms, now_ms)
    with engine.connect() as connection:
        assert load_fleet(connection, KINDS, {}).revision != revision, "the collector is told to look again"
        assert declared(connection, now_ms) == {"150525100": until_ms}
        assert declared(connection, until_ms) == {}
    assert said(CENTRE) == [clock.rfc3339(until_ms), None, later]
    assert said(OTHER) == [None]
    with engine.execution_options(writes=True).begin() as connection:
        declare(connection, "150525100", now_ms, now_ms)
    assert _configs(engine) == before
    with engine.execution_options(writes=True).begin() as connection:
        with pytest.raises(ValueError, match="no centre is in township '150525999'; there are 150525100, 150525101"):
            declare(connection, "150525999", until_ms, now_ms)
        with pytest.raises(ValueError, match="at most 7 days"):
            declare(connection, "150525100", now_ms + 8 * 86_400_000, now_ms)
