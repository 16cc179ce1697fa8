"""The configuration: what is wrong with one device stays with it, and a torn file is not the end."""

import json
from pathlib import Path
from typing import Any

import pytest

from edge.allowed import Allowed, AllowedFile
from edge.probing import Around, ProbeConfigError, make_probe
from edge.secrets import Secrets, UnknownSecretError
from edge.watchlist import BadConfigError, KeptConfig, make_watchlist, read_config
from shouwang import kinds

KINDS = kinds.load()


def device(name: str, driver: str = "icmp", target: str = "192.168.1.7", **more: Any) -> dict[str, Any]:
    return {"device": name, "kind": "camera", "driver": driver, "target": target, **more}


def config(*devices: dict[str, Any], revision: str = "r1") -> bytes:
    return json.dumps({"v": 1, "revision": revision, "devices": list(devices), "new_field": 1}).encode()


def test_what_is_wrong_with_one_device_stays_with_it() -> None:
    watchlist = make_watchlist(
        read_config(
            config(
                device("cam-01", report_every_s=30, probe_timeout_s=99),
                device("nvr-01", "carrier-pigeon", "34020000001110000001"),
                device("cam-02", "rtsp", "http://x"),
                device("cam-03", target=""),
                device("cam-04", "tcp", "192.168.1.7:80", settings={"x": 1}),
                device("site-1", "host", "", kind="spaceship"),
                device("cam-05", "rtsp", "rtsp://192.168.1.7/", settings={"user": "a", "password": "secret:none"}),
                device("site-2", "host", "") | {"kind": "site"},
                device("Not A Name"),
                device("cam-01"),
            )
        ),
        KINDS,
        Around(),
    )
    assert {name: bool(each.probe) for name, each in watchlist.devices.items()} == {
        "cam-01": True,
        "nvr-01": False,
        "cam-02": False,
        "cam-03": False,
        "cam-04": False,
        "site-1": False,
        "cam-05": False,
        "site-2": True,
    }
    said = "\n".join(watchlist.problems)
    for problem in (
        "no driver 'carrier-pigeon'",
        "expected rtsp://",
        "no target",
        "'x' is unknown",
        "kind 'spaceship'",
    ):
        assert problem in said
    assert "secret 'none' is not in" in said
    first = watchlist.devices["cam-01"]
    assert (first.interval_s, first.timeout_s) == (30, 30)  # a probe is over before the next begins


def test_a_driver_that_this_machine_forbids() -> None:
    around = Around(allowed=Allowed(AllowedFile(drivers=["icmp"])))
    watchlist = make_watchlist(read_config(config(device("a", "tcp", "192.168.1.7:80"))), KINDS, around)
    assert watchlist.problems == ["a: driver 'tcp' is not in `drivers` of allowed.toml"]


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"{",
        b'{"v":2,"revision":"a"}',
        b'{"v":1}',
        b'{"v":1,"revision":"a","devices":[{"device":1}]}',
        b"[" * 100_000,
    ],
)
def test_a_configuration_that_makes_no_sense_is_refused_whole(payload: bytes) -> None:
    with pytest.raises(BadConfigError):
        read_config(payload)


def test_too_many_devices_are_refused() -> None:
    with pytest.raises(BadConfigError, match="3000 devices, at most 2000"):
        read_config(config(*(device(f"d-{n}") for n in range(3000))))


def test_a_torn_file_leaves_the_one_before(tmp_path: Path) -> None:  # fault 31
    kept = KeptConfig(tmp_path / "state" / "config.json")
    assert kept.load() is None
    for revision in ("r1", "r2", "r3"):
        kept.keep(config(revision=revision))
    loaded = kept.load()
    assert loaded is not None
    assert loaded.revision == "r3"
    path = tmp_path / "state" / "config.json"
    path.write_bytes(path.read_bytes()[:20])
    loaded = kept.load()
    assert loaded is not None
    assert loaded.revision == "r2"
    path.unlink()  # the power went between two steps of a replacement
    loaded = kept.load()
    assert loaded is not None
    assert loaded.revision == "r2"
    (tmp_path / "state" / "config.json.previous").write_bytes(b"\0" * 100)
    assert kept.load() is None


def test_secrets_are_read_anew_when_their_file_changes(tmp_path: Path) -> None:
    path = tmp_path / "secrets.toml"
    secrets = Secrets(path)
    with pytest.raises(UnknownSecretError, match=r"secret 'hall' is not in .*secrets.toml"):
        secrets.reveal("secret:hall")
    path.write_text('hall = "one"\n')
    assert secrets.reveal_all({"password": "secret:hall", "user": "admin", "n": 3}) == {
        "password": "one",
        "user": "admin",
        "n": 3,
    }
    path.write_text('hall = "another"\n')
    assert secrets.reveal("secret:hall") == "another"
    path.write_text("hall = ")  # a slip of the pen: what was known before is used
    assert secrets.reveal("secret:hall") == "another"


def test_a_secret_stands_where_a_password_stands_and_nowhere_else(tmp_path: Path) -> None:
    """A wrong user is told in words, to the log and to whoever tries: a secret would be told with it."""
    around = Around(allowed=Allowed(AllowedFile(loopback=True)), secrets=Secrets(None, {"hall": "hunter 2#"}))
    for settings in ({"user": "secret:hall"}, {"user": "secret:hall", "password": "secret:hall"}):
        with pytest.raises(ProbeConfigError, match="user is no password, and takes no secret") as caught:
            make_probe("sip", "127.0.0.1", settings | {"look": "registrar"}, around)
        assert "hunter" not in str(caught.value)
