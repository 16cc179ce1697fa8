"""A new box at the centre of it: a code that a person was given, for what the agent needs."""

from __future__ import annotations

import json
import ssl
import urllib.error
import urllib.request
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from shouwang.dial import tls_context
from shouwang.trouble import Trouble

WITHIN_S = 30.0
_ANSWER_MAX = 1 << 20


class Enrolled(msgspec.Struct, frozen=True):
    """Who this box is from now on, where its broker is, and whom it believes."""

    centre: Annotated[str, Meta(pattern=r"^[a-z0-9-]{1,32}$")]
    region: Annotated[str, Meta(pattern=r"^[a-z0-9-]{1,32}$")]
    broker: Annotated[str, Meta(pattern=r"^mqtts?://[^/@\s]+$")]
    ca: str = ""
    bundle_key: str = ""


def enrol(server: str, code: str, password: str, ca_file: Path | None) -> Enrolled:
    """Uses the code up; with the same password it may be asked again. Raises Trouble that says what to do."""
    if not server.startswith(("https://", "http://")):
        raise Trouble(f"--server {server}: an address like https://shouwang.example:8420 is expected")
    url = f"{server.rstrip('/')}/agent/v1/enrol"
    body = json.dumps({"code": code, "password": password}).encode()
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})  # noqa: S310
    try:
        tls = tls_context(ca_file) if url.startswith("https:") else None
        with urllib.request.urlopen(request, timeout=WITHIN_S, context=tls) as response:  # noqa: S310
            return msgspec.json.decode(response.read(_ANSWER_MAX), type=Enrolled)
    except urllib.error.HTTPError as error:
        with error:
            raise Trouble(f"{server} refuses: {_detail(error.read(2_000)) or error.reason}") from None
    except (OSError, ssl.SSLError, msgspec.MsgspecError) as error:
        reason = getattr(error, "reason", error)
        raise Trouble(
            f"{server} cannot be asked: {reason}. Nothing was installed; the same code may be tried again"
        ) from None


def _detail(problem: bytes) -> str:
    try:
        return str(json.loads(problem).get("detail", ""))
    except (ValueError, AttributeError):
        return ""
