"""docker-compose.yml as it is written: by the Compose Specification, and by what we promise of every container."""

import json
import os
import re
import stat
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from collector.compose import NAMES, environment
from dashboards.places import FOLDERS, LEDGER_TYPE, LEDGER_UID, READINGS_TYPE, READINGS_UID
from shouwang import cli
from tests.deploy.composed import FILE, ROOT, MissingVariable, Service, read, services, variables_of

SCHEMA = Path(__file__).parent / "compose_spec" / "compose-spec.json"
VARIABLES = {"RUN_UID": "1234", "RUN_GID": "1234"}
SERVICES = services(VARIABLES)
PINNED = re.compile(r"^[a-z0-9/-]+:\d+\.\d+(\.\d+)?(-[a-z]+)*$")
EVERY = pytest.mark.parametrize("service", SERVICES.values(), ids=SERVICES)


def problems(file: Any) -> list[str]:
    schema = json.loads(SCHEMA.read_text("utf-8"))
    found = jsonschema.Draft202012Validator(schema).iter_errors(file)
    return [f"{'.'.join(map(str, each.absolute_path))}: {each.message}" for each in found]


def test_the_file_is_as_the_compose_specification_has_it() -> None:
    assert problems(yaml.safe_load(FILE.read_text("utf-8"))) == []
    assert problems(read(VARIABLES)) == []


def test_the_schema_finds_what_is_wrong() -> None:
    wrong = read(VARIABLES)
    wrong["services"]["api"]["mem_limits"] = "1g"
    wrong["services"]["agent"]["depends_on"]["mosquitto"]["condition"] = "healthy"
    said = problems(wrong)
    assert any(line.startswith("services.api:") and "mem_limits" in line for line in said)
    assert any(line.startswith("services.agent.depends_on:") for line in said)


def test_all_that_the_product_is_made_of_is_there() -> None:
    assert set(SERVICES) >= {"mosquitto", "influxdb", "postgres", "grafana", "collector", "api", "agent", "banner"}
    assert {name for name, each in SERVICES.items() if "profiles" in each.said} == {"banner", "banner-setup"}


@EVERY
def test_a_container_can_do_no_more_than_it_must(service: Service) -> None:
    said = service.said
    assert PINNED.match(said["image"]), said["image"]
    assert service.uid != 0
    assert said["read_only"] is True
    assert said["cap_drop"] == ["ALL"]
    assert said["security_opt"] == ["no-new-privileges:true"]
    assert not {"privileged", "cap_add", "devices", "network_mode", "pid", "ipc"} & set(said)
    assert re.match(r"^\d+[mg]$", said["mem_limit"])
    assert said["pids_limit"] <= 200
    assert said["init"] is True
    assert "docker.sock" not in json.dumps(said)


@EVERY
def test_what_runs_on_has_a_health_check_and_what_runs_once_ends(service: Service) -> None:
    assert service.once != ("healthcheck" in service.said)
    if not service.once:
        assert service.said["restart"] == "unless-stopped"
        assert {"interval", "timeout", "retries", "start_period"} <= set(service.said["healthcheck"])


@EVERY
def test_a_service_waits_for_others_until_they_can_be_used(service: Service) -> None:
    for name, condition in service.waits_for.items():
        other = SERVICES[name]
        assert condition == ("service_completed_successfully" if other.once else "service_healthy")
        assert not ("profiles" in other.said and "profiles" not in service.said)


@EVERY
def test_ports_are_open_to_this_machine_alone_unless_said_otherwise(service: Service) -> None:
    for port in service.said.get("ports", ()):
        assert port.startswith("127.0.0.1:")
    for port in yaml.safe_load(FILE.read_text("utf-8"))["services"][service.name].get("ports", ()):
        assert re.match(r"^\$\{[A-Z]+_BIND:-127\.0\.0\.1\}:\d+:\d+$", port)


@EVERY
def test_no_secret_stands_in_the_file(service: Service) -> None:
    for name, value in service.environment.items():
        if re.search(r"PASSWORD|TOKEN|SECRET|_KEY|PGPASS", name) and value != "false":
            assert value.startswith(("/run/secrets/", "/tokens/")), name
        assert not re.search(r"://[^/\s]*:[^/\s]*@", value), name
    for word in service.argv:
        assert not re.match(r"^--?\w*(password|token|secret)(?!\w*-?file)\w*=(?!/)", word)


def test_databases_are_reached_by_nobody_from_outside() -> None:
    whole = read(VARIABLES)
    assert whole["networks"]["inside"]["internal"] is True
    for name in ("postgres", "influxdb"):
        assert SERVICES[name].said["networks"] == ["inside"]
        assert "ports" not in SERVICES[name].said
    assert SERVICES["agent"].said["networks"] == ["outside"], "an agent has no business with the databases"


def test_what_is_used_is_declared_and_what_is_declared_is_used() -> None:
    whole = read(VARIABLES)
    mounts = [(service, mount) for service in SERVICES.values() for mount in service.mounts]
    assert {mount.source for _, mount in mounts if mount.volume} == set(whole["volumes"])
    used = {name for service in SERVICES.values() for name in service.said.get("secrets", ())}
    assert used == set(whole["secrets"]) == set(NAMES)
    for name, said in whole["secrets"].items():
        assert said == {"file": f"./secrets/{name}"}
    for service, mount in mounts:
        if mount.volume and mount.target.startswith("/tokens/"):
            assert mount.read_only != service.once, f"{service.name}: only who makes a token may write it"


def test_without_init_compose_says_what_to_do_first() -> None:
    with pytest.raises(MissingVariable, match=r"shouwang init --compose \."):
        read({})


def test_one_image_pinned_and_without_anything_that_is_not_named() -> None:
    text = (ROOT / "deploy" / "Dockerfile").read_text("utf-8")
    for base in re.findall(r"^FROM (\S+)", text, re.MULTILINE):
        assert PINNED.match(base), base
    assert re.findall(r"^USER (\S+)", text, re.MULTILINE) == ["65534:65534"]
    ignored = (ROOT / "deploy" / "Dockerfile.dockerignore").read_text("utf-8").splitlines()
    assert "*" in ignored
    for source in re.findall(r"^COPY (?!--from)(\S+)", text, re.MULTILINE):
        assert (ROOT / source).exists()
        assert f"!{source}" in ignored
    made = re.search(r"--mode=1777 (.+)$", text, re.MULTILINE)
    assert made
    needed = {mount.target for each in SERVICES.values() if each.ours for mount in each.mounts if mount.volume}
    assert needed == set(made[1].split())


def test_a_command_of_ours_is_one_that_there_is() -> None:
    for service in (each for each in SERVICES.values() if each.ours):
        if service.argv[0] == "shouwang":
            assert service.argv[1] in cli.COMMANDS
        for words in re.findall(r"^shouwang ([a-z ]+?)(?: [-/\"$]|$)", service.argv[-1], re.MULTILINE):
            assert cli.main([*words.split(), "--help"]) == 0


def test_secrets_are_made_once_and_for_their_owner_alone(tmp_path: Path) -> None:
    assert cli.main(["init", "--compose", str(tmp_path)]) == 0
    folder = tmp_path / "secrets"
    kept = {path.name: path.read_text() for path in folder.iterdir()}
    assert set(kept) == set(NAMES)
    assert kept["pgpass"].strip() == f"*:*:*:*:{kept['postgres-password'].strip()}"
    said = variables_of(tmp_path / ".env")
    owner = int(said["RUN_UID"])
    assert owner != 0
    assert owner == (os.getuid() or owner)
    for path in folder.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert path.stat().st_uid == owner
        assert len(path.read_text().strip()) >= 40
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert not any(secret.strip() in (tmp_path / ".env").read_text() for secret in kept.values())

    (folder / "mqtt-collector").unlink()
    (tmp_path / ".env").write_text("RUN_UID=5\n")
    assert cli.main(["init", "--compose", str(tmp_path), "--force"]) == 0
    again = {path.name: path.read_text() for path in folder.iterdir()}
    assert {name for name in kept if kept[name] != again[name]} == {"mqtt-collector"}
    assert variables_of(tmp_path / ".env") == said


def test_grafana_reads_with_tokens_that_read_alone() -> None:
    file = ROOT / "dashboards" / "provisioning" / "datasources" / "shouwang.yml"
    source, ledger = yaml.safe_load(file.read_text("utf-8"))["datasources"]
    grafana = SERVICES["grafana"]
    assert (source["uid"], source["type"]) == (READINGS_UID, READINGS_TYPE)
    assert (ledger["uid"], ledger["type"]) == (LEDGER_UID, LEDGER_TYPE)
    assert ledger["url"] == "$SHOUWANG_URL"
    assert ledger["jsonData"]["allowedHosts"] == ["$SHOUWANG_URL"]
    assert grafana.environment["SHOUWANG_URL"] == f"http://api:{SERVICES['api'].environment['SHOUWANG_API__PORT']}"
    kept = ledger["secureJsonData"]["bearerToken"].removeprefix("$__file{").removesuffix("}")
    assert f"shouwang setup token {kept} " in SERVICES["setup"].argv[-1]
    assert "/tokens/viewer" in {mount.target for mount in grafana.mounts}
    assert SERVICES["grafana-plugin"].environment["PLUGIN"] == LEDGER_TYPE
    assert source["url"] == "$INFLUXDB_URL"
    assert grafana.environment["INFLUXDB_URL"] == SERVICES["api"].environment["SHOUWANG_READINGS__URL"]
    token = source["secureJsonData"]["token"]
    assert token == f"$__file{{{SERVICES['setup'].environment['SHOUWANG_READINGS__READER_TOKEN_FILE']}}}"
    assert "/tokens/reader" in {mount.target for mount in grafana.mounts}
    assert "/tokens/recorder" not in {mount.target for mount in grafana.mounts}


def test_grafana_is_given_every_dashboard_in_the_folder_that_rules_and_links_name() -> None:
    file = ROOT / "dashboards" / "provisioning" / "dashboards" / "shouwang.yml"
    providers = yaml.safe_load(file.read_text("utf-8"))["providers"]
    assert {(each["folderUid"], each["folder"]) for each in providers} == {(f.uid, f.title) for f in FOLDERS.values()}
    (seen,) = (mount for mount in SERVICES["grafana"].mounts if mount.target == "/etc/grafana/dashboards")
    for each in providers:
        language = each["folderUid"].removeprefix("shouwang-")
        assert each["options"]["path"] == f"{seen.target}/{language}"
        assert list((ROOT / seen.source / language).glob("*.json"))


@pytest.mark.parametrize("page", ["docker.md", "docker.zh-CN.md"])
def test_the_page_names_every_service_and_what_an_env_file_may_say(page: str) -> None:
    text = (ROOT / "docs" / page).read_text("utf-8")
    for name in SERVICES.keys() - {"banner-setup"}:
        assert f"`{name}`" in text, name
    for name in re.findall(r"`([A-Z]+_[A-Z]+)`", text):
        assert f"\n{name}=" in environment(), name
    for port in re.findall(r"127\.0\.0\.1:(\d+)", text):
        assert any(f":{port}:" in each for service in SERVICES.values() for each in service.said.get("ports", ()))
