"""Mistakes that only show against the real thing: broker, InfluxDB, certificates, two collectors."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from collector.doctor import Finding, Grade
from shouwang import cli
from shouwang.ledger.people import mosquitto_hash
from tests.conftest import MosquittoStarter
from tests.doctor.planted import STRONG, Planted
from tests.edge.devices import certificate, expired_certificate
from tests.servers import Bucket
from tests.servers.network import own_network
from tests.servers.process import free_port
from tests.waiting import wait_until

pytestmark = pytest.mark.system


def codes(findings: list[Finding], what: str = "") -> set[str]:
    return {finding.code for finding in findings if what in ("", finding.what)}


# --- the broker


def guarded(planted: Planted, start: MosquittoStarter, *more: str) -> dict[str, str]:
    """A broker that asks for passwords; settings that know the right one."""
    file = planted.folder / "passwords"
    file.write_text(f"_collector:{mosquitto_hash(STRONG)}\n")
    broker = start([f"password_file {file}", *(more or ("allow_anonymous false",))])
    return {
        "SHOUWANG_BROKER__URL": broker.url,
        "SHOUWANG_BROKER__USERNAME": "_collector",
        "SHOUWANG_BROKER__PASSWORD": STRONG,
    }


def test_a_broker_that_asks_for_passwords(planted: Planted, start_mosquitto: MosquittoStarter) -> None:
    settings = guarded(planted, start_mosquitto)
    assert codes(planted.find(**settings), "broker") == {"broker_good"}
    wrong = planted.name("broker_refuses", **settings | {"SHOUWANG_BROKER__PASSWORD": f"{STRONG}x"})
    assert "Not authorized" in wrong.text()


def test_a_broker_that_lets_anybody_in(planted: Planted, start_mosquitto: MosquittoStarter) -> None:
    """This machine by another of its loopback addresses stands for another machine."""
    port = free_port()
    settings = guarded(planted, start_mosquitto, "allow_anonymous true", f"listener {port} 127.0.0.2")
    assert "broker_anonymous" not in codes(planted.find(**settings)), "on loopback alone nobody else comes in"
    outside = settings | {"SHOUWANG_BROKER__URL": f"mqtt://127.0.0.2:{port}"}
    assert "allow_anonymous false" in planted.name("broker_anonymous", **outside).cure("zh")


def test_a_broker_on_this_machine_that_all_machines_reach(planted: Planted, start_mosquitto: MosquittoStarter) -> None:
    with own_network() as network:
        network.plug("10.9.8.7")
        network.run("route", "add", "default", "dev", "lo", "src", "10.9.8.7")
        broker = start_mosquitto(["allow_anonymous true"])
        url = {"SHOUWANG_BROKER__URL": broker.url}
        assert "broker_anonymous" not in codes(planted.find(**url))
        port = free_port()
        start_mosquitto(["allow_anonymous true", f"listener {port} 0.0.0.0"])
        planted.name("broker_anonymous", SHOUWANG_BROKER__URL=f"mqtt://127.0.0.1:{port}")


# --- InfluxDB


@pytest.fixture
def stored(planted: Planted, influxdb: Bucket) -> Callable[..., dict[str, str]]:
    """Makes buckets and tokens as `shouwang setup influxdb` does; gives the settings that know them."""

    def make(**more: str) -> dict[str, str]:
        admin = planted.secret("admin-token", influxdb.token)
        words = ["setup", "influxdb", "--url", influxdb.url, "--org", influxdb.org, "--bucket", influxdb.bucket]
        assert cli.main([*words, "--admin-token-file", str(admin), "--state", str(planted.state)]) == 0
        folder = planted.state / "secrets"
        return {
            "SHOUWANG_READINGS__URL": influxdb.url,
            "SHOUWANG_READINGS__ORG": influxdb.org,
            "SHOUWANG_READINGS__BUCKET": influxdb.bucket,
            "SHOUWANG_READINGS__TOKEN_FILE": str(folder / "influxdb-token"),
            "SHOUWANG_READINGS__READER_TOKEN_FILE": str(folder / "influxdb-reader-token"),
        } | more

    return make


def test_influxdb_as_it_should_be(planted: Planted, stored: Callable[..., dict[str, str]]) -> None:
    findings = planted.find(**stored())
    assert codes(findings, "readings") == {"readings_good"}
    assert codes(findings, "grafana") == {"grafana_good"}


def test_influxdb_with_wrong_tokens(planted: Planted, stored: Callable[..., dict[str, str]]) -> None:
    settings = stored()
    wrong = str(planted.secret("wrong"))
    writer, reader = settings["SHOUWANG_READINGS__TOKEN_FILE"], settings["SHOUWANG_READINGS__READER_TOKEN_FILE"]
    planted.name("influx_token_wrong", **settings | {"SHOUWANG_READINGS__TOKEN_FILE": wrong})
    planted.name("grafana_token_wrong", **settings | {"SHOUWANG_READINGS__READER_TOKEN_FILE": wrong})
    swapped = settings | {"SHOUWANG_READINGS__TOKEN_FILE": reader, "SHOUWANG_READINGS__READER_TOKEN_FILE": writer}
    assert "token_file writes, reader_token_file reads" in planted.name("influx_reads_only", **swapped).cure()
    planted.name("grafana_writes", **swapped)


def test_influxdb_without_the_bucket(planted: Planted, stored: Callable[..., dict[str, str]]) -> None:
    settings = stored() | {"SHOUWANG_READINGS__BUCKET": "nowhere"}
    assert "no bucket nowhere" in planted.name("influx_no_bucket", **settings).text()


def test_influxdb_that_forgets_too_soon(
    planted: Planted, stored: Callable[..., dict[str, str]], influxdb: Bucket
) -> None:
    settings = stored()
    found = influxdb.server.call("GET", f"/api/v2/buckets?name={influxdb.bucket}").json()["buckets"][0]
    for days, code in ((3, "influx_forgets"), (9, "influx_keeps_other")):
        rule = {
            "type": "expire",
            "everySeconds": round(timedelta(days=days).total_seconds()),
            "shardGroupDurationSeconds": 0,
        }
        influxdb.server.call("PATCH", f"/api/v2/buckets/{found['id']}", {"retentionRules": [rule]})
        assert f"keeps {days} days" in planted.name(code, **settings).text()


def test_influxdb_that_is_away(planted: Planted, stored: Callable[..., dict[str, str]], influxdb: Bucket) -> None:
    settings = stored()
    influxdb.server.stop()
    with pytest.raises(httpx.HTTPError):
        httpx.get(influxdb.url)
    assert "does not answer" in planted.name("readings_failing", **settings).text()


# --- certificates


def test_certificates_that_end(planted: Planted) -> None:  # fault 19
    for path, code, words in (
        (certificate(planted.folder, days=20)[0], "certificate_ends", "ends in 20 days"),
        (expired_certificate(planted.folder)[0], "certificate_ended", "days ago, on 2024-02-01T00:00:00"),
        (planted.folder / "none.pem", "certificate_unreadable", "No such file"),
    ):
        assert words in planted.name(code, SHOUWANG_BROKER__CA_FILE=str(path)).text()
    good = str(certificate(planted.folder, days=40)[0])
    (finding,) = [each for each in planted.find(SHOUWANG_BROKER__CA_FILE=good) if each.what == "certificate"]
    assert finding.grade is Grade.OK


def test_a_broker_elsewhere_in_the_clear(planted: Planted, start_mosquitto: MosquittoStarter) -> None:
    """This machine by another of its loopback addresses stands for another machine."""
    port = free_port()
    start_mosquitto(["allow_anonymous true", f"listener {port} 127.0.0.2"])
    planted.name("broker_in_clear", SHOUWANG_BROKER__URL=f"mqtt://127.0.0.2:{port}")


# --- two collectors


def test_two_collectors_on_one_state(planted: Planted) -> None:
    planted.has(proc=Path("/proc"))
    environment = os.environ | planted.environment | {"PYTHONPATH": str(Path.cwd())}
    argv = [sys.executable, "-P", "-m", "shouwang", "collector"]
    state = ["--state", str(planted.state)]

    def collect(*more: str) -> subprocess.Popen[bytes]:
        quiet = subprocess.DEVNULL
        watched = ["timeout", "50", *argv, *more]  # who only starts one is none
        return subprocess.Popen(watched, env=environment, stdout=quiet, stderr=quiet)

    first = collect(*state)
    try:
        wait_until(lambda: (planted.state / "watch.lock").exists(), "the first runs")
        assert "two_collectors" not in codes(planted.find())
        second = collect()
        try:
            wait_until(lambda: "two_collectors" in codes(planted.find(), "state"), "both run")
            assert planted.name("two_collectors").text().startswith("2 collectors use the one state directory")
        finally:
            second.send_signal(signal.SIGTERM)
            second.wait(15)
    finally:
        first.send_signal(signal.SIGTERM)
        first.wait(15)
