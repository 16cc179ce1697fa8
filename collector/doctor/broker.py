"""Looks at the broker: the program, its certificates, whether it lets us in and nobody else, and how it is set."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from collector.broker import COLLECTOR, find_mosquitto
from collector.doctor.acl import judge, parse_conf
from collector.doctor.around import Around
from collector.doctor.finding import At, Finding, found
from collector.service import login_of
from shouwang import clock
from shouwang.certificates import due, file_ends_at_ms, in_words
from shouwang.mqtt import split_url
from shouwang.settings import Loaded, Settings, SettingsError

ANSWER_WITHIN_S = 5.0
MOSQUITTO_CONF = Path("/etc/mosquitto/mosquitto.conf")
HERE = ("127.0.0.1", "localhost", "::1")


def program(loaded: Loaded, _around: Around) -> Iterator[Finding]:
    """Mosquitto, where the broker is one that we start."""
    settings = loaded.settings
    if settings.broker.url is not None:
        return
    mosquitto = find_mosquitto(settings)
    if mosquitto is not None:
        yield found("mosquitto_good", program=f"{mosquitto} {_version(mosquitto)}".strip())
    else:
        yield found("mosquitto_missing" if settings.agents_from_outside else "mosquitto_none")


def _version(mosquitto: Path) -> str:
    try:
        said = subprocess.run([mosquitto, "-h"], capture_output=True, text=True, timeout=ANSWER_WITHIN_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    first = said.stdout.splitlines()[:1]
    return first[0].removeprefix("mosquitto version ") if first else ""


def certificates(loaded: Loaded, around: Around) -> Iterator[Finding]:
    """Until when certificate and authority of `[broker]` are good."""
    broker = loaded.settings.broker
    for key, path in (("certificate_file", broker.certificate_file), ("ca_file", broker.ca_file)):
        if path is None:
            continue
        try:
            ends_ms = file_ends_at_ms(path, authorities=key == "ca_file")
        except (OSError, ValueError) as error:
            said = f"broker.{key}: {path}: {error.strerror}" if isinstance(error, OSError) else f"broker.{key}: {error}"
            yield found("certificate_unreadable", said=said)
            continue
        code = "certificate_good"
        if ends_ms <= around.now_ms:
            code = "certificate_ended"
        elif due(ends_ms, around.now_ms) is not None:
            code = "certificate_ends"
        said = in_words(ends_ms, around.now_ms)
        yield found(code, key=f"broker.{key}", file=path, at=At(ends_ms), said=said)


def login(loaded: Loaded, _around: Around) -> Iterator[Finding]:
    """Whether it lets the collector in."""
    settings = loaded.settings
    url = settings.broker_url
    try:
        of_ours = login_of(settings)
    except SettingsError:
        return  # the look at secrets says so
    said, answered = _knock(settings, of_ours.username, of_ours.password)
    if said == "Success":
        yield found("broker_good", url=url)
        host, _, secure = split_url(url)
        if not secure and host not in HERE:
            yield found("broker_in_clear", url=url)
    elif answered:
        yield found("broker_refuses", url=url, said=said)
    else:
        yield found("broker_down" if settings.broker.url else "broker_not_running", url=url, said=said)


def anonymous(loaded: Loaded, _around: Around) -> Iterator[Finding]:
    """Whether it lets in who has no password; on loopback alone that is meant."""
    settings = loaded.settings
    if not settings.agents_from_outside and not _others_reach(settings):
        return
    if _knock(settings, None, None)[0] == "Success":
        yield found("broker_anonymous", url=settings.broker_url)


def _others_reach(settings: Settings) -> bool:
    """Whether a broker that we do not start is reached by other machines: by its address, or by that of this one."""
    if settings.broker.url is None:
        return False
    host, port, _ = split_url(settings.broker.url)
    if host not in HERE:
        return True
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as way_out:
            way_out.connect(
                ("192.0.2.1", 9)
            )  # sends nothing (RFC 5737): it says which address this machine goes out by
            own = way_out.getsockname()[0]
        with socket.create_connection((own, port), timeout=1.0):
            return True
    except OSError:
        return False


def _knock(settings: Settings, username: str | None, password: str | None) -> tuple[str, bool]:
    """What the broker says to a login (`Success`), and whether it said anything; else why there is no answer."""
    host, port, secure = split_url(settings.broker_url)
    client = paho.Client(CallbackAPIVersion.VERSION2, "", protocol=paho.MQTTv5)
    if username is not None:
        client.username_pw_set(username, password)
    if secure and (tls := login_of(settings).tls) is not None:
        client.tls_set_context(tls)
    answers: list[str] = []
    client.on_connect = lambda _c, _d, _f, code, _p: answers.append(str(code))
    client.connect_timeout = ANSWER_WITHIN_S
    try:
        client.connect(host, port, keepalive=10)
        limit_s = clock.mono_s() + ANSWER_WITHIN_S
        while not answers and clock.mono_s() < limit_s and client.loop(0.1) is paho.MQTT_ERR_SUCCESS:
            pass
    except OSError as error:
        return error.strerror or str(error), False
    finally:
        client.disconnect()
    return (answers[0], True) if answers else ("no answer", False)


def usual_configuration(settings: Settings) -> Path | None:
    """Where the file of a broker on this machine, that we do not start, usually stands."""
    is_elsewhere = settings.broker.url is None or split_url(settings.broker.url)[0] not in HERE
    return None if is_elsewhere or not MOSQUITTO_CONF.exists() else MOSQUITTO_CONF


def configuration(loaded: Loaded, around: Around) -> Iterator[Finding]:
    """The configuration of a Mosquitto that somebody else starts, where its file stands on this machine."""
    file = around.mosquitto_conf
    if file is None:
        return
    try:
        conf = parse_conf(file.read_text("utf-8", "replace"), _included)
        acl_file = Path(conf.last("acl_file")) if conf.last("acl_file") else None
        acl = None if acl_file is None else acl_file.read_text("utf-8", "replace")
    except OSError as error:
        yield found("broker_file_unreadable", said=f"{error.filename}: {error.strerror}")
        return
    wrong = list(judge(conf, file, acl, acl_file or file, loaded.settings.broker.username or COLLECTOR))
    yield from wrong or [found("broker_file_good", file=file)]


def _included(folder: str) -> Iterator[str]:
    for path in sorted(Path(folder).glob("*.conf")):
        yield path.read_text("utf-8", "replace")
