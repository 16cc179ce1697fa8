"""What is particular to InfluxDB: its faults, its refusals, its tokens, and what is saved by the deadband."""

from pathlib import Path

import httpx
import msgspec
import pytest

from shouwang.clock import Now, wall_ms
from shouwang.kinds import Kinds
from shouwang.readings import Retention, Stored, StoreUnavailable
from shouwang.readings.influx import STRIPPED_FOR_S, InfluxStore
from shouwang.readings.influx_setup import setup_influxdb
from tests.readings.conftest import RETENTION, Opener
from tests.readings.made import DAY_MS, HOUR_MS, KINDS, stored
from tests.servers import Bucket
from tests.servers.faulty import FaultyWay

pytestmark = pytest.mark.system

NOW = wall_ms()
T = NOW - NOW % HOUR_MS - 2 * DAY_MS
CALL = ("150525100201", "call-terminal-01", "call_terminal")


@pytest.mark.parametrize(
    ("fault", "headers", "reason", "retry_after_s"),
    [
        ("503 Service Unavailable", ["Retry-After: 7"], "InfluxDB answers 503: busy", 7.0),
        ("429 Too Many Requests", ["Retry-After: 30"], "InfluxDB answers 429: busy", 30.0),
        ("502 Bad Gateway", [], "InfluxDB answers 502: busy", None),
        ("reset", [], "does not answer", None),
        ("hang", [], "does not answer", None),
    ],
)
def test_faults_on_the_way_keep_everything_for_later(  # fault 25
    influxdb: Bucket,
    faulty: FaultyWay,
    tmp_path: Path,
    fault: str,
    headers: list[str],
    reason: str,
    retry_after_s: float | None,
) -> None:
    store = InfluxStore(
        faulty.url,
        influxdb.org,
        influxdb.bucket,
        influxdb.token,
        KINDS,
        marks=tmp_path / "hours.db",
        timeout_ms=700,
    )
    batch = [stored("call_terminal", T + n * 1000, battery_percent=80, latency_ms=float(n)) for n in range(20)]
    store.write(batch[:10])
    faulty.fault, faulty.headers = fault, headers
    with pytest.raises(StoreUnavailable, match=reason) as raised:
        store.write(batch[10:])
    assert raised.value.retry_after_s == retry_after_s
    with pytest.raises(StoreUnavailable, match=reason):
        store.check()
    with pytest.raises(StoreUnavailable, match=reason):
        store.latest([CALL])
    faulty.fault = ""
    assert store.write(batch[10:]) == []
    points = store.points(*CALL, T, NOW, 100)
    assert [point.fields for point in points] == [
        {"battery_percent": 80.0, "latency_ms": pytest.approx(float(n), abs=5)} for n in range(20)
    ]
    store.close()


def test_a_server_that_is_gone_and_comes_back(influxdb: Bucket, open_influx: Opener) -> None:
    store = open_influx()
    store.write([stored("call_terminal", T, battery_percent=80)])
    influxdb.server.kill()
    with pytest.raises(StoreUnavailable, match="does not answer"):
        store.write([stored("call_terminal", T + 1000, battery_percent=80)])
    influxdb.server.start()
    store.write([stored("call_terminal", T + 1000, battery_percent=80)])
    points = store.points(*CALL, T, NOW, 10)
    assert [(p.taken_at_ms, p.fields) for p in points] == [
        (T, {"battery_percent": 80.0}),
        (T + 1000, {"battery_percent": 80.0}),
    ]


def test_a_revoked_token_is_one_clear_reason(influxdb: Bucket, open_influx: Opener) -> None:  # fault 27
    store = open_influx()
    store.write([stored("call_terminal", T)])
    for token in influxdb.server.call("GET", "/api/v2/authorizations").json()["authorizations"]:
        if token["description"] == f"shouwang recorder {influxdb.bucket}":
            influxdb.server.call("DELETE", f"/api/v2/authorizations/{token['id']}")
    for call in (lambda: store.write([stored("call_terminal", T + 1)]), store.check, lambda: store.latest([CALL])):
        with pytest.raises(StoreUnavailable, match="refuses the token: make one with `shouwang setup influxdb`"):
            call()


def test_a_bucket_that_is_gone_is_one_clear_reason(influxdb: Bucket, tmp_path: Path) -> None:  # fault 27
    name = f"{influxdb.bucket}-gone"
    made = setup_influxdb(influxdb.url, influxdb.token, org=influxdb.org, bucket=name, retention=RETENTION)
    store = InfluxStore(influxdb.url, influxdb.org, name, made.recorder_token or "", KINDS, marks=tmp_path / "hours.db")
    store.write([stored("call_terminal", T)])
    (bucket,) = influxdb.server.call("GET", f"/api/v2/buckets?name={name}").json()["buckets"]
    influxdb.server.call("DELETE", f"/api/v2/buckets/{bucket['id']}")
    for call in (lambda: store.write([stored("call_terminal", T + 1)]), store.check):
        with pytest.raises(StoreUnavailable, match=f'bucket "{name}".*`shouwang setup influxdb` makes what is missing'):
            call()
    store.close()


def test_a_token_that_may_only_read_says_so(open_influx: Opener, influxdb: Bucket) -> None:
    made = setup_influxdb(
        influxdb.url, influxdb.token, org=influxdb.org, bucket=influxdb.bucket, retention=RETENTION, renew_tokens=True
    )
    store = open_influx(token=made.reader_token)
    with pytest.raises(StoreUnavailable, match="may not write"):
        store.write([stored("call_terminal", T)])


class HandClock:
    """Stands until it is moved."""

    def __init__(self) -> None:
        self.mono_s = 0.0

    def now(self) -> Now:
        return Now(self.mono_s, NOW)


def test_a_field_of_another_type_in_the_bucket_costs_itself_alone(influxdb: Bucket, tmp_path: Path) -> None:
    # fault 26
    clock = HandClock()
    alien = f"call_terminal,centre=x,device=y battery_percent=1i,signal_dbm=1i {T}"
    write = f"{influxdb.url}/api/v2/write?org={influxdb.org}&bucket={influxdb.bucket}&precision=ms"
    httpx.post(write, content=alien, headers={"Authorization": f"Token {influxdb.token}"}).raise_for_status()
    store = InfluxStore(
        influxdb.url, influxdb.org, influxdb.bucket, influxdb.token, KINDS, marks=tmp_path / "h.db", clock=clock
    )
    batch = [stored("call_terminal", T + n * 1000, battery_percent=80, latency_ms=1.0) for n in range(5)]
    batch.append(stored("call_terminal", T + 5000, latency_ms=1.0))
    batch.append(stored("call_terminal", T + 6000, latency_ms=1.0, signal_dbm=-70))
    batch.append(stored("camera", T, fps=25))
    refused = store.write(batch)
    assert [each.stored for each in refused] == [*batch[:5], batch[6]]
    assert refused[0].reason == (
        "field battery_percent of call_terminal: the bucket holds it as integer, the kind file makes it float; "
        "the reading's other fields are stored"
    )
    points = store.points(*CALL, T, NOW, 100)
    assert [point.fields for point in points] == [{"latency_ms": 1.0}] * 7
    assert len(store.points("150525100201", "camera-01", "camera", T, NOW, 9)) == 1
    # it is not tried again with each batch, and is tried again after a while
    again = store.write([stored("call_terminal", T + DAY_MS, battery_percent=80)])
    assert len(again) == 1
    clock.mono_s += STRIPPED_FOR_S + 1
    assert store.write([stored("call_terminal", T + DAY_MS + 1, battery_percent=80)]) == []
    store.close()


def test_a_value_that_no_line_can_hold_costs_itself_alone(open_influx: Opener) -> None:
    store = open_influx()
    batch = [stored("call_terminal", T + n * 1000, latency_ms=1.0) for n in range(30)]
    for n in (3, 17):
        batch[n].reading.latency_ms = float("nan")
    refused = store.write(batch)
    assert sorted(each.stored.taken_at_ms for each in refused) == [T + 3000, T + 17_000]
    assert "cannot read" in refused[0].reason
    assert len(store.points(*CALL, T, NOW, 100)) == 28


def test_what_lies_still_is_written_once_in_five_minutes(influxdb: Bucket, open_influx: Opener) -> None:
    store = open_influx()
    count = 40
    store.write(
        [
            stored("call_terminal", T + n * 30_000, reachable=True, latency_ms=20.0 + n % 4, battery_percent=80)
            for n in range(count)
        ]
    )
    rows = influxdb.rows(
        f'from(bucket:"BUCKET") |> range(start: {T // 1000}) |> filter(fn: (r) => r._measurement == "call_terminal")'
        ' |> count() |> keep(columns: ["_field", "_value"])'
    )
    written = {row["_field"]: int(row["_value"]) for row in rows}
    assert written == {"whole_at": count, "reachable": 4, "latency_ms": 4, "battery_percent": 4}
    points = store.points(*CALL, T, NOW, 1000)
    assert len(points) == count
    assert all(point.fields.keys() == {"reachable", "latency_ms", "battery_percent"} for point in points)


def test_a_kind_of_ones_own_with_a_field_called_like_flux_words(influxdb: Bucket, tmp_path: Path) -> None:
    camera = KINDS.declared["camera"]
    kinds = Kinds({"filter": msgspec.structs.replace(camera, name="filter")})
    store = InfluxStore(influxdb.url, influxdb.org, influxdb.bucket, influxdb.token, kinds, marks=tmp_path / "h.db")
    store.write([Stored("c", "d", "filter", T, kinds.types["filter"](device="d", fps=25.0))])
    assert store.points("c", "d", "filter", T, NOW, 5)[0].fields == {"fps": 25.0}
    store.close()


def test_the_set_up_can_be_done_again(influxdb: Bucket) -> None:
    def set_up(retention: Retention, *, renew: bool = False) -> tuple[list[str], str | None, str | None]:
        made = setup_influxdb(
            influxdb.url,
            influxdb.token,
            org=influxdb.org,
            bucket=influxdb.bucket,
            retention=retention,
            renew_tokens=renew,
        )
        return made.done, made.recorder_token, made.reader_token

    done, recorder, reader = set_up(RETENTION)
    assert len(done) == 4
    assert recorder
    assert reader
    assert recorder != reader
    assert set_up(RETENTION) == ([], None, None)
    done, *tokens = set_up(Retention(raw_days=60, hourly_days=400))
    assert done == [f"bucket {influxdb.bucket} keeps 60 days from now on"]
    assert tokens == [None, None]
    done, renewed, _ = set_up(Retention(raw_days=60, hourly_days=400), renew=True)
    assert len(done) == 2
    old = httpx.post(
        f"{influxdb.url}/api/v2/write?org={influxdb.org}&bucket={influxdb.bucket}",
        headers={"Authorization": f"Token {recorder}"},
    )
    assert old.status_code == 401
    assert renewed not in (None, recorder)


def test_the_set_up_says_what_is_wrong(influxdb: Bucket) -> None:
    with pytest.raises(StoreUnavailable, match="401 unauthorized"):
        setup_influxdb(influxdb.url, "wrong", org=influxdb.org, bucket="b", retention=RETENTION)
    with pytest.raises(StoreUnavailable, match="no-such"):
        setup_influxdb(influxdb.url, influxdb.token, org="no-such", bucket="b", retention=RETENTION)
    with pytest.raises(StoreUnavailable, match="does not answer"):
        setup_influxdb("http://127.0.0.1:9", influxdb.token, org="o", bucket="b", retention=RETENTION)


def test_hours_are_summed_up_after_a_restart_too(open_influx: Opener) -> None:
    store = open_influx()
    store.write([stored("call_terminal", T + n * 60_000, battery_percent=n) for n in range(60)])
    store.close()
    store = open_influx()
    assert store.maintain(T + HOUR_MS + 599_999) is False  # within the grace
    assert store.means(*CALL, T - 5 * DAY_MS, T + HOUR_MS, HOUR_MS)[0].count == 60  # raw, as there is nothing else
    assert store.maintain(T + HOUR_MS + 600_000) is False
    (mean,) = store.means(*CALL, T - 5 * DAY_MS, T + HOUR_MS, HOUR_MS)
    assert (mean.count, mean.min["battery_percent"], mean.max["battery_percent"]) == (60, 0.0, 59.0)
