"""What the READMEs of the SIP drivers show works as it stands there."""

import csv
import io
import json
import re
import tomllib
from pathlib import Path

import msgspec
import pytest

from edge.hearing import Listener
from edge.probes.gbt28181 import Gbt28181Listener
from edge.probes.gbt28181.settings import code_of
from edge.probes.scaip import ScaipListener
from edge.probes.sip import SipListener
from edge.probes.sip.settings import place_of
from shouwang import kinds

FOLDER = Path("edge/probes")


def block(driver: str, language: str) -> str:
    text = (FOLDER / driver / "README.md").read_text("utf-8")
    found = re.search(rf"```{language}\n(.*?)```", text, re.DOTALL)
    assert found is not None
    return found[1]


@pytest.mark.parametrize("listener", [SipListener, ScaipListener, Gbt28181Listener])
def test_fleet_rows_settings_and_listen_toml(listener: type[Listener]) -> None:
    driver = str(listener.driver)
    rows = list(csv.DictReader(io.StringIO(block(driver, "csv"))))
    said = json.loads(block(driver, "json"))
    assert said.keys() <= {row["device"] for row in rows}
    for row in rows:
        assert row["driver"] == driver
        assert row["kind"] in kinds.load()
        settings = msgspec.convert(said.get(row["device"], {}), listener.Settings)
        if driver == "sip":
            place_of(row["target"], settings)  # type: ignore[arg-type]
        elif driver == "gbt28181":
            code_of(row["target"])
    options = tomllib.loads(block(driver, "toml"))[driver]
    assert msgspec.convert(options, listener.Options).port == 5060  # type: ignore[attr-defined]
