"""What `docker compose` wants beside docker-compose.yml: secrets, each in a file of its own, and `.env`.

Compose gives a secret's file to a container as it is, owner and mode too (its `uid`, `gid` and `mode` hold for Swarm
alone). So that files may be of mode 0600 and nobody in a container is root, whoever reads a secret runs as the files'
owner: as RUN_UID and RUN_GID of `.env` say.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from collector.beginning import keep_secret
from shouwang.trouble import Trouble

OF_NOBODY = 10001
"""Who owns the files when root writes them: a user that no machine has."""
_POSTGRES = "postgres-password"
_MADE = (
    _POSTGRES,
    "influxdb-admin-token",
    "influxdb-admin-password",
    "mqtt-collector",
    "grafana-admin-password",
    "grafana-secret-key",
    "alert-webhook-token",
)
_SAME = {"pgpass": ("*:*:*:*:{}", _POSTGRES)}
"""The same secret for another reader: libpq takes a password from such a file."""
NAMES = (*_MADE, *_SAME)


def write_secrets(folder: Path) -> list[Path]:
    """Makes the secrets that are missing; those that are there stay, since servers have them. Gives what was written.
    Raises Trouble."""
    before = os.umask(0o077)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise Trouble(f"{folder}: {error.strerror}") from error
    finally:
        os.umask(before)
    written = []
    for name in NAMES:
        path = folder / name
        if path.exists():
            continue
        text = secrets.token_urlsafe(32)
        if name in _SAME:
            form, of = _SAME[name]
            text = form.format((folder / of).read_text("utf-8").strip())
        keep_secret(path, text + "\n")
        written.append(path)
    uid, gid = owner()
    if os.geteuid() == 0:
        for path in (folder, *(folder / name for name in NAMES)):
            os.chown(path, uid, gid)
    return written


def owner() -> tuple[int, int]:
    """Who owns the files, and so runs in the containers: whoever calls, but never root."""
    return (OF_NOBODY, OF_NOBODY) if os.geteuid() == 0 else (os.getuid(), os.getgid())


def environment() -> str:
    """The text of `.env`, without any secret."""
    uid, gid = owner()
    return f"""\
# What docker-compose.yml asks for. Nothing in here is secret; secrets stand in secrets/, a file each.
RUN_UID={uid}
RUN_GID={gid}

# The agent of this machine: its centre and region, as in fleet.csv.
AGENT_CENTRE=my-centre
AGENT_REGION=150525

# Where console, Grafana and MQTT are reached. 0.0.0.0: from other machines too (docs/docker.md says what else then).
CONSOLE_BIND=127.0.0.1
CONSOLE_URL=http://127.0.0.1:8420
GRAFANA_BIND=127.0.0.1
GRAFANA_URL=http://127.0.0.1:3000

# Where Grafana posts its alerts (docs/grafana-alerts.md), with the token of secrets/alert-webhook-token.
ALERT_WEBHOOK_URL=http://nobody.invalid/
MQTT_BIND=127.0.0.1

# How much of the simulated banner runs (docker compose --profile banner up): at most 381 centres.
BANNER_CENTRES=40
BANNER_SPEED=1
"""
