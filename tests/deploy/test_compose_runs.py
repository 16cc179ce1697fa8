"""What docker-compose.yml starts, really started, in its order and by its health checks: a terminal falls silent, the
API shows the incident, the readings are in InfluxDB. Left out: images, networks, Grafana (tests/deploy/box.py)."""

import asyncio
import csv
import json
import os
import re
import shlex
import signal
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from dashboards.places import LEDGER_UID
from dashboards.render import checked_in, targets
from shouwang import cli
from shouwang.clock import wall_ms
from tests.dashboards.grafana import ALL, Asking, Frame, Variable
from tests.dashboards.infinity import Infinity
from tests.deploy.box import Boxes, may_box
from tests.deploy.composed import services, variables_of
from tests.servers import need_server
from tests.servers.network import own_network
from tests.servers.programs import skip_or_fail
from tests.timeline.product import Devices
from tests.waiting import SELDOM_S, wait_until

pytestmark = [pytest.mark.system, pytest.mark.timeout(150)]

CENTRE = "my-centre"
API = "http://127.0.0.1:8420"
DEVICE = f"{API}/api/v1/centres/{CENTRE}/devices/call-01"


@pytest.fixture
def boxes(capsys: pytest.CaptureFixture[str]) -> Iterator[Boxes]:
    programs = {"influxd": need_server("influxd"), "mosquitto": need_server("mosquitto")}
    postgres = need_server("postgres").resolve().parent
    if not may_box():
        skip_or_fail("mount namespaces need root")
    # Not pytest's own temporary folder, which nobody but root may enter.
    with own_network(), tempfile.TemporaryDirectory(prefix="shouwang-compose-") as folder:
        room = Path(folder)
        room.chmod(0o755)
        project = room / "project"
        assert cli.main(["init", "--compose", str(project)]) == 0
        capsys.readouterr()
        variables = variables_of(project / ".env") | {"BANNER_CENTRES": "1"}
        programs |= {name: postgres / name for name in ("postgres", "initdb", "pg_isready")}
        made = Boxes(project, room, services(variables), programs)
        try:
            yield made
        finally:
            made.stop_all()


def begin_postgres(boxes: Boxes) -> None:
    """What the image's script does before it runs the command: a cluster, by the environment that the file gives."""
    service = boxes.services["postgres"]
    said = service.environment
    options = [
        "--username",
        said["POSTGRES_USER"],
        "--pwfile",
        said["POSTGRES_PASSWORD_FILE"],
        "--pgdata",
        said["PGDATA"],
    ]
    boxes.volume("ledger")
    boxes.execute("postgres", "initdb", "--no-sync", *options, *shlex.split(said["POSTGRES_INITDB_ARGS"]))
    cluster = boxes.volume("ledger") / Path(said["PGDATA"]).name
    with (cluster / "pg_hba.conf").open("a") as file:
        file.write("host all all all scram-sha-256\n")
    made = ["postgres", "--single", "-D", said["PGDATA"], "template1"]
    line = f"echo 'CREATE DATABASE {said['POSTGRES_DB']}' | {shlex.join(made)}"
    boxes.execute("postgres", "sh", "-ec", line)


def up(boxes: Boxes, *wanted: str) -> None:
    """Starts services and what they wait for, each when those are as it asks."""
    for name in wanted:
        if name in started(boxes):
            continue
        before = boxes.services[name].waits_for
        up(boxes, *before)
        for other in before:
            if other in boxes.running:
                boxes.until_healthy(other)
        if boxes.services[name].once:
            boxes.run(name)
        else:
            boxes.start(name)


def started(boxes: Boxes) -> set[str]:
    return {name for name in boxes.services if boxes.log(name).exists()}


def until(holds: Callable[[], Any], limit_s: float, boxes: Boxes, *logs: str) -> Any:
    return wait_until(
        holds,
        lambda: "\n".join(boxes.log(name).read_text(errors="replace")[-2500:] for name in logs),
        limit_s,
        SELDOM_S,
    )


def write_fleet(path: Path, target: str) -> None:
    """One household's terminal, asked each second."""
    row = {
        "region": "150525",
        "centre": CENTRE,
        "township": "150525100",
        "township_name": "大沁他拉镇",
        "device": "call-01",
        "kind": "call_terminal",
        "driver": "tcp",
        "target": target,
        "report_every_s": "1",
        "silent_after_s": "6",
        "notify_after_s": "1",
    }
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, row)
        writer.writeheader()
        writer.writerow(row)


async def what_grafana_shows(token: str) -> dict[str, Frame]:
    """Every question that the fleet's dashboard asks of REST, answered by what runs; by the title of its panel."""
    now_ms = wall_ms()
    asking = Asking(now_ms - 3_600_000, now_ms, variables={"township": Variable([ALL], "*")})
    shown = {}
    async with httpx.AsyncClient(base_url=API, timeout=5) as client:
        for panel, target in targets(json.loads(checked_in()["zh/shouwang-fleet-zh.json"])):
            if target["datasource"]["uid"] == LEDGER_UID:
                (frame,) = await Infinity(client, token).frames(target, asking)
                shown[panel["title"]] = frame
    return shown


def test_a_terminal_falls_silent_in_what_the_compose_file_starts(boxes: Boxes) -> None:
    with Devices(1) as devices:
        ((terminal, target),) = devices.targets.items()
        write_fleet(boxes.project / "fleet.csv", target)
        (boxes.volume("agent") / "allowed.toml").write_text("loopback = true\n")
        owner = boxes.services["influxdb"].uid
        os.chown(boxes.volume("readings"), owner, owner)
        boxes.volume("readings").chmod(0o755)
        begin_postgres(boxes)

        up(boxes, "collector", "api", "agent", "banner")
        for name in list(boxes.running):
            boxes.until_healthy(name)
        order = list(boxes.running)
        assert order.index("mosquitto") < order.index("collector")

        token = boxes.execute("api", "shouwang", "token", "create", "--role", "viewer").strip()
        asks = httpx.Client(headers={"Authorization": f"Bearer {token}"}, timeout=5)

        def device() -> dict[str, Any]:
            answer = asks.get(DEVICE)
            return dict(answer.json()) if answer.is_success else {}

        until(lambda: device().get("condition") == "ok", 20, boxes, "agent", "collector")
        online = until(
            lambda: asks.get(f"{API}/api/v1/summary").json()["centres"].get("online") == 2, 20, boxes, "banner"
        )
        assert online

        devices.unplug(terminal)
        found = until(
            lambda: [
                each
                for each in asks.get(f"{API}/api/v1/incidents?open=true").json()["items"]
                if (each["centre"], each["device"]) == (CENTRE, "call-01")
            ],
            20,
            boxes,
            "agent",
            "collector",
        )
        assert found[0]["cause"] in ("device_down", "device_silent")
        assert device()["condition"] in ("down", "silent")

    reader = (boxes.volume("reader-token") / "influxdb").read_text().strip()

    def stored() -> set[str]:
        flux = (
            'from(bucket: "shouwang") |> range(start: -1h) |> filter(fn: (r) => r._measurement == "call_terminal" and '
            'r.device == "call-01" and r._field == "reachable")'
        )
        answer = httpx.post(
            "http://127.0.0.1:8086/api/v2/query?org=shouwang",
            content=flux,
            headers={"Authorization": f"Token {reader}", "Content-Type": "application/vnd.flux"},
        ).raise_for_status()
        return {row["_value"] for row in csv.DictReader(answer.text.splitlines())}

    until(lambda: stored() == {"true", "false"}, 15, boxes, "collector")
    written = httpx.post(
        "http://127.0.0.1:8086/api/v2/write?org=shouwang&bucket=shouwang",
        content="x y=1",
        headers={"Authorization": f"Token {reader}"},
    )
    assert written.status_code == 403

    viewer = (boxes.volume("viewer-token") / "api").read_text().strip()
    as_grafana = httpx.Client(headers={"Authorization": f"Bearer {viewer}"}, timeout=5)
    open_now = asyncio.run(what_grafana_shows(viewer))["未关闭的事件"]
    assert found[0]["id"] in open_now["id"]
    assert as_grafana.post(f"{API}/api/v1/incidents/{found[0]['id']}/acknowledge").status_code == 403

    assert all(boxes.healthy(name) for name in boxes.running)
    nobody_can_do_more_than_it_must(boxes)
    what_hangs_is_no_longer_healthy(boxes)
    nothing_is_said_of_secrets(boxes)
    for name in ("banner", "agent", "api", "collector", "mosquitto"):
        assert boxes.stop(name) == 0, name
    a_second_start_changes_nothing(boxes)


def nobody_can_do_more_than_it_must(boxes: Boxes) -> None:
    """The boxes are as closed as the file says, or what runs in them proves little."""
    for name in boxes.running:
        said = boxes.execute(name, "sh", "-c", "! touch /x 2>&1; ! touch /usr/x 2>&1; id -u; cat /proc/self/status")
        assert said.count("cannot touch") == 2
        assert f"\n{boxes.services[name].uid}\n" in said
        assert re.search(r"^NoNewPrivs:\s+1$", said, re.MULTILINE)
        for which in ("CapInh", "CapPrm", "CapEff", "CapBnd"):
            assert re.search(rf"^{which}:\s+0+$", said, re.MULTILINE), (name, which)


def nothing_is_said_of_secrets(boxes: Boxes) -> None:
    secrets = [path.read_text().strip() for path in (boxes.project / "secrets").iterdir()]
    secrets += [path.read_text().strip() for path in boxes.volume("agent-password").iterdir()]
    logs = "".join(boxes.log(name).read_text(errors="replace") for name in started(boxes))
    assert not [secret for secret in secrets if secret in logs]


def a_second_start_changes_nothing(boxes: Boxes) -> None:
    files = [*boxes.volume("agent-password").iterdir(), *boxes.volume("reader-token").iterdir()]
    before = {path: path.read_text() for path in files}
    boxes.log("setup").unlink()
    said = boxes.run("setup")
    assert "nothing to do: buckets and tokens are as they should be" in said
    assert "its centres are known, nothing was changed" in said
    assert "0 passwords made" in said
    assert {path: path.read_text() for path in files} == before


def what_hangs_is_no_longer_healthy(boxes: Boxes) -> None:
    """The agent hangs; what it touched last is as old as it would be a minute later."""
    boxes.running["agent"].send_signal(signal.SIGSTOP)
    alive = boxes.room / "temporary" / "agent" / "tmp" / "alive"
    past = alive.stat().st_mtime - 60
    os.utime(alive, (past, past))
    assert not boxes.healthy("agent")
    boxes.running["agent"].send_signal(signal.SIGCONT)
    until(lambda: boxes.healthy("agent"), 15, boxes, "agent")
