"""The pages of reference say what the code says; regenerate with `make generate`."""

import re
from pathlib import Path

import pytest

from api.access import Permission
from shouwang.cli import COMMANDS, Group
from tools.reference import __main__ as reference
from tools.reference import command_line, rest, settings, sizing
from tools.reference.keys import keys_of
from tools.reference.texts import LANGUAGES, Language, texts_of
from tools.site.pages import ROOT


@pytest.mark.parametrize("maker", reference.MAKERS, ids=lambda maker: maker.__module__.rpartition(".")[2])
def test_pages_have_not_drifted(maker: reference.Maker) -> None:
    for name, text in maker().items():
        assert (ROOT / "docs" / name).read_text("utf-8") == text, f"docs/{name}: make generate"


@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_is_said_of_settings_that_are_no_more(language: Language) -> None:
    words = settings.Words(language)
    assert list(settings.page(words, texts_of("settings", language)))
    assert words.stale() == set()


def test_a_setting_that_nobody_described_is_named() -> None:
    with pytest.raises(KeyError, match=r"say what `new` of \[broker\] does"):
        settings.Words("en").of("broker", "new")


def test_a_key_says_what_it_may_be_and_what_it_is_by_default() -> None:
    from collector.notify.providers.email import EmailConfig
    from edge.fallback.file import Sms
    from shouwang.settings import Api, Heartbeat

    port = next(key for key in keys_of(Api) if key.name == "port")
    assert (port.possible("en"), port.default("en")) == ("whole number, 1–65535", "`8420`")
    sender = next(key for key in keys_of(EmailConfig) if key.name == "from")  # as it is written, not as it is called
    assert (sender.possible("zh"), sender.default("zh")) == ("文本", "必填")
    security = next(key for key in keys_of(EmailConfig) if key.name == "security")
    assert security.possible("en") == "`starttls`, `tls`, `none`"
    url = next(key for key in keys_of(Heartbeat) if key.name == "url")
    assert (url.possible("en"), url.default("en")) == ("text, masked", "–")
    assert [key.name for key in keys_of(Sms)] == ["modem", "numbers", "baud", "timeout_s"]


def test_each_call_stands_with_the_role_that_it_asks_for() -> None:
    found = {call.name: call for call in rest.calls()}
    assert found["GET /api/v1/devices"].permission is Permission.SEE
    assert found["POST /api/v1/centres/{centre}/devices/{device}/probe"].permission is Permission.PROBE
    assert found["PUT /api/v1/fleet"].permission is Permission.FLEET
    assert found["PUT /api/v1/fleet"].everywhere
    assert found["GET /healthz"].permission is None
    assert all(call.permission for call in found.values() if call.path.startswith("/api/"))
    page = "\n".join(rest.page(list(found.values()), "zh"))
    assert set(re.findall(r"^\| `(\w+)` `(\S+)` \|", page, re.MULTILINE)) == {tuple(name.split()) for name in found}


def test_a_call_that_nobody_described_in_chinese_is_named() -> None:
    new = rest.Call("GET", "/api/v1/new", "New.", (), False, Permission.SEE, False)
    with pytest.raises(KeyError, match="say what `GET /api/v1/new` gives"):
        list(rest.page([new], "zh"))


def test_every_command_has_its_help() -> None:
    page = command_line.rendered()["commands.md"]
    for name, entry in COMMANDS.items():
        for inner in entry.commands if isinstance(entry, Group) else [""]:
            hidden = getattr(entry, "hidden", False)
            assert (f"## `{f'shouwang {name} {inner}'.strip()}`\n" in page) is not hidden, name


def test_what_a_place_needs_follows_from_what_was_measured() -> None:
    figures = sizing.Measured(
        "a machine",
        {
            "agent, 50 devices: readings": 2.0,
            "reports of 50: collector's processor time": 10.0,
            "reports of 50: recorder's processor time": 8.0,
            "reports of 50: broker's processor time": 2.0,
            "reports of 50: memory a device": 500.0,
            "40 centres: watch, memory (RSS)": 100.0,
            "40 centres: recorder, memory (RSS)": 90.0,
            "40 centres: API, memory (RSS)": 100.0,
            "40 centres: broker, memory (RSS)": 10.0,
            "40 centres: of one core, all processes": 5.0,
            "40 centres: rows kept": 100.0,
            "40 centres: a row on disk": 50.0,
            "40 centres: an hour's figures of a device on disk": 200.0,
        },
        {},
    )
    need = sizing.Need.of(1_000, figures)
    assert (need.devices, need.readings_a_second) == (50_000, 2_000.0)
    assert need.cores == pytest.approx(0.05 + 0.04)  # and 20 CPU-s of a million readings, 2,000 a second
    assert need.memory_mb == pytest.approx(300 + 25)
    assert need.hourly_gb == pytest.approx(50_000 * 24 * 1_100 * 200 / 1e9)
    assert need.readings_gb == pytest.approx(50_000 * 100 * 24 * 30 * 50 / 1e9)


def test_newer_figures_are_taken_by_their_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stood, newer = tmp_path / "measured.json", tmp_path / "bench.json"
    stood.write_text('{"machine": "m", "figures": [{"name": "a", "value": 1, "unit": "s"}]}', "utf-8")
    newer.write_text('{"figures": [{"name": "a", "value": 2}, {"name": "b", "value": 3}]}', "utf-8")
    monkeypatch.setattr(sizing, "MEASURED_FILE", stood)
    assert sizing.take(newer) == 1
    assert sizing.measured(stood).values == {"a": 2}
