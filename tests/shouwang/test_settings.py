"""Settings: file, environment, flags; and what is said when a key is wrong."""

from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import SecretStr

from shouwang.settings import SettingsError, environment_of, load, secret

Writer = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Writer:
    def _write(text: str) -> Path:
        path = tmp_path / "shouwang.toml"
        path.write_text(text, "utf-8")
        return path

    return _write


def test_nothing_said_gives_the_embedded_defaults_on_loopback(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    settings = load(env={}).settings
    assert settings.broker_url == "mqtt://127.0.0.1:18830"
    assert settings.public_url == "http://127.0.0.1:8420"
    assert settings.ledger_url == "sqlite:///state/ledger.db"
    assert settings.readings.url is None
    assert not settings.agents_from_outside


def test_a_flag_goes_over_the_environment_and_that_over_the_file_and_each_source_is_known(write: Writer) -> None:
    file = write(
        'state = "s"\n[api]\nport = 1\nhost = "0.0.0.0"\n[broker]\nport = 5\n'
        "[limits.call_terminal]\nsilent_after_s = 30"
    )
    loaded = load(file, env={"SHOUWANG_API__PORT": "2", "SHOUWANG_BROKER__PORT": "6"}, flags={"broker.port": 7})
    assert loaded.settings.api.host == "0.0.0.0"
    assert loaded.settings.api.port == 2
    assert loaded.settings.broker.port == 7
    assert loaded.settings.limits_said == {"call_terminal": {"silent_after_s": 30}}
    assert loaded.sources["api.host"] == str(file)
    assert loaded.sources["api.port"] == "SHOUWANG_API__PORT"
    assert loaded.sources["broker.port"] == "the command line"
    assert "broker.host" not in loaded.sources


def test_settings_in_the_state_directory_that_is_named_hold_for_it(
    write: Writer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So `shouwang user link NAME --state .demo` gives a link to the demo's own port."""
    file = write("[api]\nport = 9000")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "shouwang.toml").write_text("[api]\nport = 7000", "utf-8")
    monkeypatch.chdir(elsewhere)
    assert load(env={}, flags={"state": tmp_path}).file == file
    assert load(env={}, flags={"state": str(tmp_path)}).settings.public_url == "http://127.0.0.1:9000"
    assert load(env={}, flags={"state": tmp_path / "empty"}).settings.public_url == "http://127.0.0.1:7000"
    named = {"SHOUWANG_SETTINGS": str(elsewhere / "shouwang.toml")}
    assert load(env=named, flags={"state": tmp_path}).settings.api.port == 7000


def test_a_path_of_the_file_is_meant_from_where_the_file_stands(write: Writer, tmp_path: Path) -> None:
    file = write('state = "here"\n[broker]\npassword_file = "p"\n[notify.webhook]\nurl="https://x"\nsecret_file = "w"')
    settings = load(file, env={"SHOUWANG_BROKER__CA_FILE": "ca.pem"}).settings
    assert settings.state == tmp_path / "here"
    assert settings.broker.password_file == tmp_path / "p"
    assert settings.broker.ca_file == Path("ca.pem")
    assert settings.notify.providers["webhook"]["secret_file"] == tmp_path / "w"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[brokr]\nurl='mqtt://x'", "brokr: unknown key; did you mean broker?"),
        ("[broker]\nulr='mqtt://x'", "broker.ulr: unknown key; did you mean url?"),
        ("[ledger]\nzzz=1", "ledger.zzz: unknown key; known are url"),
        ("[limits.atm]\nsilent_after=3", "limits.atm.silent_after: unknown key; did you mean silent_after_s?"),
        ("[limits.call_terminl]\nsilent_after_s=3", "limits.call_terminl: no such kind; did you mean call_terminal?"),
        ("[limits.centre]\ndown_after_probes=3", "limits.centre: only silent_after_s and notify_after_s"),
        ("[limits.atm]\nsilent_after_s=-1", "limits.atm.silent_after_s: Input should be greater than 0 (it is -1)"),
        ("[api]\nport=70000", "api.port: Input should be less than or equal to 65535 (it is 70000)"),
        ("speed = 21", "speed: Input should be less than or equal to 20 (it is 21)"),
        ("[api\n", "Expected ']'"),
    ],
)  # fmt: skip
def test_a_wrong_key_is_named_with_its_place_and_the_nearest_known(write: Writer, text: str, said: str) -> None:
    file = write(text)
    with pytest.raises(SettingsError) as raised:
        load(file, env={})
    assert said in str(raised.value)
    assert str(file) in str(raised.value)
    assert raised.value.exit_code == 2


def test_every_error_is_told_at_once_and_a_wrong_variable_by_its_name(write: Writer) -> None:
    file = write("[api]\nport=0\n[broker]\nprt=1")
    with pytest.raises(SettingsError) as raised:
        load(file, env={"SHOUWANG_LEDGER__URI": "x"})
    lines = str(raised.value).splitlines()
    assert len(lines) == 3
    assert any(line.startswith("SHOUWANG_LEDGER__URI: ledger.uri: unknown key; did you mean url?") for line in lines)


def test_a_wrong_value_that_may_be_secret_is_not_repeated(write: Writer) -> None:
    with pytest.raises(SettingsError) as raised:
        load(write("[broker]\nurl='mqtt://user:hunter2@x'"), env={})
    assert "broker.url" in str(raised.value)
    assert "hunter2" not in str(raised.value)


def test_a_settings_file_that_is_named_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="no such settings file"):
        load(tmp_path / "none.toml", env={})


def test_flags_become_the_environment_that_means_the_same(write: Writer) -> None:
    flags = {"state": Path("/s"), "api.port": 9, "broker.host": None}
    env = environment_of(flags)
    assert env == {"SHOUWANG_STATE": "/s", "SHOUWANG_API__PORT": "9"}
    assert load(write(""), env=env).settings == load(write(""), env={}, flags=flags).settings


def test_the_order_of_ways_may_come_from_the_environment(write: Writer) -> None:
    assert load(write(""), env={"SHOUWANG_NOTIFY__WAYS": "wecom, email"}).settings.notify.ways == ["wecom", "email"]


def test_agents_from_outside_leave_a_port_of_its_own_to_the_collector(write: Writer) -> None:
    settings = load(write("[broker]\nhost='0.0.0.0'\nport=1883"), env={}).settings
    assert settings.agents_from_outside
    assert settings.broker_url == "mqtt://127.0.0.1:1884"


def test_a_secret_comes_from_its_file_without_its_last_newline(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("s3cret\n")
    assert secret(None, file, "broker.password_file") == "s3cret"
    assert secret(SecretStr("given"), file, "broker.password") == "given"
    assert secret(None, None, "x") is None
    file.write_text("\n")
    with pytest.raises(SettingsError, match="is empty"):
        secret(None, file, "broker.password_file")
    with pytest.raises(SettingsError, match=r"broker.password_file: .* cannot be read"):
        secret(None, tmp_path / "none", "broker.password_file")
