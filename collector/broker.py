"""The broker that `serve` starts: Mosquitto where it is installed, else the embedded one, on loopback alone.

On loopback nobody needs a password. Agents on other machines do, each its own, and an ACL holds each to its own topics;
only Mosquitto can do that, so without it nobody is let in from outside.
"""

from __future__ import annotations

import os
import secrets
import shutil
from pathlib import Path
from string import Template

from sqlalchemy import Connection

from shouwang.ledger.people import mosquitto_hash, mqtt_passwords
from shouwang.settings import Settings, SettingsError, secret

COLLECTOR = "_collector"
"""Our own user name. No centre can have it: theirs hold no underscore."""
DEPLOY = Path(__file__).resolve().parent.parent / "deploy"
EMBEDDED = "embedded"
_PLACES = ("/usr/sbin/mosquitto", "/usr/local/sbin/mosquitto", "/opt/homebrew/sbin/mosquitto")
WITHOUT_MOSQUITTO = (
    "agents on other machines need Mosquitto, which asks each for its password and holds each to its own topics; "
    "the embedded broker cannot. Install it (apt-get install mosquitto), or leave --mqtt-host out"
)


def find_mosquitto(settings: Settings) -> Path | None:
    """Where Mosquitto is installed, if it is; `broker.program` names another, or `embedded`. Raises SettingsError."""
    named = settings.broker.program
    if named == EMBEDDED:
        return None
    if named is not None:
        if not os.access(named, os.X_OK):
            raise SettingsError(f"broker.program: {named} is no program; give {EMBEDDED}, or where mosquitto is")
        return Path(named)
    found = shutil.which("mosquitto")
    return Path(found) if found else next((Path(place) for place in _PLACES if Path(place).exists()), None)


def check(settings: Settings, mosquitto: Path | None) -> None:
    """Raises SettingsError where the settings ask for what the broker at hand cannot do."""
    broker = settings.broker
    if settings.broker.url is not None:
        return
    if settings.agents_from_outside and mosquitto is None:
        raise SettingsError(WITHOUT_MOSQUITTO)
    if (broker.certificate_file is None) != (broker.key_file is None):
        raise SettingsError("broker.certificate_file and broker.key_file go together")
    if broker.certificate_file is not None and not settings.agents_from_outside:
        raise SettingsError("broker.certificate_file is for agents on other machines; on loopback there is no TLS")


def write_mosquitto(settings: Settings) -> Path:
    """Writes Mosquitto's configuration into the state directory; gives its path."""
    directory = _directory(settings)
    path = directory / "mosquitto.conf"
    text = Template((DEPLOY / "mosquitto.conf").read_text("utf-8")).substitute(
        directory=directory,
        # As root it would become `mosquitto`, who may not read the state directory.
        user="user root" if os.geteuid() == 0 else "",
        connection_messages="true" if settings.agents_from_outside else "false",
        listeners="\n".join(_listeners(settings, directory)),
    )
    _write(path, text)
    if settings.agents_from_outside:
        _write(directory / "acl", (DEPLOY / "mosquitto.acl").read_text("utf-8"))
    return path


def write_passwords(settings: Settings, connection: Connection, *, anew: bool = False) -> bool:
    """Writes Mosquitto's password file from the ledger; True when it differs from the one that stood there. `anew`: our
    own password is hashed again, as it may be another than that of the last start."""
    lines = {name: hashed for name, hashed in mqtt_passwords(connection).items() if name != COLLECTOR}
    path = _directory(settings) / "passwords"
    kept = None if anew else _line_of(path, COLLECTOR)
    lines[COLLECTOR] = kept or mosquitto_hash(collector_password(settings))
    text = "".join(f"{name}:{hashed}\n" for name, hashed in sorted(lines.items()))
    if path.exists() and path.read_text("utf-8") == text:
        return False
    _write(path, text)
    return True


def collector_password(settings: Settings) -> str:
    """Our own password at the broker that we start: that of `[broker] password_file`, else made the first time and kept
    in the state directory. Raises SettingsError."""
    given = secret(settings.broker.password, settings.broker.password_file, "broker.password_file")
    if given is not None:
        return given
    path = settings.state / "secrets" / "mqtt-collector"
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        new = path.with_name(f"mqtt-collector.{os.getpid()}")
        _write(new, secrets.token_urlsafe(24) + "\n")
        try:
            os.link(new, path)
            (_directory(settings) / "passwords").unlink(missing_ok=True)  # it holds the hash of another
        except FileExistsError:
            pass  # another process was first: its password holds
        finally:
            new.unlink()
    return path.read_text("utf-8").strip()


def write_iotcore(settings: Settings) -> Path:
    """Writes the embedded broker's configuration; gives its path."""
    path = _directory(settings) / "iotcore.toml"
    _write(path, Template((DEPLOY / "iotcore.toml").read_text("utf-8")).substitute(port=settings.broker.port))
    return path


def _listeners(settings: Settings, directory: Path) -> list[str]:
    broker = settings.broker
    if not settings.agents_from_outside:
        return [f"listener {broker.port} 127.0.0.1", "allow_anonymous true"]
    lines = [
        "allow_anonymous false",
        f"password_file {directory / 'passwords'}",
        f"acl_file {directory / 'acl'}",
        "# Agents: the client id is the user name, so that none can take another's session over.",
        f"listener {broker.port} {broker.host}",
        "use_username_as_clientid true",
    ]
    if broker.certificate_file is not None:
        lines += [f"certfile {broker.certificate_file.absolute()}", f"keyfile {_absolute(broker.key_file)}"]
    inner = f"listener {settings.inner_mqtt_port} {broker.inner_host}"
    return [*lines, "# Our own processes, which hold two sessions.", inner]


def _absolute(path: Path | None) -> Path | None:
    return None if path is None else path.absolute()


def _directory(settings: Settings) -> Path:
    directory = settings.state.absolute() / "broker"
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    return directory


def _line_of(path: Path, name: str) -> str | None:
    try:
        lines = path.read_text("utf-8").splitlines()
    except FileNotFoundError:
        return None
    return next((line.partition(":")[2] for line in lines if line.startswith(f"{name}:")), None)


def _write(path: Path, text: str) -> None:
    """Whole or not at all, and for nobody else to read."""
    new = path.with_name(path.name + ".new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    new.replace(path)
